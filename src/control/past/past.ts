import type { Clock, Timers } from "../../base/clock.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Config } from "../../core/config/model.ts";
import { addToRange, createRangeTotals } from "../../core/telemetry/range-totals.ts";
import {
  addToTimeline,
  appendStretch,
  createColumns,
  createTimeline,
  stretchesOf,
} from "../../core/telemetry/timeline.ts";
import type { Breakdown, History, VerdictHistory } from "../../wire/history-api.ts";
import type { JournalPage } from "../../wire/journal-api.ts";
import { describeBreakdown } from "./breakdown.ts";
import { busy, type PastFault, type PastRange } from "./fault.ts";
import { readJournalPage, readMarks, type JournalRequest } from "./marks.ts";
import type { JournalStore } from "./memory-journal.ts";
import { createReadQueue } from "./read-queue.ts";
import {
  lookUp,
  planTimeline,
  planTotals,
  visitRows,
  type KnownPast,
  type PastTelemetry,
} from "./telemetry-past.ts";
import { createTurns } from "./turns.ts";
import { readVerdictPast, type VerdictPast } from "./verdict-past.ts";

/** What was: telemetry over time and as a whole, verdicts, and the journal. */
export type Past = {
  history(experiment: string, range: PastRange): Promise<Result<History, PastFault>>;
  breakdown(
    experiment: string,
    range: Omit<PastRange, "points">,
  ): Promise<Result<Breakdown, PastFault>>;
  verdicts(experiment: string, range: PastRange): Promise<Result<VerdictHistory, PastFault>>;
  journal(request: JournalRequest): JournalPage;
  /** Questions that were refused because too many waited. */
  refused(): number;
};

export type PastDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: () => Config;
  readonly journal: Pick<JournalStore, "read">;
  readonly telemetry: PastTelemetry;
  readonly verdicts: VerdictPast;
};

export function createPast(dependencies: PastDependencies): Past {
  const { clock, timers, config, journal, telemetry } = dependencies;
  const queue = createReadQueue();

  function find(experiment: string): Result<KnownPast, PastFault> {
    const known = lookUp(telemetry, experiment);
    const isKnown =
      Object.hasOwn(config().experiments, experiment) || (known.series ?? []).length > 0;
    if (isKnown) return ok(known);
    const message = `no experiment ${JSON.stringify(experiment.slice(0, 100))} is configured, and none was measured`;
    return err({ code: "unknown_experiment", message });
  }

  /** The variants of the configuration in their order, then those that were there before. */
  function variantsOf(experiment: string, measured: Iterable<string>): readonly string[] {
    const configured = config().experiments[experiment]?.variants.map(({ key }) => key) ?? [];
    return [...new Set([...configured, ...measured])];
  }

  async function readHistory(
    experiment: string,
    asked: PastRange,
  ): Promise<Result<History, PastFault>> {
    const known = find(experiment);
    if (!known.ok) return known;
    const planned = planTimeline(telemetry, experiment, known.value, asked);
    if (!planned.ok) return planned;
    const plan = planned.value;
    const turns = createTurns(clock, timers);
    const timeline = createTimeline(plan?.stepMs ?? 1000);
    if (plan !== null) {
      await visitRows(telemetry, experiment, known.value, plan, turns, (row) => {
        addToTimeline(timeline, row.key.variant, row.atMs, row.totals);
      });
    }
    const stretches = stretchesOf(timeline);
    const variants: [string, History["variants"][string]][] = [];
    for (const variant of variantsOf(experiment, timeline.arms.keys())) {
      const columns = createColumns();
      for (const atMs of stretches) {
        appendStretch(columns, timeline, variant, atMs);
        if (turns.isOver()) await turns.next();
      }
      variants.push([variant, describeColumns(columns)]);
    }
    const range = plan?.range ?? asked;
    return ok({
      experiment,
      ...describeRange(range),
      source: plan?.source ?? "memory",
      step_seconds: timeline.stepMs / 1000,
      at_ms: [...stretches],
      variants: Object.fromEntries(variants),
      marks: readMarks(journal, experiment, range),
    });
  }

  async function readBreakdown(
    experiment: string,
    asked: Omit<PastRange, "points">,
  ): Promise<Result<Breakdown, PastFault>> {
    const known = find(experiment);
    if (!known.ok) return known;
    const planned = planTotals(telemetry, experiment, known.value, asked);
    if (!planned.ok) return planned;
    const plan = planned.value;
    const totals = createRangeTotals();
    /** When each series that is in the range began, by text. */
    const firsts = new Map((known.value.series ?? []).map(({ text, firstMs }) => [text, firstMs]));
    const begun = new Set<string>();
    const turns = createTurns(clock, timers);
    if (plan !== null) {
      const memoryMs = telemetry.startedMs;
      const isWhole = telemetry.recent.completeFromMs(plan.resolutionMs) <= memoryMs;
      await visitRows(telemetry, experiment, known.value, plan, turns, (row) => {
        const { variant, route } = row.key;
        addToRange(totals, { arm: variant, route }, row.totals);
        // A series that is not in the store yet has begun in memory, if that reaches back to the start.
        const firstMs =
          firsts.get(row.series) ?? (known.value.series !== null || isWhole ? row.atMs : -Infinity);
        if (firstMs < plan.range.fromMs) begun.add(variant);
      });
    }
    const policy = config().experiments[experiment];
    return ok({
      experiment,
      ...describeRange(plan?.range ?? asked),
      source: plan?.source ?? "memory",
      variants: describeBreakdown(variantsOf(experiment, totals.keys()), totals, {
        isControl: (key) => policy?.variants.find((each) => each.key === key)?.control ?? false,
        knowsUsers: (key) => !begun.has(key),
      }),
    });
  }

  function describeRange({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }) {
    const endMs = Math.max(fromMs, Math.min(toMs, clock.wallMs()));
    return { from: new Date(fromMs).toISOString(), to: new Date(endMs).toISOString() };
  }

  return {
    history: async (...question) => (await queue.run(() => readHistory(...question))) ?? busy,
    breakdown: async (...question) => (await queue.run(() => readBreakdown(...question))) ?? busy,
    verdicts: async (experiment, asked) => {
      const read = async () => {
        const turns = createTurns(clock, timers);
        const policies = config().experiments[experiment]?.rollout?.guardrails ?? null;
        const found = await readVerdictPast(
          dependencies.verdicts,
          experiment,
          policies,
          asked,
          turns,
        );
        if (!found.ok) return found;
        const { range, ...verdicts } = found.value;
        const marks = readMarks(journal, experiment, range);
        return ok({ experiment, ...describeRange(range), ...verdicts, marks });
      };
      return (await queue.run(read)) ?? busy;
    },
    journal: (request) => readJournalPage(journal, request),
    refused: () => queue.refused(),
  };
}

function describeColumns(columns: ReturnType<typeof createColumns>): History["variants"][string] {
  const { requests, failures, p50, p95, p99, mean, firstByteP50, firstByteP95 } = columns;
  return {
    requests,
    failures,
    p50_ms: p50,
    p95_ms: p95,
    p99_ms: p99,
    first_byte_p50_ms: firstByteP50,
    first_byte_p95_ms: firstByteP95,
    mean_ms: mean,
    tokens_in: columns.tokensIn,
    tokens_out: columns.tokensOut,
  };
}
