import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import { freePorts } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let upstream: TestUpstream;
let child: ChildProcessByStdio<null, Readable, null> | null = null;
const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-kill-"));
  upstream = await startUpstream();
  writeFileSync(
    join(folder, "sluice.yaml"),
    `${freePorts()}
store: { sqlite: "${join(folder, "data", "s.db")}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 20%, hold: 1s, min_requests: 0, gate: approval }, { share: 60%, gate: approval } ] }
`,
  );
});

afterEach(async () => {
  child?.kill("SIGKILL");
  await upstream.close();
  rmSync(folder, { recursive: true });
});

/** Starts the process; the answer is its admin address. */
async function serve(): Promise<string> {
  const served = spawn(
    process.execPath,
    [script, "serve", "--config", join(folder, "sluice.yaml")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  child = served;
  for await (const line of createInterface({ input: served.stdout })) {
    const { msg, admin } = JSON.parse(line) as { msg: string; admin?: string };
    if (msg === "listening") return String(admin);
  }
  throw new Error("it ended before it listened");
}

/** kill -9, and the next process. */
async function crash(): Promise<string> {
  const gone = new Promise((resolve) => child?.once("close", resolve));
  child?.kill("SIGKILL");
  await gone;
  return serve();
}

async function ask(admin: string, command?: string): Promise<RolloutStatus> {
  const { body } = await request(`${admin}/v1/rollouts/e`, {
    ...(command !== undefined && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, actor: "ann" }),
    }),
  });
  return (await body.json()) as RolloutStatus;
}

describe("kill -9", () => {
  it("loses no acknowledged command, and the journal command shows them", async () => {
    let admin = await serve();
    for (const [command, expected] of [
      ["start", { phase: "stepping", step: 1, share: 0.2 }],
      ["rollback", { phase: "rolled_back", share: 0, reason: "rollback by ann" }],
      ["retry", { phase: "stepping", step: 1, share: 0.2 }],
    ] as const) {
      await ask(admin, command);
      admin = await crash();
      const now = await ask(admin);
      expect(now).toMatchObject(expected);
      expect(now.journal.at(-1)).toMatchObject({ actor: "ann" });
    }
    const journal = spawn(process.execPath, [script, "journal", join(folder, "sluice.yaml")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines: string[] = [];
    for await (const line of createInterface({ input: journal.stdout })) lines.push(line);
    const rollout = lines.filter((line) => line.includes("  rollout e  "));
    expect(rollout.map((line) => /rollout e {2}(\w+) by ann/.exec(line)?.[1])).toEqual([
      "step",
      "rolled_back",
      "step",
    ]);
  }, 120_000);

  it("a damaged store holds no traffic up, and lets no share rise", async () => {
    let admin = await serve();
    await ask(admin, "start");
    const gone = new Promise((resolve) => child?.once("close", resolve));
    child?.kill("SIGKILL");
    await gone;
    rmSync(join(folder, "data"), { recursive: true });
    // A file where the folder should be: the store cannot be opened.
    writeFileSync(join(folder, "data"), "");
    admin = await serve();
    expect((await request(`${admin}/readyz`)).statusCode).toBe(200);
    expect(await ask(admin)).toMatchObject({ phase: "waiting", share: 0 });
    expect(await ask(admin, "start")).toMatchObject({
      code: "command_refused",
      detail: expect.stringContaining("the store cannot keep it"),
    });
  });
});
