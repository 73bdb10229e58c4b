import { bootstrap } from "../../../src/core/statistics/bootstrap.ts";
import { brunnerMunzel } from "../../../src/core/statistics/brunner-munzel.ts";
import { goodnessOfFit } from "../../../src/core/statistics/chi-square-test.ts";
import { cuped } from "../../../src/core/statistics/clustered/cuped.ts";
import { cohensD } from "../../../src/core/statistics/effect-size/standardised.ts";
import { meansEquivalence, meansNonInferiority } from "../../../src/core/statistics/equivalence.ts";
import { mannWhitney } from "../../../src/core/statistics/mann-whitney.ts";
import { momentsOf, type Moments } from "../../../src/core/statistics/moments.ts";
import { permutationTest } from "../../../src/core/statistics/permutation-test.ts";
import { achievedPower as proportionsPower } from "../../../src/core/statistics/power/proportions.ts";
import { achievedPower as tPower } from "../../../src/core/statistics/power/t-test.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import {
  binomialVariate,
  exponentialVariate,
  normalVariate,
} from "../../../src/core/statistics/random-variates.ts";
import { pooledT, welchT } from "../../../src/core/statistics/t-test.ts";
import {
  clopperPearsonInterval,
  meansZ,
  newcombeInterval,
  proportionsZ,
  wilsonInterval,
} from "../../../src/core/statistics/z-test.ts";
import type { Result } from "../../../src/base/result.ts";
import type { SimulationRow } from "./simulation-row.ts";

const alpha = 0.05;

/** Whether a run of a scenario was a hit. */
type Trial = (random: Uniform) => boolean;
type Scenario = Pick<SimulationRow, "scenario" | "expected" | "bound"> & {
  readonly trial: Trial;
  /** How much dearer a run is than that of a t-test. */
  readonly cost?: number;
};

const sample = (random: Uniform, n: number, draw: (random: Uniform) => number) =>
  Float64Array.from({ length: n }, () => draw(random));
const rejects = (found: Result<{ readonly pValue: number }, unknown>) =>
  found.ok && found.value.pValue <= alpha;
const moments = (values: Float64Array): Moments => {
  const found = momentsOf(values);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
};

/** False alarms of every fixed-sample test where the arms are the same, at the one look they are made for. */
const falseAlarms: readonly Scenario[] = [
  [
    "Welch's t, unequal spread",
    (random: Uniform) =>
      rejects(
        welchT(
          moments(sample(random, 20, normalVariate)),
          moments(sample(random, 50, (chance) => 3 * normalVariate(chance))),
        ),
      ),
  ],
  [
    "pooled t, normal",
    (random: Uniform) =>
      rejects(
        pooledT(
          moments(sample(random, 12, normalVariate)),
          moments(sample(random, 15, normalVariate)),
        ),
      ),
  ],
  [
    "z of means, 300 exponential",
    (random: Uniform) =>
      rejects(
        meansZ(
          moments(sample(random, 300, exponentialVariate)),
          moments(sample(random, 300, exponentialVariate)),
        ),
      ),
  ],
  [
    "z of proportions, 10 % of 500",
    (random: Uniform) =>
      rejects(
        proportionsZ(
          { successes: binomialVariate(random, 500, 0.1), n: 500 },
          { successes: binomialVariate(random, 500, 0.1), n: 500 },
        ),
      ),
  ],
  [
    "Mann-Whitney, exact, 8 against 8",
    (random: Uniform) =>
      rejects(mannWhitney(sample(random, 8, normalVariate), sample(random, 8, normalVariate))),
  ],
  [
    "Mann-Whitney, ties",
    (random: Uniform) =>
      rejects(
        mannWhitney(
          sample(random, 60, (chance) => Math.floor(chance() * 4)),
          sample(random, 80, (chance) => Math.floor(chance() * 4)),
        ),
      ),
  ],
  [
    "Brunner-Munzel, unequal spread",
    (random: Uniform) =>
      rejects(
        brunnerMunzel(
          sample(random, 40, normalVariate),
          sample(random, 40, (chance) => 3 * normalVariate(chance)),
        ),
      ),
  ],
  [
    "bootstrap of means, 60 exponential",
    (random: Uniform) =>
      rejects(
        bootstrap(sample(random, 60, exponentialVariate), sample(random, 60, exponentialVariate), {
          random,
          resamples: 400,
        }),
      ),
    20,
  ],
  [
    "permutation test",
    (random: Uniform) =>
      rejects(
        permutationTest(
          sample(random, 25, exponentialVariate),
          sample(random, 25, exponentialVariate),
          { random, resamples: 400 },
        ),
      ),
    10,
  ],
  [
    "χ² of the split, 70:30",
    (random: Uniform) => {
      const first = binomialVariate(random, 2000, 0.7);
      return rejects(goodnessOfFit([first, 2000 - first], [70, 30]));
    },
  ],
  [
    "CUPED",
    (random: Uniform) => {
      const arm = () => {
        const before = sample(random, 60, normalVariate);
        return { before, values: before.map((value) => value + normalVariate(random)) };
      };
      return rejects(cuped(arm(), arm()));
    },
  ],
  [
    "non-inferiority at its margin",
    (random: Uniform) => {
      const x = moments(sample(random, 60, (chance) => 0.5 + normalVariate(chance)));
      return rejects(
        meansNonInferiority(x, moments(sample(random, 60, normalVariate)), {
          margin: 0.5,
          direction: "lower",
        }),
      );
    },
  ],
  [
    "TOST at its margin",
    (random: Uniform) => {
      const x = moments(sample(random, 80, (chance) => 0.5 + normalVariate(chance)));
      return rejects(
        meansEquivalence(x, moments(sample(random, 80, normalVariate)), { low: -0.5, high: 0.5 }),
      );
    },
  ],
].map(([scenario, trial, cost]) => ({
  scenario: `false alarm: ${scenario as string}`,
  trial: trial as Trial,
  cost: (cost as number | undefined) ?? 1,
  expected: "at_most",
  // Approximate tests may be off by a tenth.
  bound: alpha * 1.1,
}));

