import type { Clock } from "../../base/clock.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { gravityOf, unitOf } from "../../core/rollout/guardrail/gravity.ts";
import type { GuardrailPolicy } from "../../core/rollout/policy.ts";
import { stepFor, wholeSteps, type Range } from "../../core/telemetry/past-plan.ts";
import type { VerdictHistory } from "../../wire/history-api.ts";
import type { JudgedGuardrail, Store, VerdictRow } from "../store/store.ts";
import type { PastFault, PastRange } from "./fault.ts";
import type { Turns } from "./turns.ts";
import { verdictResolutionsMs, type VerdictLog } from "./verdict-log.ts";

/** Rows of the store that one call sums up: some milliseconds. */
const windowRows = 4000;

/** Where verdicts of the past come from. */
export type VerdictPast = {
  readonly clock: Pick<Clock, "wallMs">;
  readonly log: Pick<VerdictLog, "rows" | "completeFromMs">;
  /** When this process began to judge, wall time. */
  readonly startedMs: number;
  /** Experiments whose rollouts others had judged before this process began. */
  readonly judgedBefore: ReadonlySet<string>;
  /** Null without a store. */
  readonly store: Pick<Store, "judgedGuardrails" | "firstVerdictMs" | "readVerdicts"> | null;
};

type Found = Pick<VerdictHistory, "source" | "step_seconds" | "guardrails"> & {
  readonly range: Range;
};

/** `policies` are the guardrails of the present configuration; null where the experiment has no rollout. */
export async function readVerdictPast(
  past: VerdictPast,
  experiment: string,
  policies: readonly GuardrailPolicy[] | null,
  { points, fromMs, toMs }: PastRange,
  turns: Turns,
): Promise<Result<Found, PastFault>> {
  const { clock, log, store } = past;
  const held = log.rows(experiment);
  const judged = guardrailsOf(past, experiment, policies, held);
  if (policies === null && judged.length === 0) {
    const message = `no experiment ${JSON.stringify(experiment.slice(0, 100))} has or had a rollout with steps`;
    return err({ code: "unknown_rollout", message });
  }
  const first = store?.firstVerdictMs(experiment);
  const storedMs = first?.ok === true ? (first.value ?? Infinity) : Infinity;
  const memoryMs = log.completeFromMs();
  // The first row of a young process begins before it, but holds nothing from then.
  const isAllInMemory = memoryMs <= past.startedMs && !past.judgedBefore.has(experiment);
  const firstMs = isAllInMemory ? memoryMs : Math.min(storedMs, memoryMs);
  const knownFromMs = Math.max(fromMs, firstMs);
  const knownToMs = Math.min(toMs, clock.wallMs());
  const isStored = memoryMs > knownFromMs;
  const finestMs = isStored ? verdictResolutionsMs.stored : verdictResolutionsMs.recent;
  const isNothing = knownFromMs >= knownToMs;
  const asked = isNothing ? { fromMs, toMs } : { fromMs: knownFromMs, toMs: knownToMs };
  const stepMs = stepFor(asked.toMs - asked.fromMs, points, finestMs);
  const range = isNothing ? asked : wholeSteps(asked, stepMs, points);
  const stretches = new Map(judged.map((each) => [each.guardrail, new Map<number, Stretch>()]));
  if (isStored && store !== null) {
    for (const [guardrail, rows] of stretches) {
      for (const window of windowsOf(range, stepMs)) {
        const read = store.readVerdicts({ experiment, guardrail, ...window, stepMs });
        if (read.ok) for (const row of read.value) put(rows, row, stepMs);
        if (turns.isOver()) await turns.next();
      }
    }
  }
  // The same verdict twice is the same: what waits may have come into the store meanwhile.
  for (const row of held) {
    const rows = stretches.get(row.of.guardrail);
    const isInside = row.atMs >= range.fromMs && row.atMs < range.toMs;
    if (rows !== undefined && isInside) put(rows, row, stepMs);
  }
  return ok({
    range,
    source: isStored ? "store" : "memory",
    step_seconds: stepMs / 1000,
    guardrails: judged.map((each) => describe(each, stretches.get(each.guardrail) ?? new Map())),
  });
}

/** Those of the configuration in their order, then those that were judged before. */
function guardrailsOf(
  { store }: VerdictPast,
  experiment: string,
  policies: readonly GuardrailPolicy[] | null,
  held: readonly VerdictRow[],
): readonly JudgedGuardrail[] {
  const stored = store?.judgedGuardrails(experiment);
  const present = (policies ?? []).map((policy): JudgedGuardrail => ({
    experiment,
    guardrail: policy.name,
    unit: unitOf(policy),
    onBreach: policy.onBreach,
    dryRun: policy.dryRun,
  }));
  const all = [
    ...present,
    ...(stored?.ok === true ? stored.value : []),
    ...held.map(({ of }) => of),
  ];
  const byName = new Map<string, JudgedGuardrail>();
  for (const each of all) if (!byName.has(each.guardrail)) byName.set(each.guardrail, each);
  return [...byName.values()];
}

type Stretch = Omit<VerdictRow, "of">;

/** The gravest of a stretch stays, and of equals the later. */
function put(rows: Map<number, Stretch>, row: Stretch, stepMs: number): void {
  const atMs = Math.floor(row.atMs / stepMs) * stepMs;
  const known = rows.get(atMs);
  if (known === undefined || gravityOf(row.verdict) >= gravityOf(known.verdict))
    rows.set(atMs, { ...row, atMs });
}

/** Parts of a range that are short enough for one call. */
function* windowsOf({ fromMs, toMs }: Range, stepMs: number): Generator<Range> {
  const longestMs = windowRows * verdictResolutionsMs.stored;
  const windowMs = Math.max(1, Math.floor(longestMs / stepMs)) * stepMs;
  for (let atMs = fromMs; atMs < toMs; atMs += windowMs) {
    yield { fromMs: atMs, toMs: Math.min(toMs, atMs + windowMs) };
  }
}

function describe(
  { guardrail, unit, onBreach, dryRun }: JudgedGuardrail,
  stretches: ReadonlyMap<number, Stretch>,
): VerdictHistory["guardrails"][number] {
  const rows = [...stretches.values()].toSorted((one, other) => one.atMs - other.atMs);
  return {
    guardrail,
    unit,
    on_breach: onBreach,
    dry_run: dryRun,
    at_ms: rows.map(({ atMs }) => atMs),
    verdict: rows.map((row) => row.verdict),
    value: rows.map(({ value }) => value),
    control: rows.map(({ control }) => control),
    limit: rows.map(({ limit }) => limit),
    low: rows.map(({ low }) => low),
    high: rows.map(({ high }) => high),
    requests: rows.map(({ requests }) => requests),
    p_value: rows.map(({ pValue }) => pValue),
  };
}
