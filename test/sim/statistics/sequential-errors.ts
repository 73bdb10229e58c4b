import { chiSquareUpper } from "../../../src/core/statistics/distributions/chi-square.ts";
import { normalUpper } from "../../../src/core/statistics/distributions/normal.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import {
  addErrors,
  createErrorRateTest,
  type ErrorRateOptions,
  errorRatePValue,
  nextEpoch,
} from "../../../src/core/statistics/sequential/error-rate.ts";
import {
  createFirstErrors,
  noteError,
} from "../../../src/core/statistics/sequential/first-errors.ts";
import { rateRatio } from "../../../src/core/statistics/sequential/rate-ratio.ts";
import {
  addUsers,
  createSampleRatioTest,
  nextSplit,
  sampleRatioPValue,
} from "../../../src/core/statistics/sequential/sample-ratio.ts";
import type { SimulationRow } from "./simulation-row.ts";

const alpha = 0.05;
const lookEvery = 100;

type Scenario = {
  readonly name: string;
  readonly options: ErrorRateOptions;
  /** Error rates by the share of the run that is over, 0…1. */
  readonly control: (time: number) => number;
  readonly treatment: (time: number) => number;
  /** The share at that time; the options' share at the start. */
  readonly share?: (time: number) => number;
  readonly requests?: number;
  readonly expected: "at_most" | "at_least";
  readonly bound: number;
};

const tide = (time: number): number => 0.02 * (1 + 0.9 * Math.sin(12 * time));
const ramp = (time: number): number => (time < 0.2 ? 0.05 : time < 0.5 ? 0.25 : 0.5);

const scenarios: readonly Scenario[] = [
  {
    name: "two-sided, 1 % against 1 %",
    options: { share: 0.5, kind: "two_sided" },
    control: () => 0.01,
    treatment: () => 0.01,
    expected: "at_most",
    bound: alpha,
  },
  {
    name: "two-sided, base rate 0.2…3.8 %, share ramped 5 → 25 → 50 %",
    options: { share: 0.05, kind: "two_sided" },
    control: tide,
    treatment: tide,
    share: ramp,
    expected: "at_most",
    bound: alpha,
  },
  {
    name: "abort, margin 20 %, at the boundary",
    options: { share: 0.5, kind: "not_worse", margin: 0.2 },
    control: () => 0.01,
    treatment: () => 0.012,
    expected: "at_most",
    bound: alpha,
  },
  {
    name: "abort, ratio 0 then at the boundary 1, share ramped",
    options: { share: 0.05, kind: "not_worse" },
    control: tide,
    treatment: (time) => (time < 0.3 ? 0 : tide(time)),
    share: ramp,
    expected: "at_most",
    bound: alpha,
  },
  {
    name: "ship, margin 50 %, at the boundary",
    options: { share: 0.5, kind: "worse", margin: 0.5 },
    control: () => 0.01,
    treatment: () => 0.015,
    expected: "at_most",
    bound: alpha,
  },
  {
    name: "two-sided finds 1 → 2 %",
    options: { share: 0.5, kind: "two_sided" },
    control: () => 0.01,
    treatment: () => 0.02,
    expected: "at_least",
    bound: 0.9,
  },
  {
    name: "abort, margin 20 %, finds 1 → 2 %",
    options: { share: 0.5, kind: "not_worse", margin: 0.2 },
    control: () => 0.01,
    treatment: () => 0.02,
    expected: "at_least",
    bound: 0.85,
  },
  {
    name: "abort, share 10 %, margin 20 %, finds 1 → 2 % in 40,000",
    options: { share: 0.1, kind: "not_worse", margin: 0.2 },
    control: () => 0.01,
    treatment: () => 0.02,
    requests: 40_000,
    expected: "at_least",
    bound: 0.75,
  },
  {
    name: "ship, margin 50 %, equal arms, 40,000",
    options: { share: 0.5, kind: "worse", margin: 0.5 },
    control: () => 0.01,
    treatment: () => 0.01,
    requests: 40_000,
    expected: "at_least",
    bound: 0.8,
  },
];

export type DetectionRow = SimulationRow & {
  /** The median number of requests at the first alarm; null where fewer than half of the runs had one. */
  readonly medianRequests: number | null;
};

/** The error guardrail with a look every 100 requests, up to 20,000 (40,000 where the scenario says so). */
export function simulateErrorRates(runs: number, seed: number): DetectionRow[] {
  const random = createRandom(seed);
  return scenarios.map((scenario) => {
    const found: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const at = firstAlarm(scenario, random);
      if (at !== null) found.push(at);
    }
    const sorted = found.toSorted((a, b) => a - b);
    return {
      scenario: scenario.name,
      runs,
      hits: found.length,
      expected: scenario.expected,
      bound: scenario.bound,
      medianRequests: sorted[Math.ceil(runs / 2) - 1] ?? null,
    };
  });
}

