import { clusterCount } from "../../../src/core/telemetry/clusters.ts";
import {
  clusteredQuantile,
  compareQuantiles,
} from "../../../src/core/statistics/clustered/quantile.ts";
import {
  compareRatios,
  ratioOf,
  sumsByUser,
  type ClusteredSums,
} from "../../../src/core/statistics/clustered/ratio.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import {
  betaVariate,
  binomialVariate,
  exponentialVariate,
  normalVariate,
} from "../../../src/core/statistics/random-variates.ts";
import { proportionsZ } from "../../../src/core/statistics/z-test.ts";
import type { SimulationRow } from "./simulation-row.ts";

const alpha = 0.05;
const usersPerArm = 200;
const requestsPerUser = 50;

/** Sums of one arm, by user and by the telemetry's groups of users. */
type Arm = { readonly users: ClusteredSums; readonly groups: ClusteredSums };

/**
 * The reference's sticky users: 400 of them, each with an own error rate from Beta(.2, 19.8) and about 50 requests
 * (geometric: some send one, some hundreds), and no difference between the arms. A test of requests takes them for
 * independent.
 */
export function simulateStickyUsers(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  const hits = { naive: 0, users: 0, groups: 0, quantile: 0 };
  for (let run = 0; run < runs; run += 1) {
    const [x, y] = [drawArm(random), drawArm(random)];
    const naive = proportionsZ(countOf(x.users), countOf(y.users));
    if (naive.ok && naive.value.pValue <= alpha) hits.naive += 1;
    if (rejects(x.users, y.users)) hits.users += 1;
    if (rejects(x.groups, y.groups)) hits.groups += 1;
    if (quantilesDiffer(random)) hits.quantile += 1;
  }
  const allowed = { runs, expected: "at_most", bound: alpha + 0.02 } as const;
  return [
    {
      scenario: "sticky users, no difference: z-test of requests (naive)",
      runs,
      hits: hits.naive,
      expected: "at_least",
      bound: 0.35,
    },
    { scenario: "sticky users: ratio over users", hits: hits.users, ...allowed },
    { scenario: "sticky users: ratio over 256 groups of users", hits: hits.groups, ...allowed },
    { scenario: "sticky users: p90 over users", hits: hits.quantile, ...allowed },
  ];
}

function drawArm(random: Uniform): Arm {
  const weight = Float64Array.from(
    { length: usersPerArm },
    () => 1 + Math.floor((requestsPerUser - 0.5) * exponentialVariate(random)),
  );
  const sum = weight.map((requests) =>
    binomialVariate(random, requests, betaVariate(random, 0.2, 19.8)),
  );
  const groups = { weight: new Float64Array(clusterCount), sum: new Float64Array(clusterCount) };
  for (const [user, requests] of weight.entries()) {
    const group = Math.floor(random() * clusterCount);
    groups.weight[group] = (groups.weight[group] as number) + requests;
    groups.sum[group] = (groups.sum[group] as number) + (sum[user] as number);
  }
  return { users: { weight, sum }, groups };
}

function countOf({ weight, sum }: ClusteredSums): { successes: number; n: number } {
  const total = (values: Float64Array) => values.reduce((all, each) => all + each, 0);
  return { successes: total(sum), n: total(weight) };
}

function rejects(x: ClusteredSums, y: ClusteredSums): boolean {
  const [ofX, ofY] = [ratioOf(x), ratioOf(y)];
  if (!ofX.ok || !ofY.ok) return false;
  const test = compareRatios(ofX.value, ofY.value);
  return test.ok && test.value.pValue <= alpha;
}

/** Latencies of users who are slow or fast by nature. */
function quantilesDiffer(random: Uniform): boolean {
  const n = usersPerArm * requestsPerUser;
  const users = Int32Array.from({ length: n }, (_, at) => at % usersPerArm);
  const [x, y] = [0, 1].map(() => {
    const nature = Float64Array.from({ length: usersPerArm }, () => normalVariate(random));
    const values = Float64Array.from(users, (user) =>
      Math.exp(0.5 * (nature[user] as number) + 0.5 * normalVariate(random)),
    );
    return clusteredQuantile(values, users, usersPerArm, 0.9);
  });
  if (x?.ok !== true || y?.ok !== true) return false;
  const test = compareQuantiles(x.value, y.value);
  return test.ok && test.value.pValue <= alpha;
}

/** How often the clustered interval of the relative lift holds a true lift of 10 %. */
export function simulateStickyCoverage(runs: number, seed: number): SimulationRow[] {
  const random = createRandom(seed);
  let misses = 0;
  for (let run = 0; run < runs; run += 1) {
    const [x, y] = [1.1, 1].map((scale) => {
      const values: number[] = [];
      const users: number[] = [];
      for (let user = 0; user < usersPerArm; user += 1) {
        const nature = 100 * Math.exp(0.4 * normalVariate(random) - 0.08);
        const requests = 1 + Math.floor(random() * 2 * requestsPerUser);
        for (let at = 0; at < requests; at += 1) {
          values.push(scale * nature * (1 + 0.3 * normalVariate(random)));
          users.push(user);
        }
      }
      return ratioOf(sumsByUser(values, users, usersPerArm));
    });
    if (x?.ok !== true || y?.ok !== true) continue;
    const found = compareRatios(x.value, y.value);
    const lift = found.ok ? found.value.lift : null;
    if (lift === null || lift.interval.low > 0.1 || lift.interval.high < 0.1) misses += 1;
  }
  return [
    {
      scenario: "clustered interval of the lift misses",
      runs,
      hits: misses,
      expected: "at_most",
      bound: 0.06,
    },
  ];
}
