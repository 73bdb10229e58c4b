import { formatNumber } from "../../statistics/decision/words.ts";
import { normalQuantile } from "../../statistics/distributions/normal.ts";
import { meanConfidenceSequence } from "../../statistics/sequential/mean-sequence.ts";
import type { GuardrailPolicy } from "../policy.ts";
import {
  addTally,
  allowed,
  isFloor,
  limitOf,
  noTally,
  wordsOf,
  type Tally,
  type Verdict,
} from "./verdict.ts";

/** A mean with the variance that its users show. */
export type MeanOfUsers = {
  readonly value: number;
  /** Of the mean, cluster-robust: one user's requests may be as alike as they like. */
  readonly variance: number;
  /** Distinct users behind it. */
  readonly users: number;
};

/** What is known of a mean: what the tick brought, and the estimates of the step so far. */
export type MeanTick = {
  readonly kind: "mean";
  readonly treatment: Tally;
  readonly control: Tally;
  /** The treatment's configured share of users. */
  readonly share: number;
  /** Null until two users have been seen. */
  readonly ofTreatment: MeanOfUsers | null;
  readonly ofControl: MeanOfUsers | null;
};

export type MeanState = {
  readonly kind: "mean";
  /** Steps share the budget of false alarms, because each is a comparison of its own. */
  readonly steps: number;
  readonly treatment: Tally;
  readonly ofTreatment: MeanOfUsers | null;
  readonly ofControl: MeanOfUsers | null;
  /** Smallest p-values of this rollout, times `steps`. */
  readonly pValue: number;
  readonly controlPValue: number;
  /** Everybody has the treatment: there is no control to compare with any more. */
  readonly isAlone: boolean;
};

/** Users below which a mean's error is not yet normal enough to convict anybody. */
const usersMin = 30;
/** Where the confidence sequence is tightest. */
const plannedUsers = 300;
const controlAlpha = 0.01;
const z95 = normalQuantile(0.975);

export function createMean(steps: number): MeanState {
  return {
    kind: "mean",
    steps,
    treatment: noTally,
    ofTreatment: null,
    ofControl: null,
    pValue: 1,
    controlPValue: 1,
    isAlone: false,
  };
}

/** The users in the arms change with the share: the comparison starts anew, suspicions stay. */
export function startMeanStep(state: MeanState): MeanState {
  return { ...state, treatment: noTally, ofTreatment: null, ofControl: null };
}

/** Takes in one tick; p-values after Waudby-Smith et al. (see mean-sequence.ts), asymptotic in the number of users. */
export function watchMean(state: MeanState, policy: GuardrailPolicy, tick: MeanTick): MeanState {
  const { ofTreatment, ofControl } = tick;
  const { falseAlarm } = policy;
  const { sign, limit, ratio } = boundsOf(policy);
  const pValues = [1];
  const beyond = (mean: MeanOfUsers | null) =>
    limit === null ? 1 : pValueAbove(signed(mean, sign), sign * limit, falseAlarm);
  pValues.push(beyond(ofTreatment));
  if (ratio !== null && ofTreatment !== null && ofControl !== null) {
    const difference: MeanOfUsers = {
      value: sign * (ofTreatment.value - ratio * ofControl.value),
      variance: ofTreatment.variance + ratio ** 2 * ofControl.variance,
      users: Math.min(ofTreatment.users, ofControl.users),
    };
    pValues.push(pValueAbove(difference, 0, falseAlarm));
  }
  const looks = state.steps * (limit !== null && ratio !== null ? 2 : 1);
  const control = beyond(ofControl);
  return {
    ...state,
    isAlone: tick.share >= 1,
    treatment: addTally(state.treatment, tick.treatment),
    ofTreatment,
    ofControl,
    pValue: Math.min(state.pValue, ...pValues.map((p) => p * looks)),
    controlPValue: Math.min(state.controlPValue, control * state.steps),
  };
}

