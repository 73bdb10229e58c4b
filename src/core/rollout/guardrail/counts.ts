import { formatNumber } from "../../statistics/decision/words.ts";
import { wilsonInterval } from "../../statistics/z-test.ts";
import {
  createDetector,
  detectorPValue,
  logLikelihoodRatio,
  observe,
  type Detector,
} from "../detector.ts";
import type { GuardrailPolicy } from "../policy.ts";
import {
  addTally,
  allowed,
  limitOf,
  noTally,
  valueOf,
  wordsOf,
  type Tally,
  type Verdict,
} from "./verdict.ts";

/** What one tick brought of a share of bad requests. */
export type CountsTick = {
  readonly kind: "counts";
  readonly treatment: Tally;
  readonly control: Tally;
  /** Users who had their first bad request, by arm; null where requests, not users, are randomised. */
  readonly firstErrors: { readonly treatment: number; readonly control: number } | null;
  /** The treatment's configured share of users at the time. */
  readonly share: number;
};

/** What a guardrail over bad requests has seen in a rollout. */
export type CountsState = {
  readonly kind: "counts";
  readonly absolute: Detector | null;
  /** The same limit held against the control: when both break it, the treatment is not to blame. */
  readonly absoluteControl: Detector | null;
  readonly relative: Detector | null;
  /** Whether the treatment is much worse than a control that breaks the limit, too: then it is to blame all the same. */
  readonly worse: Detector;
  /** Since the present step began. */
  readonly treatment: Tally;
  readonly control: Tally;
  /** The treatment's latest requests, as far back as they look as though the limit were broken. */
  readonly run: Run;
};

/** A cumulative sum (E. S. Page, 1954): where it last was 0 is where something most likely began. */
type Run = { readonly score: number; readonly tally: Tally };

const noRun: Run = { score: 0, tally: noTally };
/** Odds over those of the limit that a run is looked for with. */
const runOdds = 3;

/** Evidence at which the control, too, counts as broken, and the treatment as worse than a broken control. */
const controlAlpha = 0.01;
/** Times the control's rate that a broken control excuses. */
const excusedRatio = 2;
const confidence = 0.95;

export function createCounts({ max, maxRatio }: GuardrailPolicy): CountsState {
  const absolute = max === null ? null : createDetector(Math.min(0.999, Math.max(1e-9, max)));
  return {
    kind: "counts",
    absolute,
    absoluteControl: absolute,
    relative: maxRatio === null ? null : createDetector(0.5),
    worse: createDetector(0.5),
    treatment: noTally,
    control: noTally,
    run: noRun,
  };
}

/** The share changed: what the guardrail suspects stays, what it counts starts anew. */
export function startCountsStep(state: CountsState): CountsState {
  return { ...state, treatment: noTally, control: noTally };
}

export function watchCounts(
  state: CountsState,
  policy: GuardrailPolicy,
  tick: CountsTick,
): CountsState {
  const { treatment, control } = tick;
  const { absolute, absoluteControl } = state;
  return {
    ...state,
    absolute: absolute === null ? null : observe(absolute, treatment.bad, treatment.count),
    absoluteControl:
      absoluteControl === null ? null : observe(absoluteControl, control.bad, control.count),
    relative:
      state.relative === null
        ? null
        : watchRelative(state.relative, policy.maxRatio ?? 1, tick, tick.firstErrors),
    // By requests: it only decides who is to blame for a breach that is sure already.
    worse: watchRelative(state.worse, excusedRatio, tick, null),
    treatment: addTally(state.treatment, treatment),
    control: addTally(state.control, control),
    run: absolute === null ? noRun : followRun(state.run, treatment, absolute.limit),
  };
}

function followRun(run: Run, { bad, count }: Tally, limit: number): Run {
  const score = run.score + logLikelihoodRatio(bad, count, limit, runOdds);
  return score > 0 ? { score, tally: addTally(run.tally, { bad, count }) } : noRun;
}

/**
 * Each bad event is the treatment's with a chance of at most θ₀ = ρr/(ρr + 1 − ρ) while its rate is at most r times
 * the control's, ρ being its share of the traffic; a changing base rate does not matter (M. Lindon and A. Malek, 2022).
 * Where users are randomised the events are users with a first error, because a user's requests fail alike.
 */
