import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import { createReadQueue } from "../../../src/control/past/read-queue.ts";
import { createMemoryJournal, memoryJournalMax } from "../../../src/control/past/memory-journal.ts";
import { readJournalPage } from "../../../src/control/past/marks.ts";
import { createVerdictLog, verdictLimits } from "../../../src/control/past/verdict-log.ts";
import { createRecentHistory } from "../../../src/control/recent-history.ts";
import type { Store, VerdictRow } from "../../../src/control/store/store.ts";
import type { Verdict } from "../../../src/core/rollout/guardrail/verdict.ts";
import type { GuardrailPolicy } from "../../../src/core/rollout/policy.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { entryOf, openStore, storePath, valueOf } from "../../support/store.ts";
import { deltaOf, hourMs, startMs } from "./rows.ts";

describe("the queue of reads", () => {
  it("lets two in, makes eight wait, and refuses one more at once", async () => {
    const queue = createReadQueue();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const read = async () => {
      running += 1;
      most = Math.max(most, running);
      await gate;
      running -= 1;
      return "read";
    };
    const ten = Array.from({ length: 10 }, () => queue.run(read));
    expect(await queue.run(read)).toBeNull();
    open();
    expect(await Promise.all(ten)).toEqual(Array.from({ length: 10 }, () => "read"));
    expect([most, queue.refused()]).toEqual([2, 1]);
    expect(await queue.run(read)).toBe("read");
  });

  it("goes on after a read that failed", async () => {
    const queue = createReadQueue({ readsMax: 1, waitingMax: 1 });
    const fail = () => Promise.reject(new Error("no"));
    await expect(queue.run(fail)).rejects.toThrow("no");
    expect(await queue.run(() => Promise.resolve(1))).toBe(1);
  });
});

describe("the recent history", () => {
  const open = (limits?: { rowsMax: number; bytesMax: number }) => {
    const time = createFakeTime();
    time.advance(startMs);
    const { clock } = time;
    return { time, recent: createRecentHistory({ clock, ...(limits && { limits }) }) };
  };

  it("keeps seconds for five minutes and tens of seconds for an hour", () => {
    const { time, recent } = open();
    for (let second = 0; second < 3700; second += 1) {
      recent.take([deltaOf(1), deltaOf(1, { shadow: true }), deltaOf(1, { experiment: null })]);
      time.advance(1000);
    }
    const nowMs = time.clock.wallMs();
    const count = (resolutionMs: number, spanMs: number) =>
      recent.rows("models", resolutionMs, nowMs - spanMs, nowMs).length;
    expect([count(1000, 300_000), count(10_000, hourMs)]).toEqual([300, 360]);
    expect(recent.completeFromMs(1000)).toBeLessThanOrEqual(nowMs - 300_000);
    expect(recent.completeFromMs(10_000)).toBeLessThanOrEqual(nowMs - hourMs);
    expect(recent.state().rows).toBeLessThan(320 + 370);
    expect(recent.state().dropped).toBe(0);
  });

  it("drops the oldest beyond its rows and its bytes, and knows that they are gone", () => {
    for (const limits of [
      { rowsMax: 20, bytesMax: 1e9 },
      { rowsMax: 1e9, bytesMax: 1000 },
    ]) {
      const { time, recent } = open(limits);
      for (let second = 0; second < 100; second += 1) {
        recent.take([deltaOf(1)]);
        time.advance(1000);
      }
      const { rows, bytes, dropped } = recent.state();
      expect(dropped).toBeGreaterThan(0);
      expect(rows).toBeLessThanOrEqual(limits.rowsMax);
      expect(bytes).toBeLessThanOrEqual(limits.bytesMax);
      expect(recent.completeFromMs(1000)).toBeGreaterThan(startMs);
    }
  });
});

