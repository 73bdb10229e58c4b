import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";
import { createRandom } from "../../src/core/statistics/random.ts";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import { replay, type Line } from "../support/rollout-journal.ts";
import { look, post, startTraffic, variantsOf, type Traffic } from "../support/rollout-traffic.ts";
import { freePorts } from "../support/sluice.ts";
import { startSluiceProcess, type SluiceProcess } from "../support/sluice-process.ts";
import { valueOf } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let old: TestUpstream;
let fresh: TestUpstream;
let sluice: SluiceProcess | null = null;
let traffic: Traffic | null = null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-kill-states-"));
  [old, fresh] = await Promise.all([startUpstream("old"), startUpstream("new")]);
});

afterEach(async () => {
  await traffic?.stop();
  await sluice?.kill();
  [traffic, sluice] = [null, null];
  await Promise.all([old.close(), fresh.close()]);
  rmSync(folder, { recursive: true });
});

const storePath = () => join(folder, "data", "s.db");

/** Starts the process with a rollout of these steps. */
async function serve(steps: string, more = ""): Promise<SluiceProcess> {
  writeFileSync(
    join(folder, "sluice.yaml"),
    `${freePorts()}
store: { sqlite: "${storePath()}" }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${fresh.url}", ejection: { consecutive: 1000 } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout: { steps: [ ${steps} ], observe: 1h }
${more}`,
  );
  return again();
}

/** Starts the process on what is there. */
async function again(): Promise<SluiceProcess> {
  sluice = await startSluiceProcess(join(folder, "sluice.yaml"));
  traffic?.aim(sluice.url);
  return sluice;
}

/** The journal in the file, read by another process than the one that writes it. */
function stored(): Line[] {
  const store = valueOf(openSqliteStore(storePath(), { isReadOnly: true }));
  const entries = valueOf(store.read({ scope: "rollout", subject: "e", limit: 1000 }));
  store.close();
  return entries.map(({ kind, actor, facts }) => {
    return { what: kind, actor, facts: facts as Line["facts"] };
  });
}

const linesOf = ({ journal }: RolloutStatus): Line[] =>
  journal.map(({ what, actor, facts }) => ({ what, actor, facts }));

const gated =
  "{ share: 20%, hold: 1h, min_requests: 0 }, { share: 60%, hold: 1s, min_requests: 0, gate: approval }";
const shares = [0.2, 0.6];
const guarded = (onBreach: string) =>
  `    guardrails: [ { metric: error_rate, max: 20%, on_breach: ${onBreach} } ]\n`;

type Case = {
  readonly state: string;
  readonly guardrails?: string;
  /** Commands that bring it there, from a rollout that waits. */
  readonly commands: readonly string[];
  /** The treatment fails from then on, so that a guardrail does the rest. */
  readonly fails?: boolean;
  readonly expected: Partial<RolloutStatus>;
  /** What keeps it there, once its hold is over. */
  readonly waitsFor?: string;
};

const cases: readonly Case[] = [
  { state: "waiting", commands: [], expected: { phase: "waiting", step: null, share: 0 } },
  {
    state: "stepping",
    commands: ["start"],
    expected: { phase: "stepping", step: 1, share: 0.2 },
  },
  {
    state: "waiting at an approval gate",
    commands: ["start", "promote"],
    expected: { phase: "stepping", step: 2, share: 0.6 },
    waitsFor: "somebody has to promote it",
  },
  {
    state: "paused by an operator",
    commands: ["start", "promote", "pause"],
    expected: { phase: "paused", step: 2, share: 0.6, reason: "pause by ann" },
  },
  {
    state: "paused by a guardrail",
    guardrails: guarded("pause"),
    commands: ["start"],
    fails: true,
    expected: { phase: "paused", step: 1, share: 0.2 },
  },
  {
    state: "observing",
    commands: ["start", "promote", "promote"],
    expected: { phase: "observing", step: null, share: 0.6 },
  },
  {
    state: "promoted",
    commands: ["start", "promote_all"],
    expected: { phase: "promoted", step: null, share: 0.6 },
  },
  {
    state: "rolled back by an operator",
    commands: ["start", "promote", "rollback"],
    expected: { phase: "rolled_back", step: null, share: 0, reason: "rollback by ann" },
  },
  {
    state: "rolled back by a guardrail",
    guardrails: guarded("rollback"),
    commands: ["start"],
    fails: true,
    expected: { phase: "rolled_back", step: null, share: 0 },
  },
];