function watchRelative(
  detector: Detector,
  ratio: number,
  { treatment, control, share }: CountsTick,
  firstErrors: CountsTick["firstErrors"],
): Detector {
  const requests = treatment.count + control.count;
  const exposure = firstErrors === null && requests > 0 ? treatment.count / requests : share;
  const bad = firstErrors === null ? treatment.bad : firstErrors.treatment;
  const all = bad + (firstErrors === null ? control.bad : firstErrors.control);
  // With all traffic in one arm there is nothing to compare.
  if (all === 0 || exposure <= 0 || exposure >= 1) return detector;
  const odds = (exposure * ratio) / (1 - exposure);
  return observe(detector, bad, all, odds / (1 + odds));
}

export function judgeCounts(
  state: CountsState,
  policy: GuardrailPolicy,
  minRequests: number,
): Verdict {
  const { treatment, control } = state;
  const value = valueOf(treatment);
  const ofControl = valueOf(control);
  const pValue = Math.min(pValueOf(state.absolute), pValueOf(state.relative));
  const measured = {
    guardrail: policy.name,
    value,
    control: ofControl,
    limit: limitOf(policy, ofControl),
    n: treatment.count,
    interval:
      value === null
        ? null
        : wilsonInterval({ successes: treatment.bad, n: treatment.count }, confidence),
    pValue,
  };
  const budget = policy.falseAlarm / (state.absolute !== null && state.relative !== null ? 2 : 1);
  if (pValue <= budget) {
    const isAbsolute = pValueOf(state.absolute) <= budget && pValueOf(state.relative) > budget;
    const both =
      isAbsolute &&
      pValueOf(state.absoluteControl) <= controlAlpha &&
      pValueOf(state.worse) > controlAlpha;
    const reason = describeBreach(state, policy, isAbsolute, both);
    return { ...measured, verdict: "breach", pausesOnly: both, reason };
  }
  const waiting = reasonToWait(measured, policy, minRequests);
  if (waiting !== null) {
    return { ...measured, verdict: "wait", pausesOnly: false, reason: waiting };
  }
  const seen = `${wordsOf(policy, value)} of ${formatNumber(treatment.count)} requests`;
  const reason = `${seen}, ${allowed(policy, measured.limit)}`;
  return { ...measured, verdict: "ok", pausesOnly: false, reason };
}

/** Promotion needs evidence: enough requests, and a limit that the interval keeps below. */
function reasonToWait(
  { value, limit, interval, n }: Pick<Verdict, "value" | "limit" | "interval" | "n">,
  policy: GuardrailPolicy,
  minRequests: number,
): string | null {
  if (value === null || interval === null) return "no requests yet";
  if (n < minRequests) {
    return `${formatNumber(n)} of at least ${formatNumber(minRequests)} requests`;
  }
  const words = (share: number | null) => wordsOf(policy, share);
  if (limit !== null && value > limit)
    return `${words(value)} is above ${words(limit)}, not surely so`;
  // A relative limit near 0 would never be shown to hold: there the absence of suspicion has to do.
  if (policy.max !== null && interval.high > policy.max) {
    return `${words(value)} of ${formatNumber(n)} requests: up to ${words(interval.high)} is possible, ${words(policy.max)} allowed`;
  }
  return null;
}

function describeBreach(
  { treatment, control, run }: CountsState,
  policy: GuardrailPolicy,
  isAbsolute: boolean,
  both: boolean,
): string {
  const seen = `${formatNumber(treatment.bad)} of ${formatNumber(treatment.count)} requests`;
  if (isAbsolute) {
    // What began late may be hidden by the step's earlier requests: then the latest ones are what tells.
    const isLate = (valueOf(treatment) ?? 0) <= (policy.max ?? 0) && run.tally.count > 0;
    const { bad, count } = run.tally;
    const lately = isLate ? `, ${formatNumber(bad)} of the last ${formatNumber(count)}` : "";
    const words = `${policy.name}: ${seen} in this step${lately}, surely more than the ${wordsOf(policy, policy.max)} allowed`;
    return both
      ? `${words}, as the control does (${wordsOf(policy, valueOf(control))}): not the treatment's fault`
      : words;
  }
  return `${policy.name}: ${seen} in this step against ${formatNumber(control.bad)} of ${formatNumber(control.count)} of the control, surely more than ${formatNumber(policy.maxRatio ?? 1)} times as many`;
}

function pValueOf(detector: Detector | null): number {
  return detector === null ? 1 : detectorPValue(detector);
}
