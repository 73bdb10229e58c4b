import { createRandom } from "../../../src/core/statistics/random.ts";
import type { Rule } from "./rules.ts";
import { canaryShare, SimulatedArm, tickMs, type Scenario } from "./world.ts";

/** How one rule did in one scenario. */
export type Standing = {
  readonly rule: string;
  readonly runs: number;
  /** Rollbacks before anything was wrong. */
  readonly falseRollbacks: number;
  /** Of the runs that got so far: never rolled back. */
  readonly missed: number;
  /** Seconds from onset to rollback; null when missed by half (or one in twenty). */
  readonly medianSeconds: number | null;
  readonly p95Seconds: number | null;
  /** Users harmed between onset and rollback (or the end), mean over runs. */
  readonly harmed: number;
};

/** A canary of ten minutes; what goes wrong does so after one to two, or at once. */
const runSeconds = 600;

/** Lets every rule watch the very same requests. */
export function race(
  scenario: Scenario,
  rules: readonly Rule[],
  runs: number,
  seed: number,
): Standing[] {
  const random = createRandom(seed);
  const found = rules.map(() => ({
    falseRollbacks: 0,
    missed: 0,
    delays: [] as number[],
    harmed: 0,
  }));
  const isRegression = scenario.regression.kind !== "none";
  for (let run = 0; run < runs; run += 1) {
    const [treatment, control] = [
      new SimulatedArm(scenario, 1, random),
      new SimulatedArm(scenario, (1 - canaryShare) / canaryShare, random),
    ];
    const watching = rules.map((rule) => ({ decide: rule.create(), over: false }));
    const healthySeconds = scenario.isAtOnce === true ? 0 : 60 + 60 * random();
    const onset = isRegression ? Math.floor((healthySeconds * 1000) / tickMs) : Infinity;
    for (let tick = 0; tick < (runSeconds * 1000) / tickMs; tick += 1) {
      const ofTreatment = treatment.step(tick, tick >= onset);
      const ofControl = control.step(tick, false);
      for (const [at, one] of watching.entries()) {
        if (one.over) continue;
        const of = found[at] as (typeof found)[number];
        if (tick >= onset) of.harmed += ofTreatment.newlyHarmed;
        if (!one.decide(ofTreatment, ofControl)) continue;
        one.over = true;
        if (tick < onset) of.falseRollbacks += 1;
        else of.delays.push(((tick - onset + 1) * tickMs) / 1000);
      }
      if (watching.every(({ over }) => over)) break;
    }
    if (!isRegression) continue;
    for (const [at, { over }] of watching.entries())
      if (!over) (found[at] as (typeof found)[number]).missed += 1;
  }
  return rules.map(({ name }, at) => {
    const { falseRollbacks, missed, delays, harmed } = found[at] as (typeof found)[number];
    const sorted = delays.toSorted((one, other) => one - other);
    const reached = delays.length + missed;
    const quantile = (share: number) => sorted[Math.ceil(share * reached) - 1] ?? null;
    return {
      rule: name,
      runs,
      falseRollbacks,
      missed,
      medianSeconds: reached === 0 ? null : quantile(0.5),
      p95Seconds: reached === 0 ? null : quantile(0.95),
      harmed: reached === 0 ? 0 : harmed / reached,
    };
  });
}

const rates = [10, 100, 1000] as const;
const regressions = [
  ["2 × baseline", { kind: "errors", rate: 0.04 }],
  ["5 × baseline", { kind: "errors", rate: 0.1 }],
  ["30 % errors", { kind: "errors", rate: 0.3 }],
  ["100 % errors", { kind: "errors", rate: 1 }],
  ["p95 × 1.3", { kind: "latency", factor: 1.3 }],
  ["p95 × 2", { kind: "latency", factor: 2 }],
  ["hang", { kind: "hang" }],
] as const;

/** Healthy canaries first, then every way to be ill (over a baseline of 2 %), at each rate. */
export const scenarios: readonly Scenario[] = rates.flatMap((rate) => {
  const healthy = [0, 0.005, 0.02].map((baseline): Scenario => ({
    name: `healthy, ${baseline * 100} % errors`,
    rate,
    baseline,
    regression: { kind: "none" },
  }));
  const ill = regressions.map(([name, regression]): Scenario => ({
    name,
    rate,
    baseline: 0.02,
    regression,
  }));
  const fromFew: Scenario = {
    name: "10 % errors, from 0.5 %",
    rate,
    baseline: 0.005,
    regression: { kind: "errors", rate: 0.1 },
  };
  const atOnce = { ...fromFew, name: "10 % errors at once, others 0.5 %", isAtOnce: true };
  return healthy.concat(ill, fromFew, atOnce);
});
