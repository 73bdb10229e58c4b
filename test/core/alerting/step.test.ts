import { describe, expect, it } from "vitest";
import { idOf } from "../../../src/core/alerting/episode.ts";
import { alertLimits } from "../../../src/core/alerting/state.ts";
import { condition, Desk, rollback, wallStartMs } from "./desk.ts";

const id = "error_rate/e/new";

/** An error rate that has fired. */
function firing(changes: ConstructorParameters<typeof Desk>[0] = {}): Desk {
  const desk = new Desk(changes);
  desk.look(0, condition());
  desk.look(60_000, condition());
  expect(desk.told()).toEqual([`firing ${id}`]);
  expect(desk.written()).toEqual([`fired ${id} controller`]);
  return desk;
}

describe("an alert", () => {
  it("waits for its time, fires once, and is resolved after its time", () => {
    const desk = new Desk();
    desk.look(0, condition());
    expect(desk.phases()).toEqual({ [id]: "pending" });
    desk.look(59_999, condition());
    expect(desk.phases()).toEqual({ [id]: "pending" });
    expect(desk.told()).toEqual([]);
    desk.look(1, condition());
    expect(desk.phases()).toEqual({ [id]: "firing" });
    expect(desk.notices).toEqual([
      {
        alert: id,
        status: "firing",
        kind: "error_rate",
        severity: "critical",
        experiment: "e",
        subject: "new",
        summary: "new of e failed 20 %",
        value: 0.2,
        limit: 0.1,
        startedAtMs: wallStartMs + 60_000,
        endedAtMs: null,
        acknowledgedBy: null,
      },
    ]);
    desk.told();
    desk.look(1000);
    desk.look(59_999);
    expect(desk.told()).toEqual([]);
    desk.look(1);
    expect(desk.notices).toMatchObject([
      {
        status: "resolved",
        startedAtMs: wallStartMs + 60_000,
        endedAtMs: wallStartMs + 121_000,
        summary: "new of e failed 20 %",
      },
    ]);
    expect(desk.state.alerts.size).toBe(0);
    expect(desk.state.resolved).toEqual(desk.notices);
    expect(desk.written()).toEqual([`fired ${id} controller`, `resolved ${id} controller`]);
  });

  it("journals before it tells, with the evidence", () => {
    const commands = new Desk().feed({ kind: "observe", conditions: [rollback] });
    expect(commands).toEqual([
      {
        kind: "journal",
        what: "fired",
        actor: "controller",
        subject: "rollback/e",
        facts: { severity: "critical", value: null, limit: null, summary: "e was rolled back" },
      },
      { kind: "notify", notice: expect.objectContaining({ alert: "rollback/e" }) },
    ]);
  });

  it("that clears before its time never was", () => {
    const desk = new Desk();
    desk.look(0, condition());
    desk.look(59_000);
    expect(desk.state.alerts.size).toBe(0);
    // The wait begins anew.
    desk.look(2000, condition());
    desk.look(59_999, condition());
    expect(desk.told()).toEqual([]);
    expect(desk.written()).toEqual([]);
  });

  it("goes on when its condition is back in time", () => {
    const desk = firing();
    for (let turn = 0; turn < 5; turn += 1) {
      desk.look(1000);
      desk.look(59_000, condition());
    }
    expect(desk.phases()).toEqual({ [id]: "firing" });
    expect(desk.told()).toEqual([]);
    // Gone anew, it has its whole time again.
    desk.look(1000);
    desk.look(59_999);
    expect(desk.phases()).toEqual({ [id]: "firing" });
  });

  it("says nothing anew when only its value changes, but shows it", () => {
    const desk = firing();
    desk.look(1000, condition({ value: 0.9, summary: "worse" }));
    expect(desk.told()).toEqual([]);
    expect(desk.state.alerts.get(id)).toMatchObject({ value: 0.9, summary: "worse" });
  });

  it("given twice at one look is one", () => {
    const desk = new Desk();
    desk.look(0, rollback, rollback, { ...rollback, summary: "again" });
    expect(desk.told()).toEqual(["firing rollback/e"]);
    expect(desk.state.alerts.get("rollback/e")?.summary).toBe("e was rolled back");
  });

  it("of a kind without a rule is none, and one whose rule went away is over", () => {
    const desk = new Desk({ rules: [] });
    desk.look(0, rollback);
    expect(desk.state.alerts.size).toBe(0);
    const before = firing();
    desk.state = before.state;
    desk.nowMs = before.nowMs;
    desk.look(1000, condition());
    expect(desk.told()).toEqual([`resolved ${id}`]);
  });

  it("does not end before it began when the wall clock is set back", () => {
    const desk = firing();
    desk.wallMs -= 3_600_000;
    desk.look(1000);
    desk.look(60_000);
    const [notice] = desk.notices;
    expect(notice?.status).toBe("resolved");
    expect(notice?.endedAtMs).toBe(notice?.startedAtMs);
  });

  it.each([
    [{ kind: "error_rate", experiment: "e", subject: "new" }, "error_rate/e/new"],
    [{ kind: "no_traffic", experiment: "e", subject: null }, "no_traffic/e"],
    [{ kind: "upstream_unhealthy", experiment: null, subject: "e" }, "upstream_unhealthy/-/e"],
    [{ kind: "store_unavailable", experiment: null, subject: null }, "store_unavailable"],
  ] as const)("about %o is named %s", (named, expected) => {
    expect(idOf(named)).toBe(expected);
  });
});

