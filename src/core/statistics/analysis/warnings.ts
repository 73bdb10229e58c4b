import { formatNumber } from "../decision/words.ts";
import { shapeOf, type Moments } from "../moments.ts";
import type { ArmSample } from "./sample.ts";

export type WarningFacts = {
  readonly x: ArmSample;
  readonly y: ArmSample;
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  readonly treatment: Moments;
  readonly control: Moments;
  readonly isRate: boolean;
};

/** Below so many users an arm, variances over users are themselves uncertain. */
const usersFew = 30;
/** Expected successes and failures that the normal approximation of a rate needs. */
const cellsFew = 10;

/** Where the data strain what the tests assume, in words. */
export function warningsOf(facts: WarningFacts): string[] {
  const { x, y, xs, ys, treatment, control, isRate } = facts;
  const arms = [
    { sample: x, values: xs, moments: treatment },
    { sample: y, values: ys, moments: control },
  ];
  const warnings: string[] = [];
  for (const { sample, values, moments } of arms) {
    const { name, n, userCount } = sample;
    if (n < 2) {
      warnings.push(`${name} has one row only: no variance, no test`);
      continue;
    }
    if (moments.variance === 0) warnings.push(`all values of ${name} are ${moments.mean}`);
    else if (isRate) warnings.push(...rateWarnings(name, moments));
    else warnings.push(...skewWarnings(name, values, moments));
    if (userCount === null) continue;
    if (userCount < usersFew) {
      warnings.push(`${name} has ${userCount} users only: variances over users are uncertain`);
    }
  }
  if (x.userCount !== null && y.userCount !== null && x.n + y.n > x.userCount + y.userCount) {
    const perUser = formatNumber((x.n + y.n) / (x.userCount + y.userCount));
    warnings.push(
      `users have ${perUser} rows each: only the clustered analysis allows for it, the others take rows for independent`,
    );
  }
  return warnings;
}

function rateWarnings(name: string, { n, mean }: Moments): string[] {
  const successes = Math.round(n * mean);
  const rarer = Math.min(successes, n - successes);
  if (rarer >= cellsFew) return [];
  return [
    `${name} has ${rarer} of the rarer outcome only: tests of means are rough below ${cellsFew}`,
  ];
}

/** W. G. Cochran's rule ("Sampling Techniques", 1977, §2.15): n should exceed 25 times the squared skewness. */
function skewWarnings(name: string, values: Float64Array, moments: Moments): string[] {
  const { skewness } = shapeOf(values, moments);
  const needed = Math.ceil(25 * skewness * skewness);
  if (moments.n > needed) return [];
  return [
    `${name} is skewed (${skewness.toPrecision(3)}): tests of means want more than ${needed} rows, there are ${moments.n}; trust the rank tests and the bootstrap`,
  ];
}
