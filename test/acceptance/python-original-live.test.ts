import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, request } from "undici";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import type { ExperimentLifecycleStatus } from "../../src/wire/experiments-api.ts";
import { runCommandLine } from "../support/command-line.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

// Defects of the Python original that only a whole Sluice with real servers and the real command line can show.

let old: TestUpstream;
let fresh: TestUpstream;
let sluice: TestSluice;
let agent: Agent;
let sent = 0;

beforeEach(async () => {
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  agent = new Agent({ connections: 16 });
  sent = 0;
});

afterEach(async () => {
  await agent.destroy();
  await sluice.stop();
  await Promise.all([old.close(), fresh.close()]);
});

async function start(experiment: string, upstream = ""): Promise<void> {
  sluice = await startTestSluice(`${freePorts({ workers: 2 })}
upstreams:
  old: { url: "${old.url}" ${upstream} }
  new: { url: "${fresh.url}" ${upstream} }
routes: [ { match: "/**", experiment: e } ]
experiments: { e: ${experiment} }
`);
}

/** One request of the next of 2000 users; the variant that answered. */
async function send(): Promise<string> {
  sent += 1;
  const { headers, body } = await request(`${sluice.url}/query`, {
    dispatcher: agent,
    headers: { "x-user-id": `user-${sent % 2000}` },
  });
  await body.dump();
  return String(headers["x-sluice-variant"]);
}

const sendMany = (count: number) => Promise.all(Array.from({ length: count }, send));

async function read<Answer>(path: string): Promise<Answer> {
  const { body } = await request(`${sluice.adminUrl}${path}`);
  return (await body.json()) as Answer;
}

const rollout = () => read<RolloutStatus>("/v1/rollouts/e");
const experiment = () => read<ExperimentLifecycleStatus>("/v1/experiments/e");

/** Sends, sixteen at a time, until it is so. */
async function sendUntil<Answer>(
  ask: () => Promise<Answer>,
  isSo: (now: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    await sendMany(16);
    const now = await ask();
    if (isSo(now)) return now;
  }
}

const cli = (...line: string[]) => runCommandLine([...line, "--admin", sluice.adminUrl]);

function fail(upstream: TestUpstream): void {
  upstream.respond((_incoming, outgoing) => outgoing.writeHead(500).end("broken"));
}

describe("a canary on real traffic", () => {
  const canary = `{
    variants: { old: { upstream: old, control: true }, new: { upstream: new } },
    rollout: { steps: [ { share: 5%, hold: 1s, min_requests: 40 }, { share: 100% } ], observe: 1s },
    guardrails: [ { metric: error_rate, max: 10% } ] }`;

  it("a rolled-back run exits 3, not success, and pooling could not have seen it", async () => {
    await start(canary);
    fail(fresh);
    expect((await cli("rollout", "start", "e", "--actor", "ann")).exitCode).toBe(0);
    const watching = cli("rollout", "watch", "e");
    const done = await sendUntil(rollout, ({ phase }) => phase !== "stepping");
    expect(done).toMatchObject({ phase: "rolled_back", share: 0 });
    expect((await watching).exitCode).toBe(3);
    const shown = await cli("rollout", "status", "e");
    expect(shown).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("rolled_back") });
    expect((await cli("rollout", "status", "--json")).exitCode).toBe(3);
    // Of all requests of both arms together, fewer than the limit failed.
    expect(fresh.requests.length).toBeGreaterThan(0);
    expect(fresh.requests.length / sent).toBeLessThan(0.1);
  });

  it("after it nothing promotes: no final stage runs, not even when the treatment is well again", async () => {
    await start(canary);
    fail(fresh);
    await cli("rollout", "start", "e");
    await sendUntil(rollout, ({ phase }) => phase === "rolled_back");
    await expect.poll(async () => (await rollout()).applied_share).toBe(0);
    fresh.respond((_incoming, outgoing) => outgoing.end("well"));
    for (const command of ["start", "promote", "promote-all", "resume"]) {
      expect((await cli("rollout", command, "e")).exitCode).toBe(2);
    }
    expect(new Set(await sendMany(200))).toEqual(new Set(["old"]));
    expect(await rollout()).toMatchObject({ phase: "rolled_back", share: 0, applied_share: 0 });
  });

  it("judges its users' own requests: it sends none itself, and what it shows is what they met", async () => {
    await start(canary);
    await cli("rollout", "start", "e");
    await expect.poll(async () => (await rollout()).applied_share).toBe(0.05);
    // Without traffic there is nothing to climb by.
    await expect.poll(async () => (await rollout()).verdicts[0]?.reason).toBe("no requests yet");
    expect([old.requests.length, fresh.requests.length]).toEqual([0, 0]);
    const answers = await sendMany(400);
    const count = (variant: string) => answers.filter((answer) => answer === variant).length;
    expect([old.requests.length, fresh.requests.length]).toEqual([count("old"), count("new")]);
    expect(count("new")).toBeGreaterThan(0);
    const variants = () => sluice.sluice.status().experiments[0]?.variants ?? [];
    const measured = (upstream: TestUpstream) => ({
      requests: upstream.requests.length,
      outcomes: { success: upstream.requests.length },
      latency_ms: { p95: expect.any(Number) },
    });
    await expect.poll(variants).toMatchObject([measured(old), measured(fresh)]);
  });
});