describe("a repeat", () => {
  const repeatMs = 4 * 3_600_000;

  it("comes at its pace while nobody has acknowledged the alert", () => {
    const desk = firing({ repeatMs });
    desk.look(repeatMs - 1, condition());
    expect(desk.told()).toEqual([]);
    desk.look(1, condition());
    expect(desk.told()).toEqual([`firing ${id}`]);
    desk.look(repeatMs, condition());
    expect(desk.told()).toEqual([`firing ${id}`]);
    desk.acknowledge(id);
    desk.told();
    desk.look(2 * repeatMs, condition());
    expect(desk.told()).toEqual([]);
  });

  it("does not come without being asked for, nor while the alert clears", () => {
    const never = firing();
    never.look(100 * repeatMs, condition());
    expect(never.told()).toEqual([]);
    const clearing = firing({ repeatMs });
    clearing.look(repeatMs);
    expect(clearing.told()).toEqual([]);
  });
});

describe("an acknowledgement", () => {
  it("is told and journalled once, with who gave it", () => {
    const desk = firing();
    desk.acknowledge(id, "ann");
    desk.acknowledge(id, "ann");
    desk.acknowledge(id, "bob");
    expect(desk.refused).toBeNull();
    expect(desk.notices).toMatchObject([{ status: "acknowledged", acknowledgedBy: "ann" }]);
    expect(desk.written()).toEqual([`acknowledged ${id} ann`]);
    desk.told();
    desk.look(0);
    desk.look(60_000);
    expect(desk.notices).toMatchObject([{ status: "resolved", acknowledgedBy: "ann" }]);
  });

  it("does not outlive its episode", () => {
    const desk = firing();
    desk.acknowledge(id);
    desk.look(0);
    desk.look(60_000);
    desk.look(0, condition());
    desk.told();
    desk.look(60_000, condition());
    expect(desk.notices).toMatchObject([{ status: "firing", acknowledgedBy: null }]);
  });

  it.each([
    ["an alert that waits", condition(), id],
    ["an alert that is not there", rollback, id],
  ])("of %s is refused", (_, holding, alert) => {
    const desk = new Desk();
    desk.look(0, holding);
    desk.told();
    desk.written();
    const before = desk.state;
    desk.acknowledge(alert);
    expect(desk.refused).toBe(`no alert ${id} is firing: nothing to acknowledge`);
    expect(desk.state).toBe(before);
    expect([...desk.told(), ...desk.written()]).toEqual([]);
  });
});

describe("the limits", () => {
  const upstream = (at: number) =>
    condition({ kind: "upstream_unhealthy", experiment: null, subject: `u${at}` });
  const many = (count: number) => Array.from({ length: count }, (_, at) => upstream(at));
  const { alertsMax, resolvedMax } = alertLimits;

  it("leave no room for more alerts, count those, and prefer the grave", () => {
    const desk = new Desk();
    desk.look(0, ...many(alertsMax + 2), rollback);
    expect(desk.state.alerts.size).toBe(alertsMax);
    expect(desk.phases()).toHaveProperty("rollback/e");
    expect(desk.state).toMatchObject({ withoutRoom: 3, withoutRoomTotal: 3 });
    // The same ones again are not counted again; another one is.
    desk.look(1000, ...many(alertsMax + 2), rollback);
    desk.look(1000, ...many(alertsMax + 3), rollback);
    expect(desk.state).toMatchObject({ withoutRoom: 4, withoutRoomTotal: 4 });
    desk.look(1000, rollback);
    expect(desk.state).toMatchObject({ withoutRoom: 0, withoutRoomTotal: 4 });
  });

  it("keep the latest of what is resolved", () => {
    const desk = new Desk();
    for (let at = 0; at <= resolvedMax; at += 1) {
      desk.look(1, { ...rollback, experiment: `e${at}` });
      desk.look(1);
    }
    expect(desk.state.resolved).toHaveLength(resolvedMax);
    expect(desk.state.resolved[0]?.alert).toBe("rollback/e1");
    expect(desk.state.resolved.at(-1)?.alert).toBe(`rollback/e${resolvedMax}`);
  });

  it("cut what is too long", () => {
    const desk = new Desk();
    const long = "x".repeat(1000);
    desk.look(0, { ...rollback, subject: long, summary: long });
    const [alert] = desk.state.alerts.values();
    expect(alert?.id).toHaveLength(alertLimits.idLengthMax);
    expect(alert?.summary).toHaveLength(alertLimits.summaryLengthMax);
  });
});
