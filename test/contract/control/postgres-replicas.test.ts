import { describe, expect, test } from "vitest";
import { sharedStoreLimits, type StateVersion } from "../../../src/control/store/shared-store.ts";
import type { HistoryRow } from "../../../src/control/store/store.ts";
import { decodeHistory, encodeHistory, historyOf } from "../../../src/core/telemetry/history.ts";
import { createRecorder } from "../../../src/core/telemetry/recorder.ts";
import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { keyOf, recordExchange } from "../../core/telemetry/exchanges.ts";
import { startReplica } from "../../support/replica.ts";
import { entryOf, faultCode, stateOf, valueOf } from "../../support/store.ts";
import { openShared, reportOf, usePostgres } from "../../support/store-kinds.ts";

const postgres = usePostgres();
const newUrl = async () => (await postgres?.server().createDatabase()) ?? "";

describe.skipIf(postgres === null)("decisions of several replicas", () => {
  test("a state is changed from the version that was known, or not at all", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    valueOf(one.append([entryOf()], [stateOf({ state: "a", expected: 0 })]));
    expect(valueOf(other.states("rollout"))).toMatchObject([{ state: "a", version: 1 }]);
    valueOf(other.append([], [stateOf({ state: "b", expected: 1 })]));
    const late = one.append(
      [entryOf({ kind: "late" })],
      [stateOf({ subject: "second", state: 1 }), stateOf({ state: "c", expected: 1 })],
    );
    expect(faultCode(late)).toBe("conflict");
    expect(faultCode(one.append([], [stateOf({ expected: 0 })]))).toBe("conflict");
    expect(valueOf(one.read({}))).toHaveLength(1);
    expect(valueOf(one.states("rollout"))).toMatchObject([{ state: "b", version: 2 }]);
    // Without an expectation the last one wins.
    valueOf(one.append([], [stateOf({ state: "d" })]));
    expect(valueOf(one.states("rollout"))).toMatchObject([{ state: "d", version: 3 }]);
  });

  test("a state that is gone is changed by nobody who knew it", async () => {
    const url = await newUrl();
    const store = openShared(url);
    for (const state of ["a", "b"]) valueOf(store.append([], [stateOf({ state })]));
    valueOf(store.append([], [stateOf({ state: null, expected: 2 })]));
    expect(valueOf(store.states("rollout"))).toEqual([]);
    expect(faultCode(store.append([], [stateOf({ state: "c", expected: 2 })]))).toBe("conflict");
    valueOf(store.append([], [stateOf({ state: "c", expected: 0 })]));
    expect(valueOf(store.states("rollout"))).toMatchObject([{ state: "c", version: 1 }]);
  });

  test("of many at once each entry has its place, and nobody overwrites a state unseen", async () => {
    const url = await newUrl();
    const replicas = await Promise.all(["a", "b"].map((name) => startReplica(url, name)));
    const counts = await Promise.all(replicas.map((replica) => replica.count(25)));
    expect(counts).toEqual([25, 25]);
    const store = openShared(url);
    const entries = valueOf(store.read({ limit: 1000 }));
    expect(entries.map(({ facts }) => facts)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 1),
    );
    expect(valueOf(store.states("rollout"))).toMatchObject([{ state: 50, version: 50 }]);
  });

  test("are told to the others, and not to who made them", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    const heard: Record<"one" | "other", StateVersion[]> = { one: [], other: [] };
    one.onChange((changed) => heard.one.push(changed));
    other.onChange((changed) => heard.other.push(changed));
    valueOf(one.append([], [stateOf({ state: 1 }), stateOf({ subject: "b", state: 1 })]));
    valueOf(one.append([], [stateOf({ state: null })]));
    await expect
      .poll(() => heard.other)
      .toEqual([
        { scope: "rollout", subject: "models", version: 1 },
        { scope: "rollout", subject: "b", version: 1 },
        { scope: "rollout", subject: "models", version: 2 },
      ]);
    valueOf(other.append([], [stateOf({ subject: "c" })]));
    await expect.poll(() => heard.one).toHaveLength(1);
    // A heartbeat tells what may have been missed.
    const { states } = valueOf(await one.heartbeat(reportOf(one), false));
    expect(states).toEqual([
      { scope: "rollout", subject: "b", version: 1 },
      { scope: "rollout", subject: "c", version: 1 },
    ]);
  });

  test("of who led before are refused, whatever they are", async () => {
    const url = await newUrl();
    const [old, next] = [openShared(url), openShared(url)];
    const first = valueOf(await old.heartbeat(reportOf(old), true)).epoch ?? -1;
    valueOf(old.append([entryOf()], [stateOf({ state: "old" })], first));
    valueOf(await old.heartbeat(reportOf(old), false));
    expect(valueOf(await next.heartbeat(reportOf(next), true)).epoch).toBe(first + 1);
    const late = old.append([entryOf()], [stateOf({ state: "late" })], first);
    expect(faultCode(late)).toBe("fenced");
    expect(valueOf(next.read({}))).toHaveLength(1);
    valueOf(next.append([entryOf()], [stateOf({ state: "next" })], first + 1));
    // Without a fence anybody may write: whoever trips a rollback need not lead.
    valueOf(old.append([entryOf()], []));
  });
});

