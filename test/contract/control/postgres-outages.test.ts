import { describe, expect, onTestFinished, test } from "vitest";
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
