import { expect, it } from "vitest";
import { createHistoryWriter } from "../../../src/control/history-writer.ts";
import { keepEpochs, restoreEpochs } from "../../../src/control/epochs.ts";
import { readMeasuredBefore } from "../../../src/control/measured-before.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import { openStore, storePath } from "../../support/store.ts";
import { smallText, valid } from "../../core/config/texts.ts";

const experiments = valid(smallText).experiments;
const changed = valid(
  `${smallText}    on_unavailable: control\n    analysis: { primary: error_rate }\n`,
).experiments;
const other = valid(
  smallText.replace("new: { upstream: b }", "new: { upstream: b, weight: 3 }"),
).experiments;

it("an experiment goes on in its epoch when it is compared as before, and begins another when not", () => {
  const store = openStore(storePath());
  const first = restoreEpochs(store, experiments, 1000);
  expect(first["e"]).toMatchObject({ epoch: 1, sinceMs: 1000 });
  keepEpochs(store, {}, { e: 4 }, experiments, 5000);
  expect(restoreEpochs(store, experiments, 9000)["e"]).toMatchObject({ epoch: 4, sinceMs: 5000 });
  // What is looked at, and when it ends, changes nothing of what was measured.
  expect(restoreEpochs(store, changed, 9000)["e"]).toMatchObject({ epoch: 4 });
  expect(restoreEpochs(store, other, 9000)["e"]).toMatchObject({ epoch: 5, sinceMs: 9000 });
});

it("an experiment that was gone returns with a number of its own", () => {
  const store = openStore(storePath());
  const kept = keepEpochs(store, {}, { e: 7 }, experiments, 1000);
  keepEpochs(store, kept, {}, {}, 2000);
  expect(restoreEpochs(store, {}, 3000)["e"]).toMatchObject({ epoch: 7 });
  expect(restoreEpochs(store, other, 3000)["e"]).toMatchObject({ epoch: 8 });
});

it("nothing is written while nothing changes, and nothing is believed that nobody wrote", () => {
  let writes = 0;
  const store = {
    append: () => {
      writes += 1;
      return { ok: true, value: 1 } as const;
    },
    states: () => {
      return {
        ok: true,
        value: [{ subject: "epochs", state: { e: "x" }, sequence: 1, version: 0 }],
      } as const;
    },
  };
  const kept = keepEpochs(store, {}, { e: 1 }, experiments, 0);
  expect(keepEpochs(store, kept, { e: 1 }, experiments, 9)).toEqual(kept);
  expect(writes).toBe(1);
  expect(restoreEpochs(store, experiments, 0)["e"]).toMatchObject({ epoch: 1 });
  expect(restoreEpochs(null, experiments, 0)["e"]).toMatchObject({ epoch: 1 });
});

it("what was measured before a restart is all there, once, over hours, minutes and seconds", () => {
  const store = openStore(storePath());
  const time = createFakeTime();
  const startMs = 1_700_000_000_000;
  const writer = createHistoryWriter({
    clock: {
      monotonicMs: () => time.clock.monotonicMs(),
      wallMs: () => startMs + time.clock.monotonicMs(),
    },
    timers: time.timers,
    store,
    log: () => {},
  });
  const recorder = createRecorder();
  const series = (variant: string, epoch: number) =>
    recorder.series({ ...keyOf(), experiment: "e", variant, epoch });
  const [old, fresh, stale] = [series("old", 2), series("new", 2), series("new", 1)];
  let taken = 0;
  // Three hours and some, a request of each arm every 40 seconds.
  for (let at = 0; at < 290; at += 1) {
    recordExchange(recorder, old, { user: `u${at}` });
    recordExchange(recorder, fresh, { user: `v${at % 7}` });
    recordExchange(recorder, stale);
    taken += 1;
    writer.take(recorder.snapshot(0, []).series);
    time.advance(40_000);
  }
  writer.stop();
  const kept = { e: { epoch: 2, sinceMs: startMs, fingerprint: "x" } };
  const nowMs = startMs + time.clock.monotonicMs();
  const measured = readMeasuredBefore(store, kept, ["e"], nowMs);
  expect(
    Object.fromEntries(measured.map(({ key, totals }) => [key.variant, totals.analysed])),
  ).toEqual({ old: taken, new: taken });
  const users = measured.find(({ key }) => key.variant === "new")?.totals.users;
  expect(users?.kind === "exact" && users.added.length).toBe(7);
  expect(readMeasuredBefore(store, kept, ["other"], nowMs)).toEqual([]);
});
