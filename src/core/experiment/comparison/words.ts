import { formatNumber, formatPercent } from "../../statistics/decision/words.ts";
import type { Change } from "../../statistics/decision/facts.ts";
import type { MeasuredChange } from "../change.ts";
import type { ComparedMetric } from "./metrics.ts";

/** Verdicts in plain words, the reason first. */

export type Verdict = "better" | "worse" | "no_difference" | "undecided" | "too_few";

export type Judged = {
  readonly metric: ComparedMetric;
  readonly treatment: string;
  readonly measured: MeasuredChange;
  readonly confidence: number;
  readonly minEffectSize: number;
  readonly power: number;
  /** In the smaller arm. */
  readonly units: number;
  readonly unitKind: string;
};

/** `compact is 12 % faster, between 9 and 15 % at 95 %, and this holds at every look`. */
export function sayVerdict(judged: Judged, verdict: Verdict): string {
  const { measured, minEffectSize, metric } = judged;
  const { low, high } = measured.change.interval;
  const seen = `${sayChange(judged)}, ${sayRange(judged)} at ${formatPercent(judged.confidence)}`;
  const asked = formatPercent(minEffectSize);
  if (verdict === "better" || verdict === "worse") return `${seen}, and this holds at every look`;
  if (verdict === "no_difference") {
    return Math.max(-low, high) <= minEffectSize
      ? `less than the ${asked} that counts, surely: ${seen}`
      : `a change of ${asked} would have been found with a chance of ${formatPercent(judged.power)} and was not: ${seen}`;
  }
  if (low > 0 || high < 0) {
    if (metric.direction === null) {
      return `nobody said which way is better (a guardrail with max or min does): ${seen}`;
    }
    const isBetter = (metric.direction === "lower") === high < 0;
    return `${isBetter ? "better" : "worse"}, but not surely by the ${asked} that counts: ${seen}`;
  }
  return `may be better, the same or worse: ${seen}${sayNeed(judged)}`;
}

function sayNeed({ measured: { required }, units, unitKind }: Judged): string {
  if (required === null || units >= required) return "";
  return `; ${formatNumber(units)} of about ${formatNumber(Math.ceil(required))} ${unitKind} in the smaller arm`;
}

function sayChange({ metric, treatment, measured: { change } }: Judged): string {
  const size = sizeOf(Math.abs(change.estimate), change, metric);
  const way = wayOf(change.estimate, metric);
  return metric.name === "latency_mean"
    ? `${treatment} is ${size} ${way}`
    : `${metric.name} is ${size} ${way} with ${treatment}`;
}

function sayRange({ metric, measured: { change } }: Judged): string {
  const { low, high } = change.interval;
  if (low < 0 && high > 0) {
    const end = (value: number) =>
      `${sizeOf(Math.abs(value), change, metric)} ${wayOf(value, metric)}`;
    return `between ${end(low)} and ${end(high)}`;
  }
  const [least, most] = [Math.abs(low), Math.abs(high)].toSorted((one, other) => one - other);
  // The unit once, at the end: between 9 and 15 %.
  const [start = ""] = sizeOf(least ?? 0, change, metric).split(" ");
  return `between ${start} and ${sizeOf(most ?? 0, change, metric)}`;
}

function wayOf(value: number, { name }: ComparedMetric): string {
  if (name === "latency_mean") return value < 0 ? "faster" : "slower";
  return value < 0 ? "lower" : "higher";
}

function sizeOf(size: number, { unit }: Change, metric: ComparedMetric): string {
  if (unit === "share") return formatPercent(size);
  if (metric.unit === "share") return `${formatNumber(size * 100)} percentage points`;
  return metric.unit === "ms" ? `${formatNumber(size)} ms` : formatNumber(size);
}

/** What it comes to, in one or two sentences. */
export function summarise(
  control: string,
  primary: string | null,
  treatments: readonly {
    readonly variant: string;
    readonly metrics: readonly {
      readonly metric: string;
      readonly verdict: Verdict;
      readonly says: string;
    }[];
  }[],
): string {
  return treatments
    .map(({ variant, metrics }) => {
      const first = metrics.find(({ metric }) => metric === primary);
      const others = metrics.filter((one) => one !== first);
      const named = (verdict: Verdict) =>
        others.filter((one) => one.verdict === verdict).map(({ metric }) => metric);
      const parts = (["worse", "better"] as const).flatMap((verdict) => {
        const names = named(verdict);
        return names.length === 0 ? [] : [`${verdict} in ${names.join(", ")}`];
      });
      const rest = first === undefined ? "nothing is decided yet" : null;
      const found = parts.length === 0 ? rest : parts.join("; ");
      const head = `${variant} against ${control}`;
      if (first === undefined) return `${head}: ${found ?? ""}.`;
      return `${head}, by ${first.metric}: ${first.says}.${found === null ? "" : ` Besides, it is ${found}.`}`;
    })
    .join(" ");
}
