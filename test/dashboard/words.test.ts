import { describe, expect, it } from "vitest";
import { parseHash } from "../../src/faces/dashboard/app/router.ts";
import { parseRange, printRange } from "../../src/faces/dashboard/charts/time-range.ts";
import { createTurns } from "../../src/faces/dashboard/parts/turns.ts";
import { describeFacts } from "../../src/faces/dashboard/words/journal.ts";
import { describeMetric } from "../../src/faces/dashboard/words/metrics.ts";
import { describeStand } from "../../src/faces/dashboard/words/stand.ts";
import type { LiveTraffic } from "../../src/faces/dashboard/words/stand.ts";
import { formatAge, formatSpan, formatTick } from "../../src/faces/dashboard/words/time.ts";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import type { ExperimentLifecycleStatus } from "../../src/wire/experiments-api.ts";

const secondMs = 1000;

describe("times", () => {
  it.each([
    [0, "0 s"],
    [400, "<1 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [95_000, "1 min 35 s"],
    [3_599_000, "59 min"],
    [4_800_000, "1 h 20 min"],
    [273_600_000, "3 d 4 h"],
    [null, "–"],
  ])("%s ms are %s", (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  it("ages, and what is to come", () => {
    expect(formatAge(10_000, 10_200)).toBe("just now");
    expect(formatAge(0, 12 * secondMs)).toBe("12 s ago");
    expect(formatAge(60_000, 0)).toBe("in 1 min");
  });

  it("ticks are as fine as their distance, and say the day at midnight", () => {
    const noon = new Date(2026, 10, 28, 12, 30, 5).getTime();
    expect(formatTick(noon, secondMs)).toBe("12:30:05");
    expect(formatTick(noon, 60_000)).toBe("12:30");
    expect(formatTick(new Date(2026, 10, 28).getTime(), 3_600_000)).toBe("11-28");
    expect(formatTick(noon, 86_400_000)).toBe("11-28");
  });
});

describe("addresses", () => {
  it("hold keys of any letters, and what is not well formed as it is", () => {
    expect(parseHash("#/experiment/a%2Fb?range=1h")).toEqual({
      segments: ["experiment", "a/b"],
      query: new URLSearchParams("range=1h"),
    });
    expect(parseHash("#/experiment/%zz").segments).toEqual(["experiment", "%zz"]);
    expect(parseHash("").segments).toEqual([]);
  });

  it("say the stretch of time there and back", () => {
    for (const text of ["1m", "5m", "1h", "6h", "24h", "7d", "all"]) {
      expect(printRange(parseRange(new URLSearchParams({ range: text })))).toBe(text);
    }
    const fixed = "2026-11-28T10:00:00.000Z_2026-11-28T11:00:00.000Z";
    expect(printRange(parseRange(new URLSearchParams({ range: fixed })))).toBe(fixed);
    for (const text of ["", "15m", "nonsense", "2026-11-28T11:00:00Z_2026-11-28T10:00:00Z"]) {
      expect(parseRange(new URLSearchParams({ range: text }))).toEqual({
        kind: "last",
        spanMs: 900_000,
      });
    }
  });
});

describe("how an experiment stands", () => {
  const traffic = {
    disabled: false,
    compatibility: null,
    variants: { old: { key: "old", control: true }, new: { key: "new", control: false } },
  } as unknown as LiveTraffic;
  const rollout = (more: Partial<RolloutStatus>) =>
    ({
      steps: [{}, {}],
      step: 1,
      share: 0.25,
      shadow: 0,
      reason: null,
      waits_for: null,
      ...more,
    }) as RolloutStatus;
  const life = (more: Partial<ExperimentLifecycleStatus>) =>
    ({
      winner: null,
      reason: null,
      decision: null,
      primary: null,
      ...more,
    }) as ExperimentLifecycleStatus;

  it.each([
    ["stepping", "Step 1 of 2: new has 25 % of users.", "info"],
    ["paused", "Paused: new stays at 25 %.", "warn"],
    ["promoted", "Promoted: everybody has new.", "good"],
    ["rolled_back", "Rolled back: nobody has new any more.", "bad"],
  ] as const)("a rollout that is %s", (phase, says, tone) => {
    expect(describeStand(traffic, rollout({ phase }), undefined)).toMatchObject({ says, tone });
  });

  it("one that has ended has ended, though it is routed as switched off", () => {
    const ended = life({ phase: "ended", winner: "new", reason: "decided" });
    const off = { ...traffic, disabled: true };
    expect(describeStand(off, undefined, ended)).toMatchObject({
      phase: "ended",
      says: "Ended: new wins.",
      because: "decided",
    });
    expect(describeStand(off, undefined, undefined).phase).toBe("disabled");
  });

  it("copies are not users", () => {
    const shadow = rollout({ phase: "stepping", share: 0, shadow: 0.2 });
    expect(describeStand(traffic, shadow, undefined).says).toBe(
      "Step 1 of 2: new gets copies of 20 % of requests.",
    );
  });
});

describe("names and facts", () => {
  it("are as people say them", () => {
    expect(describeMetric("latency_p99.9")).toBe("Latency p99.9");
    expect(describeMetric("cache_hits")).toBe("Cache hits");
    expect(
      describeFacts({ share: 0.25, ran_ms: 61_192, winner: null, evidence: "it is worse" }),
    ).toBe("share 25 %, ran 1.02 min · it is worse");
  });
});

describe("turns", () => {
  it("are taken in their order, so many at once, also after a failure", async () => {
    const takeTurn = createTurns(2);
    const started: number[] = [];
    const tasks = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
    const taken = tasks.map(({ promise }, at) =>
      takeTurn(() => {
        started.push(at);
        return promise;
      }),
    );
    expect(started).toEqual([0, 1]);
    tasks[1]?.reject(new Error("no"));
    await expect(taken[1]).rejects.toThrow("no");
    await expect.poll(() => started).toEqual([0, 1, 2]);
    for (const [at, { resolve }] of tasks.entries()) resolve(at);
    expect(await Promise.all([taken[0], ...taken.slice(2)])).toEqual([0, 2, 3, 4]);
  });
});
