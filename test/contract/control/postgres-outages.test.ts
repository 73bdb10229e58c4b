import { describe, expect, onTestFinished, test } from "vitest";
import { Connection } from "../../../src/control/store/postgres/connection.ts";
import { TelemetryReader } from "../../../src/control/store/postgres/telemetry.ts";
import type { JudgedGuardrail } from "../../../src/control/store/store.ts";
import { realTimers } from "../../../src/main/system.ts";
import { startDeafProxy } from "../../support/deaf-proxy.ts";
import { entryOf, faultCode, stateOf, valueOf } from "../../support/store.ts";
import { openShared, reportOf, usePostgres } from "../../support/store-kinds.ts";

const postgres = usePostgres();
const newUrl = async () => (await postgres?.server().createDatabase()) ?? "";

describe.skipIf(postgres === null)("a server that stands still", () => {
  test("holds a replica up once, and is used again when it goes on", async () => {
    const server = postgres?.server();
    const store = openShared(await newUrl(), { deadlineMs: 1000 });
    valueOf(store.append([entryOf()], [stateOf({ state: 1 })]));
    server?.pause();
    onTestFinished(() => server?.resume());
    const first = store.append([entryOf({ kind: "late" })], [stateOf({ state: 2, expected: 1 })]);
    expect(first).toMatchObject({
      error: { code: "unreachable", message: expect.stringContaining("1000 ms") as string },
    });
    expect(store.isUp()).toBe(false);
    // As soon as it is known to be gone nobody waits: so many deadlines would be over the test's time.
    for (let at = 0; at < 200; at += 1)
      expect(faultCode(store.states("rollout"))).toBe("unreachable");
    expect(faultCode(await store.heartbeat(reportOf(store), true))).toBe("unreachable");
    server?.resume();
    await expect.poll(() => store.isUp()).toBe(true);
    valueOf(store.append([], [stateOf({ state: 2, expected: 1 })]));
    expect(valueOf(store.read({})).map(({ kind }) => kind)).toEqual(["promoted"]);
  });

  test("is found out before anybody asks", async () => {
    const server = postgres?.server();
    const store = openShared(await newUrl(), { deadlineMs: 1000 });
    server?.pause();
    onTestFinished(() => server?.resume());
    await expect.poll(() => store.isUp()).toBe(false);
    expect(store.states("rollout")).toMatchObject({
      error: { code: "unreachable", message: expect.stringContaining("timeout expired") as string },
    });
  });
});

describe.skipIf(postgres === null)("a server that is gone", () => {
  test("is used again by everybody when it is back, with all that it acknowledged", async () => {
    const server = postgres?.server();
    const url = await newUrl();
    const [one, other] = [openShared(url), openShared(url)];
    const heard: unknown[] = [];
    other.onChange((changed) => heard.push(changed));
    valueOf(one.append([entryOf()], [stateOf({ state: 1 })]));
    expect(valueOf(await one.heartbeat(reportOf(one), true)).epoch).toBe(1);
    await server?.kill();
    await expect.poll(() => [one.isUp(), other.isUp()]).toEqual([false, false]);
    const refused = one.append([entryOf()], []);
    expect(faultCode(refused)).toBe("unreachable");
    expect(refused).toMatchObject({
      error: { message: expect.stringContaining(`127.0.0.1:${server?.port}/`) as string },
    });
    expect(faultCode(await other.collect())).toBe("unreachable");
    await server?.restart();
    await expect.poll(() => [one.isUp(), other.isUp()]).toEqual([true, true]);
    expect(valueOf(other.states("rollout"))).toMatchObject([{ state: 1, version: 1 }]);
    // The session that led is gone, so that this is a new epoch.
    expect(valueOf(await one.heartbeat(reportOf(one), true)).epoch).toBe(2);
    heard.length = 0;
    valueOf(one.append([], [stateOf({ state: 2 })]));
    await expect.poll(() => heard).toEqual([{ scope: "rollout", subject: "models", version: 2 }]);
  });

  test("does not keep a store from opening, which is whole when it comes", async () => {
    const server = postgres?.server();
    const url = await newUrl();
    await server?.kill();
    const store = openShared(url);
    expect(store.isUp()).toBe(false);
    expect(faultCode(store.append([entryOf()], []))).toBe("unreachable");
    await server?.restart();
    await expect.poll(() => store.isUp()).toBe(true);
    expect(valueOf(store.append([entryOf()], [stateOf()]))).toBe(1);
  });

  test("for one session only is found again, and who leads goes on leading", async () => {
    const server = postgres?.server();
    const url = await newUrl();
    const store = openShared(url);
    expect(valueOf(await store.heartbeat(reportOf(store), true)).epoch).toBe(1);
    await server?.query(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice store' AND datname = current_database()",
    );
    await expect
      .poll(() => faultCode(store.append([entryOf()], [], 1)), { interval: 20 })
      .toBe("ok");
    expect(valueOf(await store.heartbeat(reportOf(store), true)).epoch).toBe(1);
  });
});

