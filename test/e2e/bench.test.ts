import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LoadOrder } from "../bench/load.ts";
import { familyOf } from "../bench/processes.ts";

const script = new URL("../bench/run.ts", import.meta.url).pathname;

function bench(...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", timeout: 60_000 });
}

test("the benchmark runs, checks every response and writes its figures as JSON", () => {
  const ran = bench(
    "--seconds=0.3",
    "--rounds=1",
    "--only=sluice,http-proxy-3",
    "--bodies=200,12000-chunked",
    "--no-scaling",
    "--json=-",
  );
  expect(ran).toMatchObject({ status: 0 });
  const report = JSON.parse(ran.stdout) as {
    saturation: Record<string, unknown>[];
    fixedRate: { results: { contender: string; errors: number }[] };
    targets: { name: string; measured: number; limit: number; verdict: string }[];
  };
  const small = { bytes: 200, chunked: false };
  const chunked = { bytes: 12000, chunked: true };
  expect(
    report.saturation.map(({ contender, body, errors }) => ({ contender, body, errors })),
  ).toEqual([
    { contender: "sluice", body: small, errors: 0 },
    { contender: "http-proxy-3", body: small, errors: 0 },
    { contender: "sluice", body: chunked, errors: 0 },
    { contender: "http-proxy-3", body: chunked, errors: 0 },
  ]);
  for (const { requestsPerSecond, cpuUsPerRequest } of report.saturation) {
    expect(requestsPerSecond).toBeGreaterThan(0);
    expect(cpuUsPerRequest).toBeGreaterThan(0);
  }
  expect(report.fixedRate.results.map(({ contender, errors }) => [contender, errors])).toEqual([
    ["direct", 0],
    ["sluice", 0],
    ["http-proxy-3", 0],
  ]);
  expect(report.targets).toHaveLength(2);
  for (const { measured, limit, verdict } of report.targets) {
    expect(verdict).toBe(measured <= limit ? "met" : "missed");
  }
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

test("an interrupt ends every process that the benchmark started, and removes its folders", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-interrupt-"));
  const args = [script, "--only=sluice,nginx,haproxy", "--no-scaling"];
  const running = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, TMPDIR: folder },
  });
  try {
    let printed = "";
    for await (const text of running.stderr) {
      printed += String(text);
      if (printed.includes("warm-up")) break;
    }
    const started = familyOf(running.pid as number).slice(1);
    expect(started.length).toBeGreaterThan(1);
    expect(readdirSync(folder)).not.toEqual([]);
    const ended = once(running, "exit");
    running.kill("SIGINT");
    expect(await ended).toEqual([1, null]);
    await expect.poll(() => started.filter(isAlive)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    running.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a load whose connection is refused ends at once rather than waiting", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, "close");
  const generator = fork(new URL("../bench/load.ts", import.meta.url), { silent: true });
  const order: LoadOrder = {
    port,
    bytes: 200,
    chunked: false,
    connections: 1,
    rate: null,
    warmUpSeconds: 0,
    seconds: 1,
    pids: [],
  };
  generator.send(order);
  expect(await once(generator, "exit")).toEqual([1, null]);
});

/** Whether the process runs; one that ended and waits to be collected (state Z) does not. */
function isAlive(pid: number): boolean {
  if (familyOf(pid).length === 0) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
}
