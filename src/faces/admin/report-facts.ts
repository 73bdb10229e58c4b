import type { Result } from "../../base/result.ts";
import type { PastFault } from "../../control/past/fault.ts";
import type { JournalPage } from "../../wire/journal-api.ts";
import type { PrintPdf, WholeFacts } from "../report/render.ts";
import { redactSecrets } from "./redaction.ts";
import type { AdminSources } from "./sources.ts";

/** What the admin port knows for a report besides what it shows elsewhere. */
export type ReportParts = {
  readonly nowMs: () => number;
  readonly printPdf: PrintPdf;
  readonly upkeep: (experiment: string) => WholeFacts["upkeep"];
  /** What a language model says of the report; null where none is configured. Never rejects. */
  readonly explain: (facts: WholeFacts) => Promise<WholeFacts["insights"]>;
};

/** What is asked for; null where nothing is said. */
export type ReportRange = {
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Stretches of history at the most. */
  readonly points: number | null;
  /** Whether to ask the language model. */
  readonly insights: boolean;
};

/** An hour, where nothing says since when. */
const rangeMsDefault = 3_600_000;
const rangeMsMin = 60_000;
const pointsDefault = 500;
/** Shorter stretches have too few requests for a line. */
const stretchMsMin = 10_000;
const pointsMin = 10;
const journalEntriesMax = 2000;
const journalPageMax = 1000;

/** Everything that a report of `experiment` is made of; null when there is no such experiment. */
export async function gatherFacts(
  sources: AdminSources,
  experiment: string,
  asked: ReportRange,
): Promise<WholeFacts | null> {
  const status = sources.status().experiments.find(({ key }) => key === experiment) ?? null;
  if (status === null) return null;
  const lifecycle =
    sources.experiments.list().find((each) => each.experiment === experiment) ?? null;
  const rollout = sources.rollouts.list().find((each) => each.experiment === experiment) ?? null;
  const nowMs = sources.report.nowMs();
  const toMs = Math.min(asked.toMs ?? nowMs, nowMs);
  const entries = readJournal(sources, experiment, asked.fromMs ?? 0);
  const fromMs =
    asked.fromMs ?? Math.min(toMs - rangeMsMin, beginOf(entries) ?? toMs - rangeMsDefault);
  const most = Math.max(pointsMin, Math.floor((toMs - fromMs) / stretchMsMin));
  const range = { fromMs, toMs, points: Math.min(asked.points ?? pointsDefault, most) };
  const missing: WholeFacts["missing"] = [];
  const have = <Value>(what: string, read: Result<Value, PastFault>): Value | null => {
    if (read.ok) return read.value;
    missing.push({ what, why: `${read.error.message}.` });
    return null;
  };
  const { generation, etag, text } = sources.reloader.state();
  const inRange = entries.filter(({ at }) => isWithin(Date.parse(at), fromMs, toMs)).toReversed();
  const facts: WholeFacts = {
    experiment,
    kind: rollout !== null ? "rollout" : lifecycle !== null ? "ab" : "split",
    generated_at: isoOf(nowMs),
    version: sources.version,
    range: { from: isoOf(fromMs), to: isoOf(toMs) },
    config: { generation, etag, text: redactSecrets(text) },
    status,
    lifecycle,
    rollout,
    comparison: sources.comparison(experiment) ?? null,
    breakdown: have("Breakdown", await sources.past.breakdown(experiment, range)),
    history: have("History", await sources.past.history(experiment, range)),
    verdicts:
      rollout === null
        ? null
        : have("Guardrails' history", await sources.past.verdicts(experiment, range)),
    journal: { entries: inRange, is_cut: entries.length >= journalEntriesMax },
    upkeep: sources.report.upkeep(experiment),
    missing,
    insights: null,
  };
  return asked.insights ? { ...facts, insights: await sources.report.explain(facts) } : facts;
}

type Entries = JournalPage["entries"];

/** The newest first, back to `fromMs` or to as many as a report holds. */
function readJournal({ past }: AdminSources, experiment: string, fromMs: number): Entries {
  const entries: Entries = [];
  let before: number | undefined;
  while (entries.length < journalEntriesMax) {
    const page = past.journal({ experiment, limit: journalPageMax, before });
    entries.push(...page.entries);
    const oldest = page.entries.at(-1);
    if (page.before === null || oldest === undefined || Date.parse(oldest.at) < fromMs) break;
    before = page.before;
  }
  return entries.slice(0, journalEntriesMax);
}

/** When the present run, or the present climb, began; null where the journal does not say. */
function beginOf(entries: Entries): number | null {
  const begin = entries.find(
    ({ scope, what, facts }) =>
      (scope === "experiment" && what === "started") ||
      (scope === "rollout" && what === "restored") ||
      (scope === "rollout" && what === "step" && facts["step"] === 1),
  );
  // A little of what was before shows what the change changed.
  return begin === undefined ? null : Date.parse(begin.at) - rangeMsMin;
}

function isWithin(ms: number, fromMs: number, toMs: number): boolean {
  return ms >= fromMs && ms <= toMs;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