function firstAlarm(scenario: Scenario, random: Uniform): number | null {
  const { options, requests = 20_000 } = scenario;
  let test = createErrorRateTest(options);
  let share = options.share;
  for (let seen = 0; seen < requests; seen += lookEvery) {
    const time = seen / requests;
    const shareNow = scenario.share?.(time) ?? share;
    if (shareNow !== share) test = nextEpoch(test, shareNow);
    share = shareNow;
    const counts = errorsOf(random, share, scenario.control(time), scenario.treatment(time));
    test = addErrors(test, ...counts);
    if (errorRatePValue(test) <= alpha) return seen + lookEvery;
  }
  return null;
}

/** Errors of control and treatment among the requests between two looks. */
function errorsOf(
  random: Uniform,
  share: number,
  control: number,
  treatment: number,
): [number, number] {
  let failedControl = 0;
  let failedTreatment = 0;
  for (let request = 0; request < lookEvery; request += 1) {
    const isTreatment = random() < share;
    if (random() >= (isTreatment ? treatment : control)) continue;
    if (isTreatment) failedTreatment += 1;
    else failedControl += 1;
  }
  return [failedControl, failedTreatment];
}

/** Runs in which the confidence sequence of the rate ratio missed it at any look: two-sided, then both sides. */
export function simulateRateRatios(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  return (["two_sided", "not_worse", "worse"] as const).map((kind) => {
    let hits = 0;
    for (let run = 0; run < runs; run += 1) {
      let test = createErrorRateTest({ share: 0.1, kind });
      for (let look = 0; look < 200; look += 1) {
        if (look === 60) test = nextEpoch(test, 0.4);
        const share = look < 60 ? 0.1 : 0.4;
        const base = tide(look / 200);
        test = addErrors(test, ...errorsOf(random, share, base, 1.5 * base));
        const { interval } = rateRatio(test, alpha);
        if (interval === null || interval.low > 1.5 || interval.high < 1.5) {
          hits += 1;
          break;
        }
      }
    }
    return {
      scenario: `rate ratio 1.5, ${kind}: missed`,
      runs,
      hits,
      expected: "at_most",
      bound: alpha,
    };
  });
}

/**
 * 400 sticky users whose propensities to err are Beta(0.2, 19.8), no effect; one look at the end. Each sends a
 * geometric number of requests, 50 on average: some send many, which is what users do (with exactly 50 each the
 * z-test errs in 30 % of the runs). Rows: a z-test on requests, the e-process on raw and on first errors.
 */
export function simulateStickyErrors(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  let naive = 0;
  let raw = 0;
  let first = 0;
  for (let run = 0; run < runs; run += 1) {
    const requests = [0, 0];
    const errors = [0, 0];
    const firstErrors = createFirstErrors(2);
    for (let user = 0; user < 400; user += 1) {
      const arm = random() < 0.5 ? 0 : 1;
      const propensity = skewedBeta(random);
      const hash = random() * 2 ** 32;
      const sent = 1 + Math.floor(Math.log(1 - random()) / Math.log(0.98));
      requests[arm]! += sent;
      for (let request = 0; request < sent; request += 1) {
        if (random() >= propensity) continue;
        errors[arm]! += 1;
        noteError(firstErrors, arm, hash);
      }
    }
    if (proportionsPValue(errors, requests) <= alpha) naive += 1;
    const test = createErrorRateTest({ share: 0.5, kind: "two_sided" });
    if (errorRatePValue(addErrors(test, errors[0]!, errors[1]!)) <= alpha) raw += 1;
    const [control, treatment] = firstErrors.counts;
    if (errorRatePValue(addErrors(test, control!, treatment!)) <= alpha) first += 1;
  }
  return [
    {
      scenario: "sticky: z-test on requests",
      runs,
      hits: naive,
      expected: "at_least",
      bound: 0.35,
    },
    { scenario: "sticky: raw errors", runs, hits: raw, expected: "at_least", bound: 0.12 },
    { scenario: "sticky: first errors", runs, hits: first, expected: "at_most", bound: alpha },
  ];
}

/**
 * Sticky users, ramped from 10 to 50 % so that some change arms, no effect, a look every 3,000 requests up to 60,000:
 * runs with an alarm by first errors, and by raw errors.
 */
