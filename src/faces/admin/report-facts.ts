import type { WholeFacts } from "../report/render.ts";
import { redactSecrets } from "./redaction.ts";
import type { AdminSources } from "./sources.ts";

/** What the admin port knows for a report besides what it shows elsewhere. */
export type ReportParts = {
  readonly nowMs: () => number;
  readonly upkeep: () => WholeFacts["upkeep"];
};

export type ReportRange = { readonly fromMs: number | null; readonly toMs: number | null };

/** An hour, where nothing says since when. */
const rangeMsDefault = 3_600_000;

/** Everything that a report of `experiment` is made of; null when there is no such experiment. */
export function gatherFacts(
  sources: AdminSources,
  experiment: string,
  range: ReportRange,
): WholeFacts | null {
  const status = sources.status().experiments.find(({ key }) => key === experiment) ?? null;
  if (status === null) return null;
  const lifecycle =
    sources.experiments.list().find((each) => each.experiment === experiment) ?? null;
  const rollout = sources.rollouts.list().find((each) => each.experiment === experiment) ?? null;
  const nowMs = sources.report.nowMs();
  const toMs = Math.min(range.toMs ?? nowMs, nowMs);
  const ranMs = lifecycle === null ? 0 : lifecycle.ran_seconds * 1000;
  const fromMs = range.fromMs ?? toMs - (ranMs > 0 ? ranMs : rangeMsDefault);
  const { generation, etag, text } = sources.reloader.state();
  const missing = [{ what: "History", why: "This Sluice does not read its history for reports." }];
  return {
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
    breakdown: null,
    history: null,
    verdicts: null,
    journal: { entries: [], is_cut: false },
    upkeep: sources.report.upkeep(),
    missing,
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