describe.skipIf(postgres === null)("the leader", () => {
  test("is the first who wants to, until it leaves", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    expect(valueOf(await one.heartbeat(reportOf(one), false))).toMatchObject({
      epoch: null,
      leader: null,
    });
    expect(valueOf(await one.heartbeat(reportOf(one), true)).epoch).toBe(1);
    expect(valueOf(await one.heartbeat(reportOf(one), true)).epoch).toBe(1);
    const seen = valueOf(await other.heartbeat(reportOf(other), true));
    expect(seen).toMatchObject({ epoch: null, leader: one.instance });
    expect(seen.replicas).toMatchObject([
      { ...reportOf(one), seenAgoMs: expect.any(Number) as number },
      { ...reportOf(other), seenAgoMs: expect.any(Number) as number },
    ]);
    await one.leave();
    const after = valueOf(await other.heartbeat(reportOf(other), true));
    expect(after).toMatchObject({ epoch: 2, leader: other.instance });
    expect(after.replicas.map(({ instance }) => instance)).toEqual([other.instance]);
  });

  test("that is killed is followed as soon as its session is gone", async () => {
    const url = await newUrl();
    const replica = await startReplica(url, "killed");
    expect(await replica.lead()).toBe(1);
    const next = openShared(url);
    expect(valueOf(await next.heartbeat(reportOf(next), true)).epoch).toBeNull();
    await replica.kill();
    await expect
      .poll(async () => valueOf(await next.heartbeat(reportOf(next), true)).epoch, { interval: 20 })
      .toBe(2);
    const [old] =
      (await postgres
        ?.server()
        .query<{ ms: string }>(
          url,
          "SELECT extract(epoch FROM clock_timestamp() - seen_at) * 1000 AS ms FROM sluice.replica WHERE name = 'killed'",
        )) ?? [];
    // It was not its silence that told.
    expect(Number(old?.ms)).toBeLessThan(sharedStoreLimits.leaseMs);
  });

  test("that stands still is followed after its lease, and leads no more when it wakes", async () => {
    const url = await newUrl();
    const replica = await startReplica(url, "stopped");
    expect(await replica.lead()).toBe(1);
    const next = openShared(url);
    replica.pause();
    expect(valueOf(await next.heartbeat(reportOf(next), true)).epoch).toBeNull();
    await expect
      .poll(async () => valueOf(await next.heartbeat(reportOf(next), true)).epoch)
      .toBe(2);
    replica.resume();
    expect(await replica.decide(1)).toBe("fenced");
    expect(await replica.lead()).toBeNull();
    expect(valueOf(await next.heartbeat(reportOf(next), true)).epoch).toBe(2);
    // A third one does not take the woken one's lock for the leader's, nor its absence.
    const third = openShared(url);
    expect(valueOf(await third.heartbeat(reportOf(third), true)).leader).toBe(next.instance);
  });
});