export function simulateStickyRamps(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  let raw = 0;
  let first = 0;
  for (let run = 0; run < runs; run += 1) {
    const users = Array.from({ length: 400 }, (_, hash) => ({
      hash: hash + run * 400,
      place: random(),
      propensity: skewedBeta(random),
    }));
    let share = 0.1;
    let rawTest = createErrorRateTest({ share, kind: "not_worse" });
    let firstTest = rawTest;
    const firstErrors = createFirstErrors(2);
    for (let block = 0; block < 20; block += 1) {
      if (block === 8) {
        share = 0.5;
        rawTest = nextEpoch(rawTest, share);
        firstTest = nextEpoch(firstTest, share);
      }
      const before = [...firstErrors.counts];
      const errors = [0, 0];
      for (let request = 0; request < 3000; request += 1) {
        const user = users[Math.floor(random() * users.length)]!;
        if (random() >= user.propensity) continue;
        const arm = user.place < share ? 1 : 0;
        errors[arm]! += 1;
        noteError(firstErrors, arm, user.hash);
      }
      rawTest = addErrors(rawTest, errors[0]!, errors[1]!);
      const [control, treatment] = firstErrors.counts.map((count, arm) => count - before[arm]!);
      firstTest = addErrors(firstTest, control!, treatment!);
    }
    if (errorRatePValue(rawTest) <= alpha) raw += 1;
    if (errorRatePValue(firstTest) <= alpha) first += 1;
  }
  return [
    { scenario: "sticky ramp: raw errors", runs, hits: raw, expected: "at_least", bound: 0.12 },
    { scenario: "sticky ramp: first errors", runs, hits: first, expected: "at_most", bound: alpha },
  ];
}

/** Beta(0.2, 19.8) by M. D. Jöhnk's rejection (1964). */
function skewedBeta(random: Uniform): number {
  for (;;) {
    const x = (1 - random()) ** (1 / 0.2);
    const y = (1 - random()) ** (1 / 19.8);
    if (x + y <= 1) return x / (x + y);
  }
}

function proportionsPValue(errors: readonly number[], requests: readonly number[]): number {
  const [n1, n2] = [requests[0]!, requests[1]!];
  if (n1 === 0 || n2 === 0) return 1;
  const pooled = (errors[0]! + errors[1]!) / (n1 + n2);
  if (pooled === 0) return 1;
  const standardError = Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
  return 2 * normalUpper(Math.abs(errors[0]! / n1 - errors[1]! / n2) / standardError);
}

/**
 * Sample ratios with a look every 100 users, up to 20,000: no mismatch (sequential, and a χ² test at each look), no
 * mismatch with a ramp, and 95/5 configured while every twentieth user of the large arm is lost.
 */
export function simulateSampleRatios(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  const hits = [0, 0, 0, 0, 0];
  for (let run = 0; run < runs; run += 1) {
    const even = mismatch(random, [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], null);
    if (even.sequential) hits[0]! += 1;
    if (even.chiSquare) hits[1]! += 1;
    if (mismatch(random, [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]).sequential) hits[2]! += 1;
    if (mismatch(random, [0.95, 0.05], [0.95, 0.05], null).sequential) hits[3]! += 1;
    if (mismatch(random, [0.5, 0.5], [0.475, 0.5], null).sequential) hits[4]! += 1;
  }
  const row = (at: number, scenario: string, expected: "at_most" | "at_least", bound: number) => ({
    scenario: `sample ratio: ${scenario}`,
    runs,
    hits: hits[at]!,
    expected,
    bound,
  });
  return [
    row(0, "three arms, no mismatch", "at_most", alpha),
    row(1, "the same, χ² at each look", "at_least", 0.25),
    row(2, "no mismatch, 90/10 then 60/40", "at_most", alpha),
    row(3, "95/5, no mismatch", "at_most", alpha),
    row(4, "1 in 20 of an arm lost", "at_least", 0.6),
  ];
}

/** `weights` are what arrives; at half time the configured split becomes `later`, and so does what arrives. */
function mismatch(
  random: Uniform,
  shares: readonly number[],
  weights: readonly number[],
  later: readonly number[] | null,
): { readonly sequential: boolean; readonly chiSquare: boolean } {
  let test = createSampleRatioTest({ shares });
  let sum = weights.reduce((total, weight) => total + weight, 0);
  let arriving = weights;
  let chiSquare = false;
  for (let look = 1; look <= 200; look += 1) {
    if (look === 100 && later !== null) {
      test = nextSplit(test, later);
      arriving = later;
      sum = 1;
    }
    const added = shares.map(() => 0);
    for (let user = 0; user < lookEvery; user += 1) {
      let rest = random() * sum;
      let arm = 0;
      while (arm < arriving.length - 1 && rest >= arriving[arm]!) {
        rest -= arriving[arm]!;
        arm += 1;
      }
      added[arm]! += 1;
    }
    test = addUsers(test, added);
    if (later === null) {
      const seen = look * lookEvery;
      const statistic = test.users.reduce(
        (total, count, arm) => total + (count - seen * shares[arm]!) ** 2 / (seen * shares[arm]!),
        0,
      );
      chiSquare ||= chiSquareUpper(statistic, shares.length - 1) <= alpha;
    }
  }
  return { sequential: sampleRatioPValue(test) <= alpha, chiSquare };
}
