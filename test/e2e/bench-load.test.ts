import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const script = new URL("../bench/load-tester.ts", import.meta.url).pathname;

function bench(...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", timeout: 120_000 });
}

test("the load tester's benchmark measures every tester that is there, and judges by its figures", () => {
  const ran = bench("--seconds=1", "--rounds=1", "--no-stall", "--json=-");
  const { tables, checks } = JSON.parse(ran.stdout) as {
    tables: Record<string, Record<string, { requestsPerSecond: number; timesMs: number[] }>>;
    checks: { name: string; measured: number; isMet: boolean }[];
  };
  const results = Object.values(tables).flatMap((table) => Object.entries(table));
  expect(results.filter(([name]) => name === "sluice")).toHaveLength(2);
  for (const [, { requestsPerSecond, timesMs }] of results) {
    expect(requestsPerSecond).toBeGreaterThan(0);
    expect(timesMs.every((time) => time > 0)).toBe(true);
  }
  expect(checks.map(({ name }) => name)).toContain("start-time error at 1000/s, p99 in ms");
  // Whether a busy machine is fast enough is no matter of this test.
  expect(ran.status).toBe(checks.every(({ isMet }) => isMet) ? 0 : 1);
}, 150_000);

test.each([[["--seconds=0"]], [["--rounds=x"]]])("%j is bad usage", (args) => {
  expect(bench(...args)).toMatchObject({ status: 2 });
});
