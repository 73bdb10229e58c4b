import { spawn } from "node:child_process";
import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "undici";
import { freePorts } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

let folder: string;
let upstream: TestUpstream;
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-serve-"));
  upstream = await startUpstream();
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await upstream.close();
  rmSync(folder, { recursive: true });
});

type Served = {
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;
  stderr(): string;
  /** The first log line with this message. */
  logged(message: string): Promise<Record<string, unknown>>;
};

/** `sluice serve` as a process of its own, its log to where the caller says. */
function start(configText: string, stdout: "pipe" | number): ChildProcess {
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, configText);
  const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, "serve", "--config", path], {
    stdio: ["ignore", stdout, "pipe"],
  });
  children.push(child);
  return child;
}

function serve(configText: string): Served {
  const child = start(configText, "pipe") as ChildProcessByStdio<null, Readable, Readable>;
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const look of waiting) look();
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    child,
    code: new Promise((resolve) => child.on("close", (code) => resolve(code))),
    stderr: () => stderr,
    logged: (message) =>
      new Promise((resolve) => {
        const look = () => {
          const lines = stdout.split("\n").slice(0, -1);
          const found = lines.map(parseLine).find((line) => line.msg === message);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

function parseLine(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

const pinned = (listen = "") => `${freePorts({ listen })}
upstreams:
  only: { url: "${upstream.url}" }
routes:
  - { match: "/**", upstream: only }
`;

test("it says where it listens, reloads on SIGHUP, and SIGTERM lets what is in flight finish", async () => {
  const served = serve(pinned());
  const { traffic, admin } = await served.logged("listening");
  expect((await request(`${String(admin)}/readyz`)).statusCode).toBe(200);
  served.child.kill("SIGHUP");
  expect(await served.logged("configuration unchanged")).toMatchObject({ reason: "SIGHUP" });
  const held: ServerResponse[] = [];
  upstream.respond((_request, response) => void held.push(response));
  const answer = request(`${String(traffic)}/x`);
  await upstream.until(1);
  served.child.kill("SIGTERM");
  await served.logged("draining");
  held[0]?.end("whole");
  expect(await (await answer).body.text()).toBe("whole");
  expect(await served.code).toBe(0);
});

test("a second signal ends it at once with 1", async () => {
  const served = serve(pinned(", drain_deadline: 1h"));
  const { traffic } = await served.logged("listening");
  upstream.respond(() => {});
  const outcome = request(`${String(traffic)}/x`).then(
    () => "answered",
    () => "cut",
  );
  await upstream.until(1);
  served.child.kill("SIGINT");
  await served.logged("draining");
  served.child.kill("SIGTERM");
  expect(await served.code).toBe(1);
  expect(await outcome).toBe("cut");
});

test("an invalid configuration prints every problem with its place and ends with 2", async () => {
  const served = serve(`listen: { port: 99999 }\nupstreams: {}\nroutes: []\nnonsense: 1\n`);
  expect(await served.code).toBe(2);
  expect(served.stderr()).toMatch(/sluice\.yaml:1:\d+ listen\.port: /);
  expect(served.stderr()).toMatch(/sluice\.yaml:4:\d+ nonsense: /);
});

test.each([
  ["stops reading", (log: Readable | null) => void log?.pause()],
  ["goes away", (log: Readable | null) => void log?.destroy()],
])("a reader of the log who %s holds up neither traffic nor the end", async (_what, leave) => {
  const served = serve(`${pinned()}log: { access_sample: 1 }\n`);
  const { traffic } = await served.logged("listening");
  leave(served.child.stdout);
  // More lines than the pipe holds.
  const path = "p".repeat(2000);
  const statuses = new Set<number>();
  for (let round = 0; round < 50; round += 1) {
    const answers = Array.from({ length: 10 }, async () => {
      const { statusCode, body } = await request(`${String(traffic)}/${path}`);
      await body.dump();
      statuses.add(statusCode);
    });
    await Promise.all(answers);
  }
  expect(statuses).toEqual(new Set([200]));
  const exit = new Promise((resolve) => served.child.once("exit", resolve));
  served.child.kill("SIGTERM");
  expect(await exit).toBe(0);
});

test("a full disk for the log changes neither traffic nor the exit code", async () => {
  // Nothing tells the ports that it took, so they are chosen here.
  const port = await findFreePort();
  const full = openSync("/dev/full", "w");
  const child = start(pinned().replace("port: 0", `port: ${port}`), full);
  closeSync(full);
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const ask = () => request(`http://127.0.0.1:${port}/x`).then(({ statusCode }) => statusCode);
  await expect.poll(() => ask().catch(() => null), { timeout: 10_000 }).toBe(200);
  // The line of the start has failed by now, and another one does.
  child.kill("SIGHUP");
  expect(await ask()).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
});

test.each(["listen", "admin"])(
  "with the %s port in use it names the address and ends with 1",
  async (section) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const text = pinned().replace(new RegExp(`(${section}: .* port: )0`), `$1${port}`);
    const served = serve(text);
    expect(await served.code).toBe(1);
    expect(served.stderr()).toContain(`127.0.0.1:${port} is in use`);
    expect(served.stderr()).toContain(`${section}.port`);
    await new Promise((resolve) => taken.close(resolve));
  },
);

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
