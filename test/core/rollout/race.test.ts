import { expect, it } from "vitest";
import { race, scenarios, type Standing } from "../../sim/rollout/race.ts";
import { rules } from "../../sim/rollout/rules.ts";
import { latencyLimitMs } from "../../sim/rollout/world.ts";

/** Sluice's standing first, then the others', over the very same requests. */
function run(name: string, rate: number, runs: number): [Standing, ...Standing[]] {
  const scenario = scenarios.find((each) => each.name === name && each.rate === rate);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return race(scenario, rules, runs, 7) as [Standing, ...Standing[]];
}

it("a healthy canary with sticky users is left alone, where a check every 10 s is not", () => {
  const [sluice, , fastFlagger] = run("healthy, 2 % errors", 10, 6);
  expect(sluice.falseRollbacks).toBe(0);
  expect(fastFlagger?.falseRollbacks).toBeGreaterThan(0);
});

it("total failure at ten canary requests a second is over within a second or so, with the fewest users harmed", () => {
  const [sluice, ...others] = run("100 % errors", 10, 20);
  expect(sluice).toMatchObject({ falseRollbacks: 0, missed: 0 });
  expect(sluice.medianSeconds).toBeLessThanOrEqual(1);
  expect(sluice.p95Seconds).toBeLessThanOrEqual(1.5);
  for (const other of others) expect(sluice.harmed).toBeLessThan(other.harmed / 5);
});

it("a hang is over within the limit and a second", () => {
  const [sluice, ...others] = run("hang", 100, 5);
  expect(sluice.missed).toBe(0);
  expect(sluice.p95Seconds).toBeLessThanOrEqual(latencyLimitMs / 1000 + 1);
  for (const other of others) expect(sluice.harmed).toBeLessThan(other.harmed / 5);
});

it("a tail that grows by a third is found with fewer users harmed than by any interval", () => {
  const [sluice, ...others] = run("p95 × 1.3", 100, 3);
  expect(sluice.missed).toBe(0);
  for (const other of others) expect(sluice.harmed).toBeLessThan(other.harmed);
});

it("a third failing is found sooner than by any interval", () => {
  const [sluice, ...others] = run("30 % errors", 10, 20);
  expect(sluice.missed).toBe(0);
  for (const other of others) expect(sluice.harmed).toBeLessThan(other.harmed);
});

it("the same seed gives the same table", () => {
  expect(run("100 % errors", 10, 2)).toEqual(run("100 % errors", 10, 2));
});