describe("an experiment on real traffic", () => {
  // The treatment stands first: the original took whatever stood first for the control.
  const compared = (more: string) => `{
    variants: { new: { upstream: new }, old: { upstream: old, control: true } },
    analysis: { primary: error_rate }, ends: { decision: true }, ${more} }`;

  const failSome = (upstream: TestUpstream, every: number) =>
    upstream.respond((_incoming, outgoing) => {
      const isBad = upstream.requests.length % every === 0;
      outgoing.writeHead(isBad ? 500 : 200).end();
    });

  it("finds the winner, and everybody gets it", async () => {
    await start(compared("on_end: winner"));
    failSome(old, 2);
    failSome(fresh, 20);
    const ended = await sendUntil(experiment, ({ phase }) => phase === "ended");
    expect(ended).toMatchObject({ winner: "new", decision: { outcome: "treatment_wins" } });
    expect(ended.arms[0]?.estimate).toBeLessThan(0);
    await expect.poll(async () => new Set(await sendMany(50))).toEqual(new Set(["new"]));
  });

  // Two defects of Sluice, both of analyseArm at an error rate of 0. Each becomes `it` with its mend.

  /** What is decided once 2000 users, half of them in each arm, have sent two requests each. */
  async function decided(): Promise<unknown> {
    for (let batch = 0; batch < 40; batch += 1) await sendMany(100);
    const measured = async () => {
      const { requests, phase } = await experiment();
      return phase === "ended" || requests > 1800;
    };
    await expect.poll(measured, { timeout: 10_000 }).toBe(true);
    return (await experiment()).decision?.outcome;
  }

  // The treatment's relative variance is then 0, which is taken for a fault: the clearest win is never decided.
  it("finds it where the winner never fails, too", async () => {
    await start(compared("on_end: winner"));
    failSome(old, 2);
    expect(await decided()).toBe("treatment_wins");
  });

  // The smallest change that counts, 5 % of the control's value, is then taken for 5 percentage points.
  it("3 % errors against a control that never fails are not 'no difference'", async () => {
    await start(compared("on_end: winner"));
    failSome(fresh, 33);
    expect(await decided()).toBe("control_wins");
  });

  it("a treatment that fails more often never wins, and nobody keeps it", async () => {
    await start(compared("on_end: winner"));
    failSome(fresh, 2);
    failSome(old, 20);
    const ended = await sendUntil(experiment, ({ phase }) => phase === "ended");
    expect(ended).toMatchObject({ winner: "old", decision: { outcome: "control_wins" } });
    await expect.poll(async () => new Set(await sendMany(50))).toEqual(new Set(["old"]));
  });

  it("auto_rollout is used: the winner climbs its steps under the guardrails, and may still be taken back", async () => {
    await start(
      compared(`guardrails: [ { metric: error_rate, max: 30% } ],
        auto_rollout: { steps: [ { share: 20%, hold: 1s, min_requests: 40 }, { share: 100% } ] }`),
    );
    failSome(old, 2);
    failSome(fresh, 20);
    await sendUntil(experiment, ({ phase }) => phase === "ended");
    await expect.poll(async () => (await rollout()).share).toBe(0.2);
    // With a control that fails, too, it would hold: that is not the treatment's fault.
    failSome(old, Infinity);
    fail(fresh);
    const done = await sendUntil(rollout, ({ phase }) => phase !== "stepping");
    expect(done).toMatchObject({ phase: "rolled_back", share: 0 });
    expect((await cli("rollout", "status", "e")).exitCode).toBe(3);
  });
});

describe("health", () => {
  it("is looked at from the start, at the path that is configured and at no other", async () => {
    fresh.respond((incoming, outgoing) =>
      outgoing.writeHead(incoming.url === "/ready" ? 503 : 200).end(),
    );
    await start(
      "{ variants: { old: { upstream: old, control: true }, new: { upstream: new } }, on_unavailable: control }",
      ", health: { path: /ready, interval: 200ms, timeout: 200ms, unhealthy_after: 1 }",
    );
    await sluice.logged({ msg: "endpoint unhealthy", origin: fresh.url });
    await expect.poll(async () => new Set(await sendMany(30))).toEqual(new Set(["old"]));
    const asked = new Set(
      [...old.requests, ...fresh.requests].map(({ method, url }) => `${method} ${url}`),
    );
    expect(asked).toEqual(new Set(["GET /ready", "GET /query"]));
  });
});
