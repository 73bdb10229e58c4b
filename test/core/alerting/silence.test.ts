import { describe, expect, it } from "vitest";
import { alertLimits, type SilenceMatcher } from "../../../src/core/alerting/state.ts";
import { condition, Desk, rollback } from "./desk.ts";

const id = "error_rate/e/new";
const hour = 3_600_000;

describe("a silence", () => {
  it("holds notices back, not the alert, and lets them go when it ends", () => {
    const desk = new Desk();
    desk.silence(hour);
    desk.look(0, condition());
    desk.look(60_000, condition());
    expect(desk.phases()).toEqual({ [id]: "firing" });
    expect(desk.told()).toEqual([]);
    desk.look(hour - 60_001, condition());
    expect(desk.told()).toEqual([]);
    desk.look(1, condition());
    expect(desk.told()).toEqual([`firing ${id}`]);
    desk.look(1000, condition());
    expect(desk.told()).toEqual([]);
    expect(desk.written()).toEqual([
      "silenced silence/s ann",
      `fired ${id} controller`,
      "silence_ended silence/s controller",
    ]);
  });

  it("under which an alert began and ended was never broken", () => {
    const desk = new Desk();
    desk.silence(hour);
    desk.look(0, rollback);
    desk.look(1000);
    desk.look(2 * hour);
    expect(desk.told()).toEqual([]);
    expect(desk.state.resolved).toMatchObject([{ alert: "rollback/e", status: "resolved" }]);
  });

  it("that ends early lets go at once", () => {
    const desk = new Desk();
    desk.silence(hour);
    desk.look(0, rollback);
    desk.feed({ kind: "unsilence", id: "s", actor: "bob" });
    expect(desk.told()).toEqual(["firing rollback/e"]);
    expect(desk.written()).toContain("unsilenced silence/s bob");
    desk.feed({ kind: "unsilence", id: "s", actor: "bob" });
    expect(desk.refused).toBe("no silence s is in force: nothing to end");
  });

  it("owes the end of what was told before it", () => {
    const desk = new Desk();
    desk.look(0, rollback);
    desk.told();
    desk.silence(hour);
    desk.look(1000);
    expect(desk.told()).toEqual([]);
    desk.look(hour);
    expect(desk.told()).toEqual(["resolved rollback/e"]);
    desk.look(1000);
    expect(desk.told()).toEqual([]);
  });

  it("lets a new episode stand for the end of the one before", () => {
    const desk = new Desk();
    desk.look(0, rollback);
    desk.silence(hour);
    desk.look(1000);
    desk.look(1000, rollback);
    desk.told();
    desk.look(hour, rollback);
    expect(desk.told()).toEqual(["firing rollback/e"]);
    desk.look(1000);
    expect(desk.told()).toEqual(["resolved rollback/e"]);
  });

  it("holds back repeats and acknowledgements; the late notice names who has it", () => {
    const desk = new Desk({ repeatMs: 60_000 });
    desk.silence(hour);
    desk.look(0, rollback);
    desk.acknowledge("rollback/e", "bob");
    desk.look(120_000, rollback);
    expect(desk.told()).toEqual([]);
    desk.feed({ kind: "unsilence", id: "s", actor: "ann" });
    expect(desk.notices).toMatchObject([{ status: "firing", acknowledgedBy: "bob" }]);
  });

  it.each<[string, SilenceMatcher, boolean]>([
    ["everything", {}, true],
    ["the kind", { kind: "rollback" }, true],
    ["another kind", { kind: "guardrail" }, false],
    ["the experiment", { experiment: "e" }, true],
    ["another experiment", { experiment: "f" }, false],
    ["a subject, and there is none", { subject: "new" }, false],
    ["the kind of another experiment", { kind: "rollback", experiment: "f" }, false],
    ["both", { kind: "rollback", experiment: "e" }, true],
  ])("of %s", (_, matcher, holds) => {
    const desk = new Desk();
    desk.silence(hour, { matcher });
    desk.look(0, rollback);
    expect(desk.told()).toEqual(holds ? [] : ["firing rollback/e"]);
  });

  it("sent twice is one, with another end it is replaced", () => {
    const desk = new Desk();
    const untilMs = desk.atMs + hour;
    desk.silence(0, { untilMs });
    desk.silence(0, { untilMs });
    expect(desk.written()).toEqual(["silenced silence/s ann"]);
    desk.silence(2 * hour);
    expect(desk.written()).toEqual(["silenced silence/s ann"]);
    expect(desk.state.silences.size).toBe(1);
    desk.look(hour, rollback);
    expect(desk.told()).toEqual([]);
  });

  it("sent again with another matcher is replaced", () => {
    const desk = new Desk();
    const untilMs = desk.atMs + hour;
    for (const field of ["kind", "experiment", "subject"] as const) {
      desk.silence(0, { untilMs, matcher: { [field]: "rollback" } });
      expect(desk.written()).toEqual(["silenced silence/s ann"]);
    }
    desk.silence(0, { untilMs, actor: "bob" });
    desk.silence(0, { untilMs, actor: "bob", reason: "another" });
    expect(desk.written()).toEqual(["silenced silence/s bob", "silenced silence/s bob"]);
  });

  it("that is over when an acknowledgement comes lets one notice go, which names who has it", () => {
    const desk = new Desk();
    desk.silence(hour);
    desk.look(0, rollback);
    desk.feed({ kind: "acknowledge", alert: "rollback/e", actor: "bob" }, hour);
    expect(desk.notices).toMatchObject([{ status: "firing", acknowledgedBy: "bob" }]);
    expect(desk.notices).toHaveLength(1);
  });

  it("lasts as long as was asked for, whatever the wall clock does", () => {
    for (const jumpMs of [-10 * hour, 10 * hour]) {
      const desk = new Desk();
      desk.silence(hour);
      desk.wallMs += jumpMs;
      desk.look(hour - 1, rollback);
      expect(desk.told()).toEqual([]);
      desk.look(1, rollback);
      expect(desk.told()).toEqual(["firing rollback/e"]);
    }
  });

  it.each([
    ["no time", 0, "a silence has to end in the future"],
    ["a time that is over", -1, "a silence has to end in the future"],
    ["no number", Number.NaN, "a silence has to end in the future"],
    ["too long a time", alertLimits.silenceMsMax + 1, "a silence lasts 30d at most"],
  ])("for %s is refused", (_, lastsMs, refused) => {
    const desk = new Desk();
    desk.silence(lastsMs);
    expect(desk.refused).toBe(refused);
    expect(desk.state.silences.size).toBe(0);
    expect(desk.written()).toEqual([]);
  });

  it("beyond the limit is refused, a change of one is not", () => {
    const desk = new Desk();
    const { silencesMax } = alertLimits;
    for (let at = 0; at < silencesMax; at += 1) {
      desk.silence(hour, { id: `s${at}` });
      expect(desk.refused).toBeNull();
    }
    desk.silence(hour, { id: "more" });
    expect(desk.refused).toContain(`there are ${silencesMax} silences already`);
    desk.silence(2 * hour, { id: "s0" });
    expect(desk.refused).toBeNull();
    expect(desk.state.silences.size).toBe(silencesMax);
  });

  it("over an alert that ended still takes its room, and no more", () => {
    const desk = new Desk();
    const all = Array.from({ length: alertLimits.alertsMax }, (_, at) => ({
      ...rollback,
      experiment: `e${at}`,
    }));
    desk.look(0, ...all);
    desk.silence(hour);
    desk.look(1);
    expect(desk.state.owed.size).toBe(alertLimits.alertsMax);
    desk.look(1, { ...rollback, experiment: "more" });
    expect(desk.state).toMatchObject({ withoutRoom: 1, alerts: new Map() });
    desk.told();
    desk.look(hour);
    expect(desk.told()).toHaveLength(alertLimits.alertsMax);
    desk.look(1, { ...rollback, experiment: "more" });
    expect(desk.told()).toEqual(["firing rollback/more"]);
  });
});
