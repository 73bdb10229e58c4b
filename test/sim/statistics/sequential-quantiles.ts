import type { Alternative } from "../../../src/core/statistics/alternative.ts";
import type { Histogram } from "../../../src/core/statistics/histogram.ts";
import type { Interval } from "../../../src/core/statistics/interval.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import { bernoulliConfidenceSequence } from "../../../src/core/statistics/sequential/beta-binomial.ts";
import { fixedQuantileInterval } from "../../../src/core/statistics/sequential/fixed-quantile.ts";
import {
  quantileConfidenceSequence,
  quantileDifferenceSequence,
} from "../../../src/core/statistics/sequential/quantile-sequence.ts";
import { quantileTest } from "../../../src/core/statistics/sequential/quantile-test.ts";
import type { SimulationRow } from "./simulation-row.ts";

const alpha = 0.05;
const alternatives: readonly Alternative[] = ["two_sided", "greater", "less"];

function holds({ low, high }: Interval, truth: number): boolean {
  return low <= truth && truth <= high;
}

/** A rate of 3 % up to 20,000 trials, a look every 200 (one-sided 1000): runs in which its sequence ever missed it. */
export function simulateRateSequences(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  return alternatives.map((alternative) => {
    const lookEvery = alternative === "two_sided" ? 200 : 1000;
    let hits = 0;
    for (let run = 0; run < runs; run += 1) {
      let successes = 0;
      for (let seen = 1; seen <= 20_000; seen += 1) {
        if (random() < 0.03) successes += 1;
        if (seen % lookEvery !== 0) continue;
        const look = bernoulliConfidenceSequence(successes, seen, {
          alpha,
          plannedCount: 4000,
          alternative,
        });
        if (!look.ok || !holds(look.value.interval, 0.03)) {
          hits += 1;
          break;
        }
      }
    }
    return {
      scenario: `rate, ${alternative}: missed`,
      runs,
      hits,
      expected: "at_most",
      bound: alpha,
    };
  });
}

const bins = 600;
const binWidth = 0.01;
const edges = {
  lowest: Float64Array.from({ length: bins }, (_, bin) => bin * binWidth),
  highest: Float64Array.from({ length: bins }, (_, bin) => (bin + 1) * binWidth),
};

/** A growing sample of an exponential distribution with that mean, in bins. */
function createSample(): Histogram {
  return { ...edges, counts: new Float64Array(bins) };
}

function grow({ counts }: Histogram, random: Uniform, size: number, mean: number): void {
  for (let value = 0; value < size; value += 1) {
    const bin = Math.floor((-mean * Math.log(1 - random())) / binWidth);
    counts[Math.min(bin, bins - 1)]! += 1;
  }
}

/**
 * Exponential values in bins, up to 20,000 with a look every 200: runs in which a quantile's sequence ever missed
 * it; and, at a look every 200 up to 20,000, runs in which the fixed interval ever did, which is not made for it.
 */
export function simulateQuantileSequences(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  const cases = [
    { quantile: 0.5, alternative: "two_sided" },
    { quantile: 0.95, alternative: "two_sided" },
    { quantile: 0.95, alternative: "greater" },
    { quantile: 0.95, alternative: "less" },
  ] as const;
  const hits = cases.map(() => 0);
  let fixed = 0;
  for (let run = 0; run < runs; run += 1) {
    const sample = createSample();
    const missed = cases.map(() => false);
    let fixedMissed = false;
    for (let look = 0; look < 100; look += 1) {
      grow(sample, random, 200, 1);
      for (const [index, { quantile, alternative }] of cases.entries()) {
        if (missed[index]) continue;
        // One-sided sequences cost more: at every twentieth look.
        if (alternative !== "two_sided" && look % 20 !== 19) continue;
        const options = { quantile, alternative, alpha, plannedCount: 5000 };
        const found = quantileConfidenceSequence(sample, options);
        missed[index] = !found.ok || !holds(found.value.interval, -Math.log(1 - quantile));
      }
      const once = fixedQuantileInterval(sample, { quantile: 0.5, alpha });
      fixedMissed ||= !once.ok || !holds(once.value.interval, Math.LN2);
    }
    for (const [index, isMissed] of missed.entries()) if (isMissed) hits[index]! += 1;
    if (fixedMissed) fixed += 1;
  }
  const rows = cases.map(({ quantile, alternative }, index): SimulationRow => {
    const scenario = `quantile ${quantile}, ${alternative}: missed`;
    return { scenario, runs, hits: hits[index]!, expected: "at_most", bound: alpha };
  });
  rows.push({
    scenario: "the median's fixed interval at every look: missed",
    runs,
    hits: fixed,
    expected: "at_least",
    bound: 0.15,
  });
  return rows;
}

/** Runs in which the fixed interval of a quantile misses it, at 500 values. */
export function simulateFixedQuantiles(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  return [0.5, 0.9].map((quantile) => {
    let hits = 0;
    for (let run = 0; run < runs; run += 1) {
      const sample = createSample();
      grow(sample, random, 500, 1);
      const found = fixedQuantileInterval(sample, { quantile, alpha });
      if (!found.ok || !holds(found.value.interval, -Math.log(1 - quantile))) hits += 1;
    }
    const scenario = `fixed quantile ${quantile}: missed`;
    return { scenario, runs, hits, expected: "at_most", bound: alpha };
  });
}

/**
 * Two arms of exponential values in bins, up to 20,000 in all with a look every 200: alarms of the quantile test, and
 * misses of the difference sequence, without an effect and with times 30 % longer.
 */
export function simulateQuantileTests(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  const rows: SimulationRow[] = [];
  for (const [lift, alternative, expected, bound] of [
    [0, "two_sided", "at_most", alpha],
    [0, "greater", "at_most", alpha],
    [0.3, "less", "at_most", alpha],
    [0.3, "two_sided", "at_least", 0.9],
    [0.3, "greater", "at_least", 0.9],
  ] as const) {
    let hits = 0;
    let misses = 0;
    for (let run = 0; run < runs; run += 1) {
      const { isAlarm, isMissed } = runQuantileTest(random, lift, alternative);
      if (isAlarm) hits += 1;
      if (isMissed) misses += 1;
    }
    const scenario = `p95, ${lift * 100} % longer, ${alternative}`;
    rows.push(
      { scenario: `${scenario}: alarm`, runs, hits, expected, bound },
      { scenario: `${scenario}: missed`, runs, hits: misses, expected: "at_most", bound: alpha },
    );
  }
  return rows;
}

function runQuantileTest(
  random: Uniform,
  lift: number,
  alternative: Alternative,
): { readonly isAlarm: boolean; readonly isMissed: boolean } {
  const options = { quantile: 0.95, alternative, alpha, plannedCount: 5000 };
  const difference = -Math.log(0.05) * lift;
  const x = createSample();
  const y = createSample();
  let isAlarm = false;
  let isMissed = false;
  for (let look = 0; look < 100; look += 1) {
    grow(x, random, 100, 1 + lift);
    grow(y, random, 100, 1);
    const test = quantileTest(x, y, options);
    isAlarm ||= test.ok && test.value.pValue <= alpha;
    if (look % 20 !== 19) continue;
    const interval = quantileDifferenceSequence(x, y, options);
    isMissed ||= !interval.ok || !holds(interval.value, difference);
  }
  return { isAlarm, isMissed };
}
