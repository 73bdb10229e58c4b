import type { RolloutStatus } from "../../../../wire/admin-api.ts";
import type { VerdictHistory } from "../../../../wire/history-api.ts";
import type { TimeRange } from "../../charts/chart-model.ts";

/** A guardrail over time: what the server kept, and what the page saw since. Pure. */

type LiveVerdict = RolloutStatus["verdicts"][number];

/** What the page saw of all guardrails at one time. */
export type VerdictSample = { readonly atMs: number; readonly verdicts: readonly LiveVerdict[] };

export type VerdictSeries = {
  readonly atMs: readonly number[];
  readonly value: readonly (number | null)[];
  readonly control: readonly (number | null)[];
  readonly limit: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
};

const samplesMax = 900;
const sampleEveryMs = 1000;
/** The band is drawn up to so many times the highest value or limit. */
const bandMax = 3;

/** With another sample at its end, one a second at the most; the oldest go. */
export function addSample(
  samples: readonly VerdictSample[],
  sample: VerdictSample,
): readonly VerdictSample[] {
  const last = samples.at(-1);
  if (sample.verdicts.length === 0) return samples;
  if (last !== undefined && sample.atMs < last.atMs) return [sample];
  if (last !== undefined && sample.atMs - last.atMs < sampleEveryMs) return samples;
  return [...samples, sample].slice(-samplesMax);
}

/** One guardrail in the range: history first, then what came after its last point. */
export function joinSeries(
  guardrail: string,
  history: VerdictHistory | null,
  samples: readonly VerdictSample[],
  { fromMs, toMs }: TimeRange,
): VerdictSeries {
  const kept = history?.guardrails.find((one) => one.guardrail === guardrail);
  const lastMs = kept?.at_ms.at(-1) ?? Number.NEGATIVE_INFINITY;
  const points = [
    ...(kept?.at_ms ?? []).map((atMs, at) => ({
      atMs,
      value: kept?.value[at] ?? null,
      control: kept?.control[at] ?? null,
      limit: kept?.limit[at] ?? null,
      low: kept?.low[at] ?? null,
      high: kept?.high[at] ?? null,
    })),
    ...samples
      .filter(({ atMs }) => atMs > lastMs)
      .flatMap(({ atMs, verdicts }) => {
        const one = verdicts.find((verdict) => verdict.guardrail === guardrail);
        if (one === undefined) return [];
        const [low, high] = one.interval ?? [null, null];
        return [{ atMs, value: one.value, control: one.control, limit: one.limit, low, high }];
      }),
  ].filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  // Before there is evidence the interval reaches far; all of it would leave no room for what it is about.
  const known = points.flatMap(({ value, control, limit }) => [value, control, limit]);
  const most = bandMax * Math.max(0, ...known.map((value) => value ?? 0));
  const clip = (edge: number | null) => (edge === null || most === 0 ? edge : Math.min(edge, most));
  return {
    atMs: points.map((point) => point.atMs),
    value: points.map(({ value }) => value),
    control: points.map(({ control }) => control),
    limit: points.map(({ limit }) => limit),
    low: points.map(({ low }) => clip(low)),
    high: points.map(({ high }) => clip(high)),
  };
}