const policy: GuardrailPolicy = {
  name: "error_rate",
  metric: { kind: "outcomes", bad: ["upstream_error"] },
  max: 0.05,
  min: null,
  maxRatio: null,
  minRatio: null,
  onBreach: "rollback",
  evidence: { kind: "sequential" },
  falseAlarm: 0.001,
  dryRun: false,
};

function verdictOf(verdict: Verdict["verdict"], value: number): Verdict {
  const rest = { control: null, limit: 0.05, n: 10, interval: null, pValue: null };
  return { guardrail: "error_rate", verdict, value, ...rest, pausesOnly: false, reason: "" };
}

describe("the log of verdicts", () => {
  const open = (store: Pick<Store, "addVerdicts" | "trimVerdicts">) => {
    const time = createFakeTime();
    time.advance(startMs);
    const logs: string[] = [];
    const log = createVerdictLog({
      ...time,
      store,
      retentionMs: 8 * 24 * hourMs,
      log: (_level, message) => logs.push(message),
    });
    const note = (verdict: Verdict["verdict"], value: number) =>
      log.note("models", [policy], [verdictOf(verdict, value)]);
    return { time, logs, log, note };
  };
  const query = { experiment: "models", guardrail: "error_rate", fromMs: 0, toMs: 4e12 } as const;

  it("writes the gravest of each ten seconds, the latest of equals, and a restart has them", () => {
    const path = storePath();
    const store = openStore(path);
    const { time, note, log } = open(store);
    for (const [verdict, value] of [
      ["ok", 1],
      ["breach", 2],
      ["wait", 3],
      ["error", 4],
    ] as const) {
      note(verdict, value);
      time.advance(2000);
    }
    time.advance(2000);
    note("wait", 5);
    note("ok", 6);
    log.stop();
    store.close();
    const rows = valueOf(openStore(path).readVerdicts({ ...query, stepMs: 10_000 }));
    expect(rows.map(({ atMs, verdict, value }) => [atMs - startMs, verdict, value])).toEqual([
      [0, "breach", 2],
      [10_000, "ok", 6],
    ]);
  });

  it("counts and complains about what the store does not take, once a minute", () => {
    const fault = err({ code: "full", message: "no room" } as const);
    const { time, logs, log, note } = open({ addVerdicts: () => fault, trimVerdicts: () => fault });
    for (let at = 0; at < 100; at += 1) {
      note("ok", at);
      time.advance(1000);
    }
    expect(logs).toEqual(["verdict history not written", "verdict history not written"]);
    expect(log.state()).toMatchObject({ written: 0, waiting: 10 });
    expect(log.rows("models").length).toBeGreaterThan(100);
  });

  it("drops the oldest beyond the limit of those that wait", () => {
    const fault = err({ code: "full", message: "no room" } as const);
    const { log } = open({
      addVerdicts: () => fault,
      trimVerdicts: () => ok({ deleted: 0, isDone: true }),
    });
    for (let at = 0; at < verdictLimits.waitingMax + 5; at += 1) {
      log.note(`models${at}`, [policy], [verdictOf("ok", at)]);
    }
    expect(log.state()).toMatchObject({ waiting: verdictLimits.waitingMax, dropped: 5 });
  });
});