/** Resolves once the state is the expected one and every worker routes by it. */
async function settle(process: SluiceProcess, { expected, waitsFor }: Case): Promise<void> {
  const stand = async () => {
    const now = await look(process.adminUrl);
    return { ...now, isInForce: now.applied_share === now.share };
  };
  const waits = waitsFor === undefined ? {} : { waits_for: waitsFor };
  await expect
    .poll(stand, { timeout: 15_000 })
    .toMatchObject({ ...expected, ...waits, isInForce: true });
}

function fail(): void {
  fresh.respond((_, outgoing) => {
    outgoing.statusCode = 500;
    outgoing.end();
  });
}

describe("kill -9 under running traffic", () => {
  it.each(cases)("$state: the next process stands there, every user as before", async (one) => {
    const { guardrails, commands, fails = false, expected } = one;
    const first = await serve(gated, guardrails);
    traffic = startTraffic(first.url, 200);
    for (const command of commands) {
      expect(await post(first.adminUrl, command, "ann")).toMatchObject({ kind: "done" });
    }
    if (fails) fail();
    await settle(first, one);
    const before = await look(first.adminUrl);
    const variants = await variantsOf(first.url, 50);
    expect(new Set(variants)).toEqual(new Set(before.share === 0 ? ["old"] : ["old", "new"]));
    await traffic.pass(100);
    await first.kill();
    expect(stored()).toEqual(linesOf(before));

    const second = await again();
    expect(await look(second.adminUrl)).toMatchObject({ ...expected, reason: before.reason });
    expect(await variantsOf(second.url, 50)).toEqual(variants);
    await settle(second, one);
    await traffic.pass(300);
    expect(await look(second.adminUrl)).toMatchObject({ ...expected, reason: before.reason });
    expect(await variantsOf(second.url, 50)).toEqual(variants);
    expect(stored()).toEqual(linesOf(before));
    const { phase, step, share } = before;
    expect(replay(stored(), shares)).toEqual({ phase, step, share });
  });

  it("in the middle of a burst of commands: each that was answered is kept, in order, and one more at most", async () => {
    const random = createRandom(5);
    await serve(gated);
    const answered: string[] = [];
    for (let life = 0; life < 3; life += 1) {
      const living = sluice as SluiceProcess;
      let left = 3 + Math.floor(20 * random());
      let dying: Promise<void> | null = null;
      for (let at = 0; ; at += 1) {
        const command = (["retry", "pause", "resume", "rollback"] as const)[at % 4] ?? "retry";
        const name = at === 0 && life === 0 ? "start" : command;
        const actor = `life-${life}-${at}`;
        const answer = await post(living.adminUrl, name, actor).catch(() => null);
        if (answer === null) break;
        // The life before may have ended anywhere: what does not fit is refused, what changes nothing is not written.
        if (answer.kind === "done" && answer.status.journal.at(-1)?.actor === actor) {
          answered.push(actor);
        }
        left -= 1;
        // The next command is on its way when the signal comes.
        if (left === 0) dying = living.kill();
      }
      await dying;
      const actors = stored().map(({ actor }) => actor);
      expect(actors.slice(0, answered.length)).toEqual(answered);
      expect(actors.length - answered.length).toBeLessThanOrEqual(1);
      const { phase, step, share } = replay(stored(), shares);
      const next = await again();
      expect(await look(next.adminUrl)).toMatchObject({ phase, step, share });
      // What was kept without an answer counts from here on.
      answered.splice(0, answered.length, ...actors);
    }
    expect(answered.length).toBeGreaterThan(5);
  });

  it("past several holds: the next process takes one step at a time, each with its whole hold", async () => {
    const steps = [0.1, 0.2, 0.3, 0.4, 0.5];
    const first = await serve(
      steps.map((share) => `{ share: ${share}, hold: 1s, min_requests: 0 }`).join(", "),
    );
    traffic = startTraffic(first.url, 200);
    await post(first.adminUrl, "start", "ann");
    await expect.poll(async () => (await look(first.adminUrl)).step, { timeout: 10_000 }).toBe(2);
    await first.kill();
    const before = replay(stored(), steps);
    // Nothing is waited for: this is the time that must not count.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const startedMs = Date.now();
    const second = await again();
    await expect
      .poll(async () => (await look(second.adminUrl)).phase, { timeout: 20_000 })
      .toBe("observing");
    const { journal, phase, step, share } = await look(second.adminUrl);
    expect(replay(stored(), steps)).toEqual({ phase, step, share });
    const times = journal.map(({ at }) => Date.parse(at)).filter((at) => at >= startedMs);
    const gaps = times.map((at, index) => at - (times[index - 1] ?? startedMs));
    // The wall clock rounds to milliseconds.
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(995);
    expect(times).toHaveLength(steps.length - (before.step ?? 0) + 1);
  });
});
