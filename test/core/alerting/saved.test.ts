import { describe, expect, it } from "vitest";
import { restoreAlerts, saveAlerts } from "../../../src/core/alerting/saved.ts";
import { alertLimits } from "../../../src/core/alerting/state.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { condition, Desk, rollback, wallStartMs } from "./desk.ts";

const hour = 3_600_000;
const id = "error_rate/e/new";

function stored(desk: Desk): JsonValue {
  return JSON.parse(JSON.stringify(saveAlerts(desk.state, desk.nowMs))) as JsonValue;
}

/** The same desk in another process, `awayMs` later, whose monotonic clock began anew. */
function restart(desk: Desk, awayMs = 0): Desk {
  const next = new Desk({ repeatMs: desk.policy.repeatMs });
  next.wallMs = desk.atMs + awayMs;
  const restored = restoreAlerts(stored(desk), { nowMs: 0, atMs: next.atMs });
  if (restored === null) throw new Error("not restored");
  next.state = restored;
  return next;
}

describe("after a restart", () => {
  it("what fired fires on, nobody is told again, and who has it is known", () => {
    const desk = new Desk();
    desk.look(0, rollback, condition());
    desk.acknowledge("rollback/e", "bob");
    const next = restart(desk, hour);
    expect(next.phases()).toEqual({ "rollback/e": "firing" });
    next.look(1000, rollback, condition());
    expect(next.told()).toEqual([]);
    next.look(1000);
    expect(next.notices).toMatchObject([
      {
        status: "resolved",
        summary: "e was rolled back",
        startedAtMs: wallStartMs,
        endedAtMs: wallStartMs + hour + 2000,
        acknowledgedBy: "bob",
      },
    ]);
  });

  it("what does not hold any more clears as slowly as ever", () => {
    const desk = new Desk();
    desk.look(0, condition());
    desk.look(60_000, condition());
    desk.look(1000);
    const next = restart(desk);
    next.look(0);
    next.look(59_999);
    expect(next.phases()).toEqual({ [id]: "firing" });
    next.look(1);
    expect(next.told()).toEqual([`resolved ${id}`]);
  });

  it("a repeat is due when it was, the time away left out", () => {
    const desk = new Desk({ repeatMs: hour });
    desk.look(0, rollback);
    desk.look(hour - 1000, rollback);
    const next = restart(desk, 10 * hour);
    next.look(999, rollback);
    expect(next.told()).toEqual([]);
    next.look(1, rollback);
    expect(next.told()).toEqual(["firing rollback/e"]);
  });

  it("a silence lasts until its wall time, and holds back what it held back", () => {
    const desk = new Desk();
    desk.silence(hour, { matcher: { kind: "rollback", experiment: "e" } });
    desk.look(0, rollback);
    const next = restart(desk, hour / 2);
    next.look(hour / 2 - 1, rollback);
    expect(next.told()).toEqual([]);
    next.look(1, rollback);
    expect(next.told()).toEqual(["firing rollback/e"]);
  });

  it("a silence that ended meanwhile is over, and that is journalled", () => {
    const desk = new Desk();
    desk.silence(hour);
    desk.look(0, rollback);
    const next = restart(desk, 2 * hour);
    next.look(0, rollback);
    expect(next.written()).toEqual(["silence_ended silence/s controller"]);
    expect(next.told()).toEqual(["firing rollback/e"]);
  });

  it("a silence does not outlast the longest, however far the wall clock was set back", () => {
    const desk = new Desk();
    desk.silence(hour);
    const next = restart(desk, -1000 * alertLimits.silenceMsMax);
    next.look(alertLimits.silenceMsMax, rollback);
    expect(next.told()).toEqual(["firing rollback/e"]);
  });

  it("an end that a silence held back is still told", () => {
    const desk = new Desk();
    desk.look(0, rollback);
    desk.silence(hour);
    desk.look(1000);
    const next = restart(desk);
    next.look(hour);
    expect(next.notices).toMatchObject([
      { alert: "rollback/e", status: "resolved", endedAtMs: wallStartMs + 1000 },
    ]);
  });
});

it("what is stored is restored as it was", () => {
  const desk = new Desk();
  desk.look(0, rollback, { ...rollback, experiment: "f" });
  desk.silence(hour, { matcher: { experiment: "f" } });
  desk.acknowledge("rollback/e");
  desk.look(1000, rollback);
  const kept = stored(desk);
  const restored = restoreAlerts(kept, { nowMs: desk.nowMs, atMs: desk.atMs });
  expect(restored).toEqual({ ...desk.state, resolved: [] });
  expect(kept).toMatchObject({ version: 1, firing: [{}], owed: [{}], silences: [{}] });
});

it.each<[string, JsonValue]>([
  ["nothing", null],
  ["a text", "alerts"],
  ["an empty map", {}],
  ["another version", { version: 2, firing: [], owed: [], silences: [] }],
  ["a field too many", { version: 1, firing: [], owed: [], silences: [], more: 1 }],
  ["a broken alert", { version: 1, firing: [{ id: "x" }], owed: [], silences: [] }],
  [
    "a silence of an unknown kind",
    {
      version: 1,
      firing: [],
      owed: [],
      silences: [
        { id: "s", matcher: { kind: "weather" }, untilMs: 1, actor: "ann", reason: "none" },
      ],
    },
  ],
])("%s is not restored", (_, written) => {
  expect(restoreAlerts(written, { nowMs: 0, atMs: 0 })).toBeNull();
});

it("an empty state is restored empty", () => {
  const desk = new Desk();
  expect(restoreAlerts(stored(desk), { nowMs: 0, atMs: 0 })).toEqual(desk.state);
});