/** What the mean is held against; a floor is a ceiling with all signs turned. */
function boundsOf(policy: GuardrailPolicy): {
  readonly sign: 1 | -1;
  readonly limit: number | null;
  readonly ratio: number | null;
} {
  const { max, min, maxRatio, minRatio } = policy;
  return isFloor(policy)
    ? { sign: -1, limit: min, ratio: minRatio }
    : { sign: 1, limit: max, ratio: maxRatio };
}

function signed(mean: MeanOfUsers | null, sign: 1 | -1): MeanOfUsers | null {
  return mean === null || sign === 1 ? mean : { ...mean, value: -mean.value };
}

function pValueAbove(mean: MeanOfUsers | null, limit: number, alpha: number): number {
  if (mean === null || mean.users < usersMin) return 1;
  const { value, variance, users } = mean;
  const looked = meanConfidenceSequence(
    { estimate: value, standardError: Math.sqrt(variance), units: users },
    { alpha, plannedUnits: plannedUsers, alternative: "greater", nullValue: limit },
  );
  return looked.ok ? looked.value.pValue : 1;
}

export function judgeMean(state: MeanState, policy: GuardrailPolicy, minRequests: number): Verdict {
  const { treatment, ofTreatment, ofControl, pValue } = state;
  const control = ofControl?.value ?? null;
  const limit = limitOf(policy, control);
  const half = ofTreatment === null ? 0 : z95 * Math.sqrt(ofTreatment.variance);
  const value = treatment.count === 0 ? null : treatment.bad / treatment.count;
  const measured = {
    guardrail: policy.name,
    value,
    control,
    limit,
    n: treatment.count,
    interval:
      value === null || ofTreatment === null ? null : { low: value - half, high: value + half },
    pValue: Math.min(1, pValue),
  };
  const words = (of: number | null) => wordsOf(policy, of);
  if (pValue <= policy.falseAlarm) {
    const both = boundsOf(policy).limit !== null && state.controlPValue <= controlAlpha;
    const seen = `${policy.name}: ${words(value)} over ${formatNumber(treatment.count)} requests in this step`;
    const side = isFloor(policy) ? "below" : "above";
    const reason = `${seen}, surely ${side} ${words(limit)}${both ? ", as the control is: not the treatment's fault" : ""}`;
    return { ...measured, verdict: "breach", pausesOnly: both, reason };
  }
  const waiting = reasonToWait(measured, policy, state, minRequests);
  if (waiting !== null) {
    return { ...measured, verdict: "wait", pausesOnly: false, reason: waiting };
  }
  const reason = `${words(value)} over ${formatNumber(treatment.count)} requests, ${allowed(policy, limit)}`;
  return { ...measured, verdict: "ok", pausesOnly: false, reason };
}

function reasonToWait(
  { value, limit, n, control }: Pick<Verdict, "value" | "limit" | "n" | "control">,
  policy: GuardrailPolicy,
  { ofTreatment, isAlone }: MeanState,
  minRequests: number,
): string | null {
  const words = (of: number | null) => wordsOf(policy, of);
  if (value === null) return "no requests yet";
  if (n < minRequests)
    return `${formatNumber(n)} of at least ${formatNumber(minRequests)} requests`;
  if (ofTreatment === null) return "too few users to know how sure the mean is";
  const { sign, limit: absolute, ratio } = boundsOf(policy);
  if (limit !== null && sign * (value - limit) > 0)
    return `${words(value)} is ${sign === 1 ? "above" : "below"} ${words(limit)}, not surely so`;
  const worst = value + sign * z95 * Math.sqrt(ofTreatment.variance);
  if (absolute !== null && sign * (worst - absolute) > 0) {
    return sign === 1
      ? `${words(value)}: up to ${words(worst)} is possible, ${words(absolute)} allowed`
      : `${words(value)}: as little as ${words(worst)} is possible, ${words(absolute)} asked`;
  }
  if (ratio !== null && control === null && !isAlone)
    return "nothing of the control to compare with";
  return null;
}
