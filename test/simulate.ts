import { parseArgs } from "node:util";
import { createRandom } from "../src/core/statistics/random.ts";
import { scaleOfTests, simulateScale } from "./sim/replicas/scale.ts";
import { race, scenarios } from "./sim/rollout/race.ts";
import { rules, sluice } from "./sim/rollout/rules.ts";
import { simulateFixedSamples } from "./sim/statistics/fixed-sample.ts";
import { simulateMeanSequence } from "./sim/statistics/group-sequential.ts";
import { isWithinBound, type SimulationRow } from "./sim/statistics/simulation-row.ts";
import {
  simulateErrorRates,
  simulateRateRatios,
  simulateSampleRatios,
  simulateStickyErrors,
  simulateStickyRamps,
} from "./sim/statistics/sequential-errors.ts";
import * as quantiles from "./sim/statistics/sequential-quantiles.ts";
import { simulateStickyCoverage, simulateStickyUsers } from "./sim/statistics/sticky-users.ts";

/**
 * `npm run simulate [-- --runs N --seed S --only TEXT]`: false alarms, detections and coverage of every method in the
 * long form; the tests hold the short one. Exit 1 when chance does not explain a row.
 * `npm run simulate -- rollout [--runs N]`: Sluice's guardrails beside the rules of Flagger and Argo Rollouts, all over
 * the same simulated requests. Exit 1 when Sluice raises more false alarms than it promises.
 * `npm run simulate -- replicas`: 3, 20 and 200 replicas over one store; exit 1 when one of them does not follow.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);

/** What a simulation costs against one of a fixed-sample test, so that all take about as long. */
const simulations: readonly (readonly [
  name: string,
  share: number,
  run: (runs: number, seed: number) => readonly SimulationRow[],
])[] = [
  ["fixed samples", 10, simulateFixedSamples],
  ["sticky users", 1, simulateStickyUsers],
  ["coverage over sticky users", 1, simulateStickyCoverage],
  ["error rates, a look every 100 requests", 1, simulateErrorRates],
  ["rate ratios", 0.5, simulateRateRatios],
  ["sticky errors", 1, simulateStickyErrors],
  ["sticky errors, ramped shares", 0.25, simulateStickyRamps],
  ["sample ratios", 0.5, simulateSampleRatios],
  ["rate sequences", 0.5, quantiles.simulateRateSequences],
  ["quantile sequences", 0.25, quantiles.simulateQuantileSequences],
  ["fixed quantiles", 0.5, quantiles.simulateFixedQuantiles],
  ["quantile tests", 0.1, quantiles.simulateQuantileTests],
  ["mean sequences, a look every 100 observations", 0.5, simulateMeanSequences],
];

function simulateMeanSequences(count: number, chosen: number): SimulationRow[] {
  return (["two_sided", "greater", "less"] as const).map((alternative) => {
    const rates = simulateMeanSequence(count, createRandom(chosen), { lift: 0, alternative });
    const hits = Math.round(rates.sequence * count);
    return {
      scenario: `mean sequence, ${alternative}`,
      runs: count,
      hits,
      expected: "at_most",
      bound: 0.05,
    };
  });
}

function compareRollouts(): number {
  let broken = 0;
  for (const scenario of scenarios) {
    if (!scenario.name.includes(values.only)) continue;
    const isHealthy = scenario.regression.kind === "none";
    console.log(`\n${scenario.rate} canary requests/s, ${scenario.name}`);
    // A thousand requests a second are ten times the work of a hundred, and as sure with fewer runs.
    const count = scenario.rate === 1000 ? Math.ceil(runs / 20) : runs;
    for (const standing of race(scenario, rules, count, seed)) {
      const { rule, falseRollbacks, missed, medianSeconds, p95Seconds, harmed } = standing;
      const share = (hits: number) => `${((100 * hits) / count).toFixed(1)} %`;
      const found = `missed ${share(missed).padStart(7)}  median ${seconds(medianSeconds)}  p95 ${seconds(p95Seconds)}  users harmed ${harmed.toFixed(1)}`;
      console.log(
        `  ${rule.padEnd(19)} false ${share(falseRollbacks).padStart(7)}  ${isHealthy ? "" : found}`,
      );
      // Four guardrails with a thousandth each.
      const row = {
        scenario: rule,
        runs: count,
        hits: falseRollbacks,
        expected: "at_most",
        bound: 0.004,
      } as const;
      if (rule === sluice.name && !isWithinBound(row)) broken += 1;
    }
  }
  return broken;
}

function seconds(value: number | null): string {
  return value === null ? "   never" : `${value.toFixed(2).padStart(6)} s`;
}

async function growReplicas(): Promise<number> {
  let wrong = 0;
  for (const replicas of [3, 20, 200]) {
    // One after the other, so that each has the processor that it is measured by.
    // oxlint-disable-next-line no-await-in-loop
    const row = await simulateScale({ ...scaleOfTests, replicas });
    const { perSecond, lastAtControlMs, stragglers, newLeaderMs } = row;
    const isRight = lastAtControlMs !== null && stragglers === 0 && newLeaderMs <= 5000;
    if (!isRight) wrong += 1;
    console.log(
      `${isRight ? "ok  " : "FAIL"} ${replicas} replicas: new leader after ${newLeaderMs} ms; one replica fails, all at the control after ${lastAtControlMs ?? "never"} ms\n` +
        `     the store has, a second: ${perSecond.heartbeats} heartbeats, ${perSecond.parts} parts of ${perSecond.partKilobytes} kB together, ${perSecond.collected} read; ${row.noticesPerStep} notices for each step\n` +
        `     CPU of one replica: ${row.cpuMsPerReplicaSecond} ms a second`,
    );
  }
  return wrong;
}

let broken = 0;
if (positionals[0] === "rollout") broken = compareRollouts();
if (positionals[0] === "replicas") broken = await growReplicas();
for (const [name, share, simulate] of simulations) {
  if (positionals.length > 0 || !name.includes(values.only)) continue;
  console.log(`\n${name}`);
  for (const row of simulate(Math.max(100, Math.round(runs * share)), seed)) {
    const isRight = isWithinBound(row);
    if (!isRight) broken += 1;
    const rate = `${((100 * row.hits) / row.runs).toFixed(2)} %`;
    const bound = `${row.expected === "at_most" ? "≤" : "≥"} ${(100 * row.bound).toFixed(2)} %`;
    console.log(
      `  ${isRight ? "ok  " : "FAIL"} ${rate.padStart(8)} ${bound.padStart(10)} of ${String(row.runs).padStart(6)}  ${row.scenario}`,
    );
  }
}
console.log(
  `\n${broken === 0 ? "all as they should be" : `${broken} rows are not explained by chance`}`,
);
process.exitCode = broken === 0 ? 0 : 1;
