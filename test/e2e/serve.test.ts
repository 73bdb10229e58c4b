import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** `sluice serve` as a process of its own. */
function serve(configText: string): Served {
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, configText);
  const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, "serve", "--config", path], { stdio: "pipe" });
  children.push(child);
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
