import { expect, it } from "vitest";
import { createAlertRunner, lookEveryMs } from "../../../src/control/alerts.ts";
import { defaultAlerts } from "../../../src/core/alerting/defaults.ts";
import type { AlertFacts } from "../../../src/core/alerting/facts.ts";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { openStore, storePath, valueOf } from "../../support/store.ts";

const calm: AlertFacts = {
  experiments: [],
  upstreams: [],
  rollouts: [],
  reloadFault: null,
  storeFault: null,
  mirrors: [],
};

/** Alerts over a store, as one process after the other would have them. */
function open(store = openStore(storePath())) {
  const time = createFakeTime();
  const told: string[] = [];
  const restored: AlertNotice[] = [];
  let facts = calm;
  const alerts = createAlertRunner(defaultAlerts, {
    ...time,
    store,
    notifier: {
      notify: ({ alert, status }) => told.push(`${alert} ${status}`),
      restore: (notices) => restored.push(...notices),
      resendWhile: () => {},
      configure: () => {},
    },
    facts: () => facts,
    log: () => {},
  });
  const look = (seen: Partial<AlertFacts>, seconds = 1) => {
    facts = { ...calm, ...seen };
    time.advance(seconds * lookEveryMs);
  };
  return { alerts, told, restored, look, store };
}

it("a change is written down and told, once", () => {
  const { told, look, store, alerts } = open();
  look({ reloadFault: "line 3" }, 5);
  expect(told).toEqual(["reload_failed firing"]);
  expect(alerts.command({ kind: "acknowledge", alert: "reload_failed", actor: "ann" })).toBeNull();
  look({}, 2);
  expect(told).toEqual([
    "reload_failed firing",
    "reload_failed acknowledged",
    "reload_failed resolved",
  ]);
  const journal = valueOf(store.read({ scope: "alert" }));
  expect(journal.map(({ kind, actor, subject }) => [kind, actor, subject])).toEqual([
    ["fired", "controller", "reload_failed"],
    ["acknowledged", "ann", "reload_failed"],
    ["resolved", "controller", "reload_failed"],
  ]);
});

it("the next process goes on: what fires is not told again, its end is, and channels know what lasts", () => {
  const first = open();
  first.look({ reloadFault: "line 3", storeFault: "no room" });
  first.alerts.command({ kind: "acknowledge", alert: "reload_failed", actor: "ann" });
  first.alerts.stop();
  const second = open(first.store);
  expect(
    second.restored.map(({ alert, status, acknowledgedBy }) => [alert, status, acknowledgedBy]),
  ).toEqual(
    expect.arrayContaining([
      ["reload_failed", "acknowledged", "ann"],
      ["store_unavailable", "firing", null],
    ]),
  );
  second.look({ reloadFault: "line 3", storeFault: "no room" }, 3);
  expect(second.told).toEqual([]);
  second.look({ storeFault: "no room" }, 3);
  expect(second.told).toEqual(["reload_failed resolved"]);
});
