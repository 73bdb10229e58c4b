// Power where users are assigned and each sends several requests: requests of one user resemble each other
// (intraclass correlation icc), so n requests are worth n divided by the design effect
//   1 + ((1 + cv²)·m − 1)·icc,   m = mean requests per user, cv = their coefficient of variation
// (Eldridge, Ashby & Kerry, Int. J. Epidemiol. 35:1292, 2006; Kish, "Survey Sampling", 1965, at cv = 0). The
// test is the one over users, with as many degrees of freedom as users less two (Donner & Klar, "Design and
// Analysis of Cluster Randomization Trials", 2000, section 5.3).
import type { Result } from "../../../base/result.ts";
import type { Alternative } from "../alternative.ts";
import type { DataFault } from "../fault.ts";
import {
  type ArmSizes,
  assertAlpha,
  assertPower,
  assertSizes,
  type Split,
  smallestEffect,
  smallestSizes,
} from "./split.ts";
import { noncentralPower } from "./t-test.ts";

export type Clustering = {
  /** Mean number of requests of a user over the whole run: 1…1e12. */
  readonly requestsPerUser: number;
  /** Share of a request's variance that lies between users: 0…1. */
  readonly icc: number;
  /** Standard deviation of the number of requests per user over its mean: 0…1e6; default 0. */
  readonly variation?: number;
};

export const requestsPerUserMax = 1e12;
export const variationMax = 1e6;

export type RatiosDesign = Clustering & {
  /** Of one request, over all users of an arm: above 0, in the unit of the difference. */
  readonly standardDeviation: number;
  /** 0 < alpha < 1, both sides together. */
  readonly alpha: number;
  readonly alternative: Alternative;
};

/** How many times more requests are needed than if all were independent. Throws RangeError on invalid arguments. */
export function designEffect({ requestsPerUser, icc, variation = 0 }: Clustering): number {
  if (!(requestsPerUser >= 1 && requestsPerUser <= requestsPerUserMax)) {
    throw new RangeError(
      `requestsPerUser must lie in 1…${requestsPerUserMax}, got ${requestsPerUser}`,
    );
  }
  if (!(icc >= 0 && icc <= 1)) throw new RangeError(`icc must lie in 0…1, got ${icc}`);
  if (!(variation >= 0 && variation <= variationMax)) {
    throw new RangeError(`variation must lie in 0…${variationMax}, got ${variation}`);
  }
  return 1 + ((1 + variation * variation) * requestsPerUser - 1) * icc;
}

/** The number of independent requests that the requests of so many users are worth. */
export function effectiveSampleSize(users: number, clustering: Clustering): number {
  if (!(users >= 0 && users < Infinity)) {
    throw new RangeError(`users must be finite and not negative, got ${users}`);
  }
  return (users * clustering.requestsPerUser) / designEffect(clustering);
}

/**
 * Chance that a user-clustered test rejects when the ratio of arm x exceeds that of arm y by `difference`;
 * sizes are users, at least 2. Throws RangeError on invalid arguments.
 */
export function achievedPower(
  design: RatiosDesign & { readonly difference: number; readonly sizes: ArmSizes },
): number {
  const { difference, sizes, standardDeviation, alpha, alternative } = design;
  assertAlpha(alpha);
  assertSizes(sizes, 2);
  if (!(standardDeviation > 0 && standardDeviation < Infinity)) {
    throw new RangeError(`standardDeviation must be above 0 and finite, got ${standardDeviation}`);
  }
  if (!Number.isFinite(difference)) {
    throw new RangeError(`difference must be finite, got ${difference}`);
  }
  const standardError =
    standardDeviation *
    Math.sqrt(
      1 / effectiveSampleSize(sizes[0], design) + 1 / effectiveSampleSize(sizes[1], design),
    );
  return noncentralPower(difference / standardError, sizes[0] + sizes[1] - 2, alpha, alternative);
}

/**
 * The smallest numbers of users in the ratio of the split that reach `power`. `out_of_range` when the effect
 * is 0, points away from the alternative, or needs more than 1e12 users.
 */
export function requiredSampleSize(
  design: RatiosDesign & {
    readonly difference: number;
    readonly power: number;
    readonly split: Split;
  },
): Result<ArmSizes, DataFault> {
  assertPower(design.power, design.alpha);
  return smallestSizes(
    (sizes) => achievedPower({ ...design, sizes }),
    design.power,
    design.split,
    2,
  );
}

/** The smallest difference, negative for the alternative "less", that is found with chance `power`. */
export function minimumDetectableEffect(
  design: RatiosDesign & { readonly power: number; readonly sizes: ArmSizes },
): number {
  assertPower(design.power, design.alpha);
  assertSizes(design.sizes, 2);
  const sign = design.alternative === "less" ? -1 : 1;
  const powerOf = (magnitude: number): number =>
    achievedPower({ ...design, difference: sign * magnitude });
  let largest = design.standardDeviation;
  while (powerOf(largest) < design.power && largest < 1e9 * design.standardDeviation) largest *= 2;
  return sign * (smallestEffect(powerOf, design.power, largest) ?? largest);
}