describe.skipIf(postgres === null)("telemetry", () => {
  test("reaches every other replica once and in order, from its beginning on", async () => {
    const url = await newUrl();
    const one = openShared(url);
    valueOf(await one.publish(1, Uint8Array.of(1)));
    const other = openShared(url);
    for (const sequence of [2, 3]) valueOf(await one.publish(sequence, Uint8Array.of(sequence)));
    // The first answer was lost: the part counts once.
    valueOf(await one.publish(3, Uint8Array.of(3)));
    const collect = async () =>
      valueOf(await other.collect()).map(({ instance, body }) => [instance, body[0]]);
    expect(await collect()).toEqual([
      [one.instance, 2],
      [one.instance, 3],
    ]);
    valueOf(await other.publish(1, Uint8Array.of(7)));
    expect(await collect()).toEqual([]);
    valueOf(await one.publish(4, Uint8Array.of(4)));
    expect(await collect()).toEqual([[one.instance, 4]]);
    expect(valueOf(await one.collect())).toHaveLength(1);
  });

  test("over its limits is refused, or comes with the next call", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    const { telemetryBytesMax, collectBytesMax } = sharedStoreLimits;
    const most = new Uint8Array(telemetryBytesMax);
    expect(faultCode(await one.publish(1, new Uint8Array(telemetryBytesMax + 1)))).toBe(
      "too_large",
    );
    const parts = collectBytesMax / telemetryBytesMax + 1;
    for (let sequence = 1; sequence <= parts; sequence += 1) {
      valueOf(await one.publish(sequence, most));
    }
    expect(valueOf(await other.collect())).toHaveLength(parts - 1);
    expect(valueOf(await other.collect())).toHaveLength(1);
    expect(valueOf(await other.collect())).toEqual([]);
  });

  test("and replicas that are gone are deleted by the leader", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    valueOf(await other.heartbeat(reportOf(other), false));
    for (const sequence of [1, 2]) valueOf(await one.publish(sequence, Uint8Array.of(1)));
    const server = postgres?.server();
    await server?.query(
      url,
      `UPDATE sluice.telemetry SET at = at - interval '31 s' WHERE sequence = 1;
       UPDATE sluice.replica SET seen_at = seen_at - interval '11 s'`,
    );
    const { replicas } = valueOf(await one.heartbeat(reportOf(one), true));
    expect(replicas.map(({ instance }) => instance)).toEqual([one.instance]);
    const left = "SELECT sequence::integer FROM sluice.telemetry";
    expect(await server?.query(url, left)).toEqual([{ sequence: 2 }]);
    expect(await server?.query(url, "SELECT 1 FROM sluice.replica")).toHaveLength(1);
  });
});

describe.skipIf(postgres === null)("history of several replicas", () => {
  const startMs = 20_000 * 86_400_000;
  const row = (requests: number, atMs = startMs): HistoryRow => {
    const recorder = createRecorder();
    const series = recorder.series(keyOf());
    for (let at = 0; at < requests; at += 1) recordExchange(recorder, series, { user: `u${at}` });
    const counts = encodeHistory(historyOf(recorder.snapshot(0, []).series[0] as SeriesDelta));
    return { series: "[a", atMs, resolutionMs: 10_000, counts };
  };
  const requestsOf = (rows: readonly HistoryRow[]) =>
    rows.map(({ atMs, counts }) => {
      const totals = decodeHistory(counts);
      return [atMs - startMs, totals.ok ? totals.value.outcomes[0] : totals.error];
    });

  test("is read as one, in every resolution and before and after the roll-up", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    valueOf(one.addHistory([row(1), row(2, startMs + 10_000)], 1));
    valueOf(other.addHistory([row(5), row(3, startMs + 60_000)], 1));
    const range = { fromMs: startMs, toMs: startMs + 3_600_000 };
    const fine = { ...range, resolutionMs: 10_000 } as const;
    const expected = [
      [0, 6],
      [10_000, 2],
      [60_000, 3],
    ];
    expect(requestsOf(valueOf(one.readHistory(fine)).rows)).toEqual(expected);
    expect(valueOf(one.countSeries({ series: "[a", ...fine }))).toBe(3);
    const minutes = { series: "[a", ...range, resolutionMs: 60_000, limit: 100 } as const;
    const total = () =>
      requestsOf(valueOf(other.readSeries(minutes)).rows).reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    expect(total()).toBe(11);
    expect(valueOf(other.rollUp(startMs + 60_000)).merged).toBe(3);
    expect(total()).toBe(11);
    // A latecomer counts at once, and goes into its minute with the next roll-up.
    valueOf(one.addHistory([row(4)], 2));
    expect(total()).toBe(15);
    valueOf(other.rollUp(startMs + 120_000));
    expect(total()).toBe(15);
    expect(requestsOf(valueOf(one.readHistory(fine)).rows)[0]).toEqual([0, 10]);
    expect(requestsOf(valueOf(one.readHistory({ ...range, resolutionMs: 60_000 })).rows)).toEqual([
      [0, 12],
      [60_000, 3],
    ]);
    expect(valueOf(one.historySeries("["))).toEqual([{ series: "[a", firstMs: startMs }]);
  });

  test("counts a batch once, however often it is tried", async () => {
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    for (const batch of [1, 1, 2, 2, 1]) valueOf(one.addHistory([row(1)], batch));
    valueOf(other.addHistory([row(1)], 1));
    const fine = { fromMs: startMs, toMs: startMs + 1, resolutionMs: 10_000 } as const;
    expect(requestsOf(valueOf(one.readHistory(fine)).rows)).toEqual([[0, 3]]);
  });
});