const tDesign = { sizes: [64, 64], effectSize: 0.5, alpha, alternative: "two_sided" } as const;
const rateDesign = {
  baseline: 0.1,
  difference: 0.05,
  sizes: [686, 686],
  alpha,
  alternative: "two_sided",
} as const;

/** Detections at an effect for which the power was computed: at least that, less a hundredth. */
const detections: readonly Scenario[] = [
  [
    "t-test, d = 0.5, 64 an arm",
    tPower(tDesign),
    (random: Uniform) =>
      rejects(
        pooledT(
          moments(sample(random, 64, (chance) => 0.5 + normalVariate(chance))),
          moments(sample(random, 64, normalVariate)),
        ),
      ),
  ],
  [
    "proportions, 10 % to 15 %",
    proportionsPower(rateDesign),
    (random: Uniform) =>
      rejects(
        proportionsZ(
          { successes: binomialVariate(random, 686, 0.15), n: 686 },
          { successes: binomialVariate(random, 686, 0.1), n: 686 },
        ),
      ),
  ],
  // Mann-Whitney's asymptotic relative efficiency for normal data is 3/π.
  [
    "Mann-Whitney, d = 0.5, 67 an arm",
    tPower(tDesign),
    (random: Uniform) =>
      rejects(
        mannWhitney(
          sample(random, 67, (chance) => 0.5 + normalVariate(chance)),
          sample(random, 67, normalVariate),
        ),
      ),
  ],
].map(([scenario, power, trial]) => ({
  scenario: `power: ${scenario as string}`,
  trial: trial as Trial,
  expected: "at_least",
  bound: (power as number) - 0.01,
}));

const misses = ({ low, high }: { readonly low: number; readonly high: number }, truth: number) =>
  low > truth || high < truth;

/** Intervals that miss the truth. */
const coverage: readonly Scenario[] = [
  [
    "Welch's t",
    (random: Uniform) => {
      const found = welchT(
        moments(sample(random, 30, (chance) => 1 + normalVariate(chance))),
        moments(sample(random, 30, (chance) => 2 * normalVariate(chance))),
      );
      return found.ok && misses(found.value.interval, 1);
    },
  ],
  [
    "Wilson, 2 % of 200",
    (random: Uniform) =>
      misses(wilsonInterval({ successes: binomialVariate(random, 200, 0.02), n: 200 }), 0.02),
  ],
  [
    "Clopper-Pearson, 2 % of 200",
    (random: Uniform) =>
      misses(
        clopperPearsonInterval({ successes: binomialVariate(random, 200, 0.02), n: 200 }),
        0.02,
      ),
  ],
  [
    "Newcombe, 5 % against 2 % of 300",
    (random: Uniform) =>
      misses(
        newcombeInterval(
          { successes: binomialVariate(random, 300, 0.05), n: 300 },
          { successes: binomialVariate(random, 300, 0.02), n: 300 },
        ),
        0.03,
      ),
  ],
  [
    "Cohen's d = 0.8, 20 an arm",
    (random: Uniform) => {
      const found = cohensD(
        moments(sample(random, 20, (chance) => 0.8 + normalVariate(chance))),
        moments(sample(random, 20, normalVariate)),
      );
      return found.ok && misses(found.value.interval, 0.8);
    },
    100,
  ],
  [
    "Cliff's delta of normals one apart",
    (random: Uniform) => {
      const found = brunnerMunzel(
        sample(random, 40, (chance) => 1 + normalVariate(chance)),
        sample(random, 40, normalVariate),
      );
      // P(X > Y) = Φ(1/√2).
      return found.ok && misses(found.value.deltaInterval, 2 * 0.7602499389065233 - 1);
    },
  ],
  [
    "bootstrap (BCa) of exponential means",
    (random: Uniform) => {
      const found = bootstrap(
        sample(random, 80, (chance) => 2 * exponentialVariate(chance)),
        sample(random, 80, exponentialVariate),
        { random, resamples: 500 },
      );
      return found.ok && misses(found.value.bca, 1);
    },
    20,
  ],
].map(([scenario, trial, cost]) => ({
  scenario: `interval misses: ${scenario as string}`,
  trial: trial as Trial,
  cost: (cost as number | undefined) ?? 1,
  expected: "at_most",
  bound: alpha * 1.3,
}));

/** Every fixed-sample test at its one look: false alarms, power at a known effect, coverage of its intervals. */
export function simulateFixedSamples(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  return [...falseAlarms, ...detections, ...coverage].map(
    ({ scenario, trial, cost = 1, expected, bound }) => {
      const made = Math.max(100, Math.floor(runs / cost));
      let hits = 0;
      for (let run = 0; run < made; run += 1) if (trial(random)) hits += 1;
      return { scenario, runs: made, hits, expected, bound };
    },
  );
}
