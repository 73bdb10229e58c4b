import { createDetector, detectorPValue, observe, type Detector } from "./detector.ts";
import type { GuardrailPolicy } from "./policy.ts";
import { wilsonInterval } from "../statistics/z-test.ts";
import { formatNumber, formatPercent } from "../statistics/decision/words.ts";
import type { Interval } from "../statistics/interval.ts";

/** Bad events among events. */
export type Tally = { readonly bad: number; readonly count: number };

/** What one tick brought of a guardrail's metric. */
export type GuardrailTick = {
  readonly treatment: Tally;
  readonly control: Tally;
  /** Users who had their first bad request, by arm; null where requests, not users, are randomised. */
  readonly firstErrors: { readonly treatment: number; readonly control: number } | null;
  /** The treatment's configured share of users at the time. */
  readonly share: number;
};

/** What a guardrail has seen in a rollout. */
export type GuardrailState = {
  readonly policy: GuardrailPolicy;
  readonly absolute: Detector | null;
  /** The same limit held against the control: when both break it, the treatment is not to blame. */
  readonly absoluteControl: Detector | null;
  readonly relative: Detector | null;
  /** Since the present step began. */
  readonly treatment: Tally;
  readonly control: Tally;
};

export type Verdict = {
  readonly guardrail: string;
  readonly verdict: "ok" | "breach" | "wait" | "error";
  /** Share of bad requests of the treatment in this step; null without requests. */
  readonly value: number | null;
  readonly control: number | null;
  /** What `value` is held against. */
  readonly limit: number;
  readonly n: number;
  /** 95 % for `value`. */
  readonly interval: Interval | null;
  /** The always-valid p-value of "nothing is wrong". */
  readonly pValue: number;
  /** Of a breach: both arms broke the limit, so it is not the treatment. */
  readonly both: boolean;
  readonly reason: string;
};

const none: Tally = { bad: 0, count: 0 };
/** Evidence at which the control, too, counts as broken. */
const controlAlpha = 0.01;
const confidence = 0.95;

export function createGuardrail(policy: GuardrailPolicy): GuardrailState {
  const { max, maxRatio } = policy;
  const absolute = max === null ? null : createDetector(Math.min(0.999, Math.max(1e-9, max)));
  return {
    policy,
    absolute,
    absoluteControl: absolute,
    relative: maxRatio === null ? null : createDetector(0.5),
    treatment: none,
    control: none,
  };
}

/** The share changed: what the guardrail suspects stays, what it counts starts anew. */
export function startStep(state: GuardrailState): GuardrailState {
  return { ...state, treatment: none, control: none };
}

/** Takes in one tick. */
export function watch(state: GuardrailState, tick: GuardrailTick): GuardrailState {
  const { treatment, control } = tick;
  const { absolute, absoluteControl } = state;
  return {
    ...state,
    absolute: absolute === null ? null : observe(absolute, treatment.bad, treatment.count),
    absoluteControl:
      absoluteControl === null ? null : observe(absoluteControl, control.bad, control.count),
    relative: state.relative === null ? null : watchRelative(state.relative, state.policy, tick),
    treatment: add(state.treatment, treatment),
    control: add(state.control, control),
  };
}

/**
 * Each bad event is the treatment's with a chance of at most θ₀ = ρr/(ρr + 1 − ρ) while its rate is at most r times
 * the control's, ρ being its share of the traffic; a changing base rate does not matter (M. Lindon and A. Malek, 2022).
 * Where users are randomised the events are users with a first error, because a user's requests fail alike.
 */
function watchRelative(detector: Detector, policy: GuardrailPolicy, tick: GuardrailTick): Detector {
  const { treatment, control, firstErrors, share } = tick;
  const requests = treatment.count + control.count;
  const exposure = firstErrors === null && requests > 0 ? treatment.count / requests : share;
  const bad = firstErrors === null ? treatment.bad : firstErrors.treatment;
  const all = bad + (firstErrors === null ? control.bad : firstErrors.control);
  // With all traffic in one arm there is nothing to compare.
  if (all === 0 || exposure <= 0 || exposure >= 1) return detector;
  const odds = (exposure * (policy.maxRatio ?? 1)) / (1 - exposure);
  return observe(detector, bad, all, odds / (1 + odds));
}

