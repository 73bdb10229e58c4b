import { describe, expect, it } from "vitest";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";
import {
  createDraft,
  fieldPaths,
  pathsOf,
  placeIssues,
  toRequest,
} from "../../src/faces/dashboard/pages/new-experiment/draft.ts";
import { addSample, joinSeries } from "../../src/faces/dashboard/pages/rollout/verdict-series.ts";
import { describeEffect, whyBlocked } from "../../src/faces/dashboard/words/rollout.ts";
import { heldFor, needsOf, trackOf } from "../../src/faces/dashboard/words/rollout-track.ts";

const startMs = Date.parse("2026-11-28T12:00:00.000Z");
const at = (seconds: number) => new Date(startMs + seconds * 1000).toISOString();
const line = (seconds: number, what: string, facts: Record<string, number> = {}) => ({
  at: at(seconds),
  what,
  actor: "ann",
  facts,
});

const rollout = (changed: Partial<RolloutStatus> = {}): RolloutStatus => ({
  experiment: "e",
  phase: "stepping",
  step: 1,
  steps: [0.25, 1].map((share) => ({
    share,
    shadow: 0,
    hold_seconds: 60,
    min_requests: 100,
    min_users: 0,
    gate: "none",
  })),
  share: 0.25,
  shadow: 0,
  applied_share: 0.25,
  users: 10,
  requests: 40,
  preparation: null,
  waits_for: "30s left",
  reason: null,
  verdicts: [],
  journal: [line(0, "step", { step: 1 })],
  ...changed,
});

const parties = { treatment: "compact", control: "full", treated: 1240, all: 5000 };

describe("what a command does", () => {
  it.each([
    [
      "rollback",
      {},
      "About 1,240 users who have compact now get full again at once. Streams in flight finish.",
    ],
    [
      "rollback",
      { share: 0, shadow: 0.2 },
      "compact gets no more copies. No user was answered by it, so nothing changes for anybody.",
    ],
    [
      "promote",
      {},
      "compact goes from 25 % to 100 % of users at once: of the 5,000 users seen since the split changed, about 3,750 change from full.",
    ],
    [
      "promote",
      { step: null, phase: "observing", share: 1 },
      "The watch at 100 % ends now, and the rollout counts as promoted.",
    ],
    ["pause", {}, "compact stays at 25 % with 1,240 users; nothing changes for anybody."],
  ] as const)("%s of %o", (command, changed, expected) => {
    expect(describeEffect(command, rollout(changed), parties)).toContain(expected);
  });

  it("is refused by the phase, with the reason", () => {
    expect(whyBlocked("pause", rollout({ phase: "waiting" }))).toBe(
      "Not now: it has not been started.",
    );
    expect(whyBlocked("skip", rollout({ phase: "paused", step: null }))).toBe(
      "Not now: no step is under way.",
    );
    expect(whyBlocked("rollback", rollout({ phase: "promoted" }))).toBeNull();
  });
});

describe("where a rollout stands", () => {
  it("holds a step for as long as it was not paused", () => {
    const journal = [line(0, "step", { step: 1 }), line(10, "paused"), line(30, "resumed")];
    expect(heldFor(rollout({ journal }), startMs + 50_000)).toBe(30_000);
    const paused = rollout({ journal: journal.slice(0, 2), phase: "paused" });
    expect(heldFor(paused, startMs + 500_000)).toBe(10_000);
    expect(heldFor(rollout({ journal: [] }), startMs)).toBeNull();
  });

  it("tells what is there and what is missing", () => {
    const needs = needsOf(rollout(), startMs + 45_000);
    expect(needs.map(({ key, says, isMet }) => [key, says, isMet])).toEqual([
      ["time", "15 s left of 1 min", false],
      ["requests", "40 of 100", false],
    ]);
    expect(needsOf(rollout({ phase: "promoted", step: null }), startMs)).toEqual([]);
  });

  it("finds the step at which it was rolled back", () => {
    const journal = [
      line(0, "step", { step: 1 }),
      line(9, "step", { step: 2 }),
      line(12, "rolled_back"),
    ];
    const states = trackOf(rollout({ phase: "rolled_back", step: null, journal }));
    expect(states.map(({ state }) => state)).toEqual(["done", "failed", "ahead"]);
  });
});

describe("a guardrail over time", () => {
  const verdict = {
    guardrail: "error_rate",
    verdict: "wait",
    value: 0.01,
    control: null,
    limit: 0.05,
    unit: "share",
    requests: 10,
    interval: [0, 0.9],
    p_value: 1,
    on_breach: "rollback",
    dry_run: false,
    reason: "",
  } satisfies RolloutStatus["verdicts"][number];

  it("takes one sample a second, and none of nothing", () => {
    const one = addSample([], { atMs: 0, verdicts: [verdict] });
    expect(addSample(one, { atMs: 900, verdicts: [verdict] }).length).toBe(1);
    expect(addSample(one, { atMs: 1000, verdicts: [verdict] }).length).toBe(2);
    expect(addSample(one, { atMs: 5000, verdicts: [] }).length).toBe(1);
    expect(addSample(one, { atMs: -1, verdicts: [verdict] }).length).toBe(1);
  });

  it("cuts the band where it would hide the limit", () => {
    const samples = [{ atMs: 5, verdicts: [verdict] }];
    const series = joinSeries("error_rate", null, samples, { fromMs: 0, toMs: 10 });
    expect(series.atMs).toEqual([5]);
    expect(series.high[0]).toBeCloseTo(0.15, 9);
  });
});

describe("the form", () => {
  it("sends what is filled in, and leaves the rest to its defaults", () => {
    const draft = { ...createDraft(["old", "new"]), key: " e ", routes: ["POST /ask", " "] };
    expect(toRequest(draft)).toEqual({
      key: "e",
      routes: ["POST /ask"],
      experiment: {
        variants: {
          control: { upstream: "old", weight: 50, control: true },
          treatment: { upstream: "new", weight: 50 },
        },
        state: "draft",
        analysis: { primary: "latency_mean" },
      },
    });
  });

  it("shows an issue at the field it belongs to, or at the next one around it", () => {
    const draft = { ...createDraft(["old", "new"]), kind: "rollout" as const };
    const issue = (path: string, code = "invalid_value") => ({
      path,
      line: null,
      column: null,
      code,
      message: path,
    });
    const placed = placeIssues(
      [
        issue("rollout.steps[0].share"),
        issue("rollout.steps[1].gate"),
        issue("routes[0].match"),
        issue("routes[0].experiment"),
        issue("", "invalid_name"),
        issue("shadow.share"),
      ],
      pathsOf(draft),
    );
    expect([...placed.keys()].toSorted()).toEqual([
      "",
      "key",
      "rollout.steps[0].share",
      "rollout.steps[1]",
      "routes[0]",
    ]);
    expect(fieldPaths.variant("a b")).toBe('variants["a b"]');
  });
});
