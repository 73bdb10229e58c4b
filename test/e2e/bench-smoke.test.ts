import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const script = new URL("../bench/run.ts", import.meta.url).pathname;

function bench(...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", timeout: 60_000 });
}

test("the benchmark runs, checks every response and writes its figures as JSON", () => {
  const ran = bench(
    "--seconds=0.5",
    "--rounds=1",
    "--only=sluice",
    "--bodies=200,12000-chunked",
    "--no-scaling",
    "--json=-",
  );
  expect(ran).toMatchObject({ status: 0 });
  const report = JSON.parse(ran.stdout) as {
    saturation: Record<string, unknown>[];
    fixedRate: { results: { contender: string; errors: number }[] };
  };
  expect(
    report.saturation.map(({ contender, body, errors }) => ({ contender, body, errors })),
  ).toEqual([
    { contender: "sluice", body: { bytes: 200, chunked: false }, errors: 0 },
    { contender: "sluice", body: { bytes: 12000, chunked: true }, errors: 0 },
  ]);
  for (const { requestsPerSecond, cpuUsPerRequest } of report.saturation) {
    expect(requestsPerSecond).toBeGreaterThan(0);
    expect(cpuUsPerRequest).toBeGreaterThan(0);
  }
  expect(report.fixedRate.results.map(({ contender, errors }) => [contender, errors])).toEqual([
    ["direct", 0],
    ["sluice", 0],
  ]);
});

test.each([
  [["--only", "squid"], "--only squid"],
  [["--seconds", "0"], "--seconds"],
  [["--bodies", "200,big"], "--bodies big"],
  [["--fast"], "--fast"],
])("a bad option ends with 2 and says which: %j", (args, named) => {
  const ran = bench(...args);
  expect(ran.status).toBe(2);
  expect(ran.stderr).toContain(named);
});