/** What the guardrail says now; `minRequests` is what the step asks for before it may pass. */
export function judge(state: GuardrailState, minRequests: number): Verdict {
  const { policy, treatment, control } = state;
  const value = rateOf(treatment);
  const ofControl = rateOf(control);
  const limit = limitOf(state, ofControl);
  const interval =
    value === null
      ? null
      : wilsonInterval({ successes: treatment.bad, n: treatment.count }, confidence);
  const pValue = Math.min(pValueOf(state.absolute), pValueOf(state.relative));
  const base = {
    guardrail: policy.name,
    value,
    control: ofControl,
    limit,
    n: treatment.count,
    interval,
    pValue,
  };
  const budget = policy.falseAlarm / (state.absolute !== null && state.relative !== null ? 2 : 1);
  if (pValue <= budget) {
    const isAbsolute = pValueOf(state.absolute) <= budget && pValueOf(state.relative) > budget;
    const both = isAbsolute && pValueOf(state.absoluteControl) <= controlAlpha;
    return {
      ...base,
      verdict: "breach",
      both,
      reason: describeBreach(state, isAbsolute, both, ofControl),
    };
  }
  const waiting = reasonToWait(state, value, limit, interval, minRequests);
  if (waiting !== null) return { ...base, verdict: "wait", both: false, reason: waiting };
  const reason = `${share(value)} of ${formatNumber(treatment.count)} requests, at most ${share(limit)} allowed`;
  return { ...base, verdict: "ok", both: false, reason };
}

/** Promotion needs evidence: enough requests, and a limit that the interval keeps below. */
function reasonToWait(
  { policy, treatment }: GuardrailState,
  value: number | null,
  limit: number,
  interval: Interval | null,
  minRequests: number,
): string | null {
  if (value === null || interval === null) return "no requests yet";
  if (treatment.count < minRequests) {
    return `${formatNumber(treatment.count)} of at least ${formatNumber(minRequests)} requests`;
  }
  if (value > limit) return `${share(value)} is above ${share(limit)}, not surely so`;
  // A relative limit near 0 would never be shown to hold: there the absence of suspicion has to do.
  if (policy.max !== null && interval.high > policy.max) {
    return `${share(value)} of ${formatNumber(treatment.count)} requests: up to ${share(interval.high)} is possible, ${share(policy.max)} allowed`;
  }
  return null;
}

function describeBreach(
  { policy, treatment, control }: GuardrailState,
  isAbsolute: boolean,
  both: boolean,
  ofControl: number | null,
): string {
  const seen = `${formatNumber(treatment.bad)} of ${formatNumber(treatment.count)} requests`;
  if (isAbsolute) {
    const words = `${policy.name}: ${seen} in this step, surely more than the ${share(policy.max ?? 0)} allowed`;
    return both
      ? `${words}, as the control does (${share(ofControl)}): not the treatment's fault`
      : words;
  }
  return `${policy.name}: ${seen} in this step against ${formatNumber(control.bad)} of ${formatNumber(control.count)} of the control, surely more than ${formatNumber(policy.maxRatio ?? 1)} times as many`;
}

/** The limit that binds: the lower of the absolute one and the control's rate times the ratio. */
function limitOf({ policy }: GuardrailState, ofControl: number | null): number {
  const absolute = policy.max ?? 1;
  if (policy.maxRatio === null || ofControl === null) return absolute;
  return Math.min(absolute, ofControl * policy.maxRatio);
}

function pValueOf(detector: Detector | null): number {
  return detector === null ? 1 : detectorPValue(detector);
}

function rateOf({ bad, count }: Tally): number | null {
  return count === 0 ? null : bad / count;
}

function share(value: number | null): string {
  return value === null ? "nothing" : formatPercent(value);
}

function add(one: Tally, other: Tally): Tally {
  return { bad: one.bad + other.bad, count: one.count + other.count };
}
