import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { runCommandLine } from "../support/command-line.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let good: TestUpstream;
let bad: TestUpstream;
let receiver: TestUpstream;
let sluice: TestSluice;
/** What the webhook was sent. */
const told: { status: string; alert: string; summary: string }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-alerts-"));
  [good, bad, receiver] = await Promise.all([
    startUpstream("good"),
    startUpstream("bad"),
    startUpstream("receiver"),
  ]);
  told.length = 0;
  receiver.respond((incoming, outgoing) => void take(incoming, outgoing));
  sluice = await startTestSluice(`${freePorts()}
store: { sqlite: "${join(folder, "s.db")}" }
alerts:
  channels: [ { webhook: "${receiver.url}/hook" }, { jsonl: "${join(folder, "alerts", "a.jsonl")}" } ]
  rules:
    error_rate: { limit: 20%, min_requests: 20, for: 0s, clear: 1s }
    rollback: { severity: warning }
upstreams: { good: { url: "${good.url}" }, bad: { url: "${bad.url}", ejection: { consecutive: 1000 } } }
routes: [ { match: "GET /ab", experiment: ab }, { match: "GET /canary", experiment: canary } ]
experiments:
  ab:
    variants: { old: { upstream: good, control: true }, new: { upstream: bad } }
  canary:
    variants: { old: { upstream: good, control: true }, new: { upstream: bad } }
    rollout: { steps: [ { share: 50%, hold: 1m } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
});

afterEach(async () => {
  await sluice.stop();
  await Promise.all([good.close(), bad.close(), receiver.close()]);
  rmSync(folder, { recursive: true });
});

async function take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let text = "";
  for await (const part of incoming) text += String(part);
  told.push(JSON.parse(text) as (typeof told)[number]);
  outgoing.end();
}

async function ask(path: string, requests: number): Promise<void> {
  for (let user = 0; user < requests; user += 1) {
    const { body } = await request(`${sluice.url}${path}`, {
      headers: { "x-user-id": `user-${user}` },
    });
    await body.dump();
  }
}

function failing(status: number): void {
  bad.respond((_, outgoing) => {
    outgoing.statusCode = status;
    outgoing.end();
  });
}

const alerts = (...rest: string[]) =>
  runCommandLine(["alerts", ...rest, "--admin", sluice.adminUrl]);

describe("alerts", () => {
  it("a variant that fails is told once, and acknowledged by name", async () => {
    failing(500);
    await ask("/ab", 120);
    await expect.poll(() => told.map(({ status }) => status)).toEqual(["firing"]);
    expect(told[0]).toMatchObject({
      alert: "error_rate/ab/new",
      summary: expect.stringContaining("failed 100 % of"),
    });
    const list = await alerts("list");
    expect(list.stdout).toContain("1 firing\n  critical  error_rate/ab/new since ");
    const acknowledged = await alerts("ack", "error_rate/ab/new", "--actor", "ann");
    expect(acknowledged.stdout).toContain("acknowledged by ann");
    await expect.poll(() => told.at(-1)?.status).toBe("acknowledged");
    expect(await alerts("ack", "error_rate/ab/old")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("error_rate/ab/old"),
    });
    const lines = readFileSync(join(folder, "alerts", "a.jsonl"), "utf8")
      .trim()
      .split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { status: string }).status)).toEqual([
      "firing",
      "acknowledged",
    ]);
  });

  it("a rollback is told at once, and over when it is tried again", async () => {
    failing(503);
    await runCommandLine(["rollout", "start", "canary", "--admin", sluice.adminUrl]);
    await expect.poll(() => sluice.sluice.rollouts()[0]?.applied_share).toBe(0.5);
    await ask("/canary", 60);
    await expect.poll(() => told.map(({ alert }) => alert)).toContain("rollback/canary");
    expect(told.find(({ alert }) => alert === "rollback/canary")).toMatchObject({
      status: "firing",
      severity: "warning",
      summary: expect.stringContaining("error_rate"),
    });
    await runCommandLine(["rollout", "retry", "canary", "--admin", sluice.adminUrl]);
    await expect
      .poll(() =>
        told.find(({ alert, status }) => alert === "rollback/canary" && status === "resolved"),
      )
      .toBeDefined();
  });

  it("what is silenced is not told until the silence ends", async () => {
    const silenced = await alerts(
      "silence",
      "--kind",
      "error_rate",
      "--for",
      "1h",
      "--actor",
      "ann",
      "--reason",
      "known",
    );
    const id = /^ {2}(\w{8}) {2}error_rate until .* by ann: known$/m.exec(silenced.stdout)?.[1];
    expect(id).toBeDefined();
    failing(500);
    await ask("/ab", 120);
    await expect.poll(async () => (await alerts("list")).stdout).toContain("1 firing");
    expect(told).toEqual([]);
    await alerts("unsilence", id ?? "");
    await expect.poll(() => told.map(({ status }) => status)).toEqual(["firing"]);
  });

  it("says what is wrong with a command", async () => {
    expect(await alerts("silence", "--for", "soon")).toMatchObject({
      exitCode: 2,
      stderr: "sluice alerts: --for is no duration such as 1h: soon\n",
    });
    expect((await alerts("ack")).stderr).toContain("needs the alert's name");
    expect((await alerts("silence", "--kind", "nothing")).exitCode).toBe(2);
    expect((await alerts("list")).stdout).toBe("nothing fires\n");
  });
});