describe("verdicts in the store", () => {
  const of = {
    experiment: "models",
    guardrail: "g",
    unit: "ms",
    onBreach: "alert",
    dryRun: true,
  } as const;
  const row = (at: number, verdict: VerdictRow["verdict"]): VerdictRow => {
    const measured = {
      value: at,
      control: null,
      limit: 1,
      low: 0,
      high: 2,
      requests: 3,
      pValue: 0.5,
    };
    return { of, atMs: startMs + at * 10_000, verdict, ...measured };
  };
  const read = (store: Store, stepMs: number) =>
    valueOf(
      store.readVerdicts({ experiment: "models", guardrail: "g", fromMs: 0, toMs: 4e12, stepMs }),
    ).map(({ atMs, verdict, value }) => [(atMs - startMs) / 10_000, verdict, value]);

  it("a breach is never thinned away", () => {
    const store = openStore(":memory:");
    valueOf(
      store.addVerdicts(
        Array.from({ length: 720 }, (_, at) =>
          row(at, at === 100 ? "breach" : at % 7 === 0 ? "wait" : "ok"),
        ),
      ),
    );
    expect(read(store, hourMs)).toEqual([
      [0, "breach", 100],
      [360, "ok", 719],
    ]);
    expect(valueOf(store.judgedGuardrails("models"))).toEqual([of]);
    expect(valueOf(store.firstVerdictMs("models"))).toBe(startMs);
    expect(valueOf(store.firstVerdictMs("nobody"))).toBeNull();
  });

  it("go in bounded steps when they are too many, breaches last, and when they are too old", () => {
    const store = openStore(":memory:");
    const rows = Array.from({ length: 2500 }, (_, at) => row(at, at < 2 ? "breach" : "ok"));
    valueOf(store.addVerdicts(rows));
    const retention = { retentionMs: 24 * hourMs, rowsMax: 3 };
    const trims = [1, 2, 3].map(() => valueOf(store.trimVerdicts(startMs, retention)));
    expect(trims.map(({ deleted, isDone }) => [deleted, isDone])).toEqual([
      [1000, false],
      [1000, false],
      [497, true],
    ]);
    expect(read(store, 10_000).map(([at]) => at)).toEqual([0, 1, 2499]);
    valueOf(store.trimVerdicts(startMs, { ...retention, rowsMax: 1 }));
    expect(read(store, 10_000).map(([at]) => at)).toEqual([1]);
    valueOf(store.trimVerdicts(startMs + 10_001 + 24 * hourMs, retention));
    expect(valueOf(store.judgedGuardrails("models"))).toEqual([]);
  });
});

describe("the journal", () => {
  const entries = [
    entryOf({ scope: "rollout", subject: "models" }),
    entryOf({ scope: "experiment", subject: "models" }),
    entryOf({ scope: "alert", subject: "error_rate/models/full" }),
    entryOf({ scope: "alert", subject: "no_traffic/models" }),
    entryOf({ scope: "alert", subject: "error_rate/models2/full" }),
    entryOf({ scope: "alert", subject: "upstream_unhealthy/-/models" }),
    entryOf({ scope: "config", subject: "models" }),
    entryOf({ scope: "rollout", subject: "other" }),
  ];

  it.each([
    ["the store", () => openStore(":memory:")],
    ["memory", createMemoryJournal],
  ] as const)("of %s gives an experiment's own entries and those of its alerts", (_, create) => {
    const journal = create();
    valueOf(journal.append(entries, []));
    const of = (request: object) => readJournalPage(journal, { limit: 100, ...request });
    const sequences = (request: object) => of(request).entries.map(({ sequence }) => sequence);
    expect(sequences({ experiment: "models" })).toEqual([4, 3, 2, 1]);
    expect(sequences({ experiment: "models", scope: "alert" })).toEqual([4, 3]);
    expect(sequences({ scope: "nothing" })).toEqual([]);
    const first = of({ limit: 3 });
    expect(first.entries.map(({ sequence }) => sequence)).toEqual([8, 7, 6]);
    expect(first.before).toBe(6);
    const last = of({ limit: 5, before: 6 });
    expect(last.entries.map(({ sequence }) => sequence)).toEqual([5, 4, 3, 2, 1]);
    expect(last.before).toBeNull();
    expect(first.entries[0]).toMatchObject({ what: "promoted", actor: "ada", subject: "other" });
  });

  it("in memory is bounded, and numbers go on", () => {
    const journal = createMemoryJournal();
    for (let at = 0; at < memoryJournalMax + 5; at += 1) valueOf(journal.append([entryOf()], []));
    const all = valueOf(journal.read({ limit: 1000 }));
    expect(all[0]?.sequence).toBe(6);
  });
});
