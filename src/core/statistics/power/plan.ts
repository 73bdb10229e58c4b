// How many observations an experiment needs, and how long they take, from what an experimenter knows.
import { err, ok, type Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import type { DataFault } from "../fault.ts";
import { requiredSampleSize as proportionsSampleSize } from "./proportions.ts";
import {
  type Clustering,
  designEffect,
  requestsPerUserMax,
  requiredSampleSize as ratiosSampleSize,
  variationMax,
} from "./ratios.ts";
import type { ArmSizes, Split } from "./split.ts";
import { requiredSampleSize as tTestSampleSize } from "./t-test.ts";

export type ExperimentQuestion = {
  /** The control's proportion or mean. */
  readonly baseline: number;
  /**
   * The smallest change worth finding, with its sign: relative to the baseline (0.05 is 5 % of it), or in the
   * unit of the baseline.
   */
  readonly minEffect: { readonly kind: "relative" | "absolute"; readonly value: number };
  readonly metric:
    | { readonly kind: "proportion" }
    /** `standardDeviation` of one request. */
    | { readonly kind: "mean"; readonly standardDeviation: number };
  readonly alpha: number;
  readonly power: number;
  /** Traffic of control and treatment, in any unit: [95, 5]. */
  readonly split: Split;
  /** About treatment versus control. */
  readonly alternative: Alternative;
  /** Where users are assigned rather than requests. */
  readonly users?: Clustering;
  /** Of both arms together. */
  readonly requestsPerDay?: number;
};

export type ExperimentPlan = {
  /** Requests of control and treatment. */
  readonly perArm: ArmSizes;
  readonly total: number;
  /** The change looked for, in the unit of the baseline. */
  readonly difference: number;
  /** How many times more requests the clustering by users costs; 1 without users. */
  readonly designEffect: number;
  /** Users of control and treatment; only where users are assigned. */
  readonly users?: { readonly perArm: ArmSizes; readonly total: number };
  /** Whole days at `requestsPerDay`. */
  readonly days?: number;
};

/**
 * The sample a single look at the end needs: for proportions by the pooled z-test, for means by the t-test,
 * clustered where users are assigned. `out_of_range` for a question that has no answer; never throws on
 * what a person may type.
 */
export function planExperiment(question: ExperimentQuestion): Result<ExperimentPlan, DataFault> {
  const { baseline, minEffect, users, requestsPerDay } = question;
  const fault = findFault(question);
  if (fault !== null) return err({ code: "out_of_range", message: fault });
  const difference = minEffect.kind === "relative" ? minEffect.value * baseline : minEffect.value;
  const wrong = findWrongDifference(question, difference);
  if (wrong !== null) return err({ code: "out_of_range", message: wrong });

  const found =
    users === undefined ? requests(question, difference) : assigned(question, difference, users);
  if (!found.ok) return found;
  const { perArm, userArms } = found.value;
  const total = perArm[0] + perArm[1];
  return ok({
    perArm,
    total,
    difference,
    designEffect: users === undefined ? 1 : designEffect(users),
    ...(userArms && { users: { perArm: userArms, total: userArms[0] + userArms[1] } }),
    ...(requestsPerDay !== undefined && { days: Math.ceil(total / requestsPerDay) }),
  });
}

type Sizes = { readonly perArm: ArmSizes; readonly userArms?: ArmSizes };

function requests(question: ExperimentQuestion, difference: number): Result<Sizes, DataFault> {
  const sizes = independentSizes(question, difference);
  return sizes.ok ? ok({ perArm: swap(sizes.value) }) : sizes;
}

/** Users first, as whole people; then the requests they are expected to send. */
function assigned(
  question: ExperimentQuestion,
  difference: number,
  users: Clustering,
): Result<Sizes, DataFault> {
  const { metric, alpha, power, alternative } = question;
  const split = swap(question.split);
  const sizes =
    metric.kind === "mean"
      ? ratiosSampleSize({ ...metric, ...users, difference, alpha, power, alternative, split })
      : independentSizes(question, difference);
  if (!sizes.ok) return sizes;
  const perUser = metric.kind === "mean" ? 1 : users.requestsPerUser / designEffect(users);
  const count = (size: number): number => Math.max(2, Math.ceil((size / perUser) * (1 - 1e-12)));
  const userArms: ArmSizes = [count(sizes.value[1]), count(sizes.value[0])];
  return ok({
    userArms,
    perArm: [
      Math.ceil(userArms[0] * users.requestsPerUser),
      Math.ceil(userArms[1] * users.requestsPerUser),
    ],
  });
}

/** Arms x (treatment) and y (control), were all requests independent. */
function independentSizes(
  question: ExperimentQuestion,
  difference: number,
): Result<ArmSizes, DataFault> {
  const { baseline, metric, alpha, power, alternative } = question;
  const shared = { alpha, power, alternative, split: swap(question.split) };
  return metric.kind === "proportion"
    ? proportionsSampleSize({ ...shared, baseline, difference })
    : tTestSampleSize({ ...shared, effectSize: difference / metric.standardDeviation });
}

function swap([first, second]: ArmSizes): ArmSizes {
  return [second, first];
}

function findFault(question: ExperimentQuestion): string | null {
  const { alpha, power, split, baseline, metric, users, requestsPerDay } = question;
  if (!(alpha > 0 && alpha < 1)) return `alpha must lie between 0 and 1, got ${alpha}`;
  if (!(power > alpha && power < 1)) {
    return `power must lie between alpha (${alpha}) and 1, got ${power}`;
  }
  if (!split.every((weight) => weight > 0 && weight < Infinity)) {
    return `the split must hold two weights above 0, got ${split.join(":")}`;
  }
  if (!Number.isFinite(baseline)) return `the baseline must be finite, got ${baseline}`;
  if (metric.kind === "proportion" && !(baseline > 0 && baseline < 1)) {
    return `the baseline of a proportion must lie between 0 and 1, got ${baseline}`;
  }
  if (metric.kind === "mean" && !isPositive(metric.standardDeviation)) {
    return `the standard deviation must be above 0, got ${metric.standardDeviation}`;
  }
  if (requestsPerDay !== undefined && !isPositive(requestsPerDay)) {
    return `requests per day must be above 0, got ${requestsPerDay}`;
  }
  return users === undefined ? null : findClusteringFault(users);
}

function findClusteringFault({ icc, requestsPerUser, variation = 0 }: Clustering): string | null {
  if (!(icc >= 0 && icc <= 1)) return `the users' icc must lie in 0…1, got ${icc}`;
  if (!(requestsPerUser >= 1 && requestsPerUser <= requestsPerUserMax)) {
    return `requests per user must lie in 1…${requestsPerUserMax}, got ${requestsPerUser}`;
  }
  if (!(variation >= 0 && variation <= variationMax)) {
    return `the variation of requests per user must lie in 0…${variationMax}, got ${variation}`;
  }
  return null;
}

function findWrongDifference(question: ExperimentQuestion, difference: number): string | null {
  const { baseline, metric, alternative } = question;
  if (!Number.isFinite(difference) || difference === 0) {
    return `the smallest effect worth finding must be finite and not 0, got ${difference}`;
  }
  if (metric.kind === "mean" && !Number.isFinite(difference / metric.standardDeviation)) {
    return `the effect is beyond all measure in standard deviations: ${difference}`;
  }
  const changed = baseline + difference;
  if (metric.kind === "proportion" && !(changed >= 0 && changed <= 1)) {
    return `the effect moves the proportion out of 0…1: ${baseline} to ${changed}`;
  }
  if ((alternative === "greater" && difference < 0) || (alternative === "less" && difference > 0)) {
    return `an effect of ${difference} can't be found by a test for "${alternative}"`;
  }
  return null;
}

function isPositive(value: number): boolean {
  return value > 0 && value < Infinity;
}