describe.skipIf(postgres === null)("an answer that is lost", () => {
  test("leaves open whether it happened, and tried again it happens once", async () => {
    const proxy = await startDeafProxy(await newUrl());
    const store = openShared(proxy.url, { deadlineMs: 1000 });
    valueOf(store.append([entryOf()], [stateOf({ state: "a" })]));
    proxy.loseNextCommit();
    const change = () =>
      store.append([entryOf({ kind: "changed" })], [stateOf({ state: "b", expected: 1 })]);
    expect(faultCode(change())).toBe("unreachable");
    proxy.mend();
    await expect.poll(() => store.isUp()).toBe(true);
    // It had happened.
    expect(faultCode(change())).toBe("conflict");
    expect(valueOf(store.read({})).map(({ kind }) => kind)).toEqual(["promoted", "changed"]);
    expect(valueOf(store.states("rollout"))).toMatchObject([{ state: "b", version: 2 }]);
  });

  test("of a batch of history that is tried again counts nothing twice", async () => {
    const proxy = await startDeafProxy(await newUrl());
    const store = openShared(proxy.url, { deadlineMs: 1000 });
    const row = { series: "[a", atMs: 0, resolutionMs: 10_000, counts: Uint8Array.of(1) } as const;
    proxy.loseNextCommit();
    expect(faultCode(store.addHistory([row], 7))).toBe("unreachable");
    proxy.mend();
    await expect.poll(() => store.isUp()).toBe(true);
    valueOf(store.addHistory([{ ...row, counts: Uint8Array.of(2) }], 7));
    const range = { fromMs: 0, toMs: 1, resolutionMs: 10_000 } as const;
    expect(valueOf(store.readHistory(range)).rows).toEqual([row]);
  });
});

describe.skipIf(postgres === null)("what is asked", () => {
  test("may hold a NUL, which PostgreSQL has none of, and is found by it", async () => {
    const store = openShared(await newUrl());
    const atMs = 0;
    const resolutionMs = 10_000;
    const counts = Uint8Array.of(1);
    valueOf(store.append([entryOf({ subject: "a\0" })], [stateOf({ subject: "a\0" })]));
    valueOf(store.addHistory([{ series: "a\0", atMs, resolutionMs, counts }]));
    const of: JudgedGuardrail = {
      experiment: "a\0",
      guardrail: "g\0",
      unit: "ms",
      onBreach: "pause",
      dryRun: false,
    };
    const measured = { value: 1, control: 1, limit: 2, low: 0, high: 2, requests: 9, pValue: null };
    valueOf(store.addVerdicts([{ of, atMs, verdict: "ok", ...measured }]));
    const range = { fromMs: 0, toMs: 1, resolutionMs, series: "a\0" } as const;
    const about = { experiment: "a\0", guardrail: "g\0", fromMs: 0, toMs: 1, stepMs: 1 };
    const found = [
      store.read({ about: "a\0" }),
      store.read({ subject: "a\0" }),
      store.states("rollout"),
      store.readHistory(range),
      store.historySeries("a\0"),
      store.readSeries({ ...range, limit: 9 }),
      store.judgedGuardrails("a\0"),
      store.readVerdicts(about),
    ].map((answer) => {
      const value = valueOf<object>(answer);
      return "rows" in value ? value.rows : value;
    });
    for (const each of found) expect(each).toHaveLength(1);
    expect(valueOf(store.countSeries(range))).toBe(1);
    expect(valueOf(store.firstVerdictMs("a\0"))).toBe(0);
    const report = { ...reportOf(store), name: "h\0", adminUrl: "http://\0", configHash: "\0" };
    expect(valueOf(await store.heartbeat(report, true)).replicas).toHaveLength(1);
  });

  test("gives a fault where Sluice has a bug, and neither throws nor rejects", async () => {
    const store = openShared(await newUrl());
    expect(store.readHistory(null as never)).toMatchObject({
      error: { code: "io", message: expect.stringContaining("TypeError") as string },
    });
    expect(await store.heartbeat(null as never, true)).toMatchObject({
      error: { code: "io", message: expect.stringContaining("a bug in Sluice") as string },
    });
    valueOf(store.append([entryOf()], []));
    valueOf(await store.heartbeat(reportOf(store), true));
  });
});

describe.skipIf(postgres === null)("a connection", () => {
  const connect = async (url: string, onLost: (error: Error) => void = () => {}) => {
    const options = { url, applicationName: "sluice test", deadlineMs: 15_000, isReadOnly: false };
    const connection = new Connection({ ...options, onLost }, realTimers);
    onTestFinished(() => connection.end());
    await connection.open();
    return connection;
  };

  test("on which a transaction was left open is not used again", async () => {
    const lost: string[] = [];
    const connection = await connect(await newUrl(), ({ message }) => lost.push(message));
    await connection.ask((session) => session.run("SELECT 1"));
    expect(lost).toEqual([]);
    await connection.ask((session) => session.run("BEGIN"));
    expect(lost).toEqual(["Connection terminated: a transaction was left open"]);
    await expect(connection.ask((session) => session.run("SELECT 1"))).rejects.toThrow("left open");
  });

  test("that is lost between two pages of telemetry costs no part", async () => {
    const url = await newUrl();
    const store = openShared(url);
    const first = await connect(url);
    const reader = new TelemetryReader("reader");
    await first.ask((session) => reader.begin(session));
    // Two of them are a page.
    for (const sequence of [1, 2, 3]) {
      valueOf(await store.publish(sequence, new Uint8Array(3 * 1024 * 1024).fill(sequence)));
    }
    let asked = 0;
    const cut = await reader.collect(async (work) => {
      asked += 1;
      if (asked === 2) {
        const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity";
        const where = "application_name = 'sluice test' AND datname = current_database()";
        await postgres?.server().query(url, `${end} WHERE ${where}`);
      }
      return first.ask(work);
    });
    expect([asked, ...cut.map(({ body }) => body[0])]).toEqual([2, 1, 2]);
    await expect(reader.collect((work) => first.ask(work))).rejects.toThrow(/terminat/);
    const second = await connect(url);
    const rest = await reader.collect((work) => second.ask(work));
    expect(rest.map(({ body }) => body[0])).toEqual([3]);
  });
});
