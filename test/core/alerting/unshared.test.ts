import { expect, it } from "vitest";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import { alertLimits, type AlertsState } from "../../../src/core/alerting/state.ts";
import { leftUnshared, withUnshared } from "../../../src/core/alerting/unshared.ts";
import { condition, Desk } from "./desk.ts";

/** Rolled back experiments fire at once. */
const firing = (...experiments: string[]): Desk => {
  const desk = new Desk();
  desk.feed({
    kind: "observe",
    conditions: experiments.map((experiment) =>
      condition({ kind: "rollback", experiment, subject: null }),
    ),
  });
  return desk;
};
const toldBy = ({ notices }: Desk): ReadonlyMap<string, AlertNotice> =>
  new Map(notices.map((notice) => [notice.alert, notice]));
const ids = ({ alerts }: AlertsState) => [...alerts.keys()];

it("what the store has as told, or as over and still to be told, is left to who leads", () => {
  const own = firing("a", "b", "c", "d");
  const told = toldBy(own);
  const { state: shared } = firing("a", "b", "c");
  const alerts = new Map(shared.alerts);
  const untold = alerts.get("rollback/b");
  if (untold?.phase.kind !== "firing") throw new Error("b does not fire");
  alerts.set("rollback/b", { ...untold, phase: { ...untold.phase, toldMs: null } });
  alerts.delete("rollback/c");
  const owed = new Map([["rollback/c", told.get("rollback/c") as AlertNotice]]);
  const left = leftUnshared(told, { ...shared, alerts, owed });
  expect([...left.keys()]).toEqual(["rollback/b", "rollback/d"]);
});

it("both are put together as far as there is room", () => {
  const many = Array.from({ length: alertLimits.alertsMax - 1 }, (_, at) => `e${at}`);
  const { state: shared } = firing(...many);
  const own = firing("a", "b");
  const { next, withoutRoom } = withUnshared(shared, own.state, toldBy(own));
  expect(ids(next)).toEqual([...ids(shared), "rollback/a"]);
  expect([...withoutRoom.keys()]).toEqual(["rollback/b"]);
});
