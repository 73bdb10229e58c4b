import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "undici";
import type { WorkerHandle } from "../../src/control/worker-slot.ts";
import { spawnThread } from "../../src/main/thread.ts";
import type { FromWorker, RoutingTable } from "../../src/wire/messages.ts";
import { valid } from "../core/config/texts.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

type Thread = {
  readonly handle: WorkerHandle;
  readonly said: FromWorker[];
  readonly exit: Promise<string>;
  /** The first message of this kind, old or new. */
  says<Kind extends FromWorker["kind"]>(kind: Kind): Promise<Extract<FromWorker, { kind: Kind }>>;
};

let upstream: TestUpstream;
let threads: Thread[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
});

afterEach(async () => {
  for (const { handle } of threads) handle.terminate();
  await Promise.all(threads.map(({ exit }) => exit));
  threads = [];
  await upstream.close();
});

function tableOf(version: number, upstreamUrl = upstream.url): RoutingTable {
  const config = valid(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { only: { url: "${upstreamUrl}" } }
routes: [ { match: "/**", upstream: only } ]
`);
  return { version, config, epochs: {} };
}

function start(table: RoutingTable, port = 0): Thread {
  const said: FromWorker[] = [];
  const waiting = new Set<() => void>();
  let exited: (reason: string) => void;
  const exit = new Promise<string>((resolve) => (exited = resolve));
  const handle = spawnThread(
    { index: 0, table, port, health: [], handles: [] },
    {
      onMessage(message) {
        said.push(message);
        for (const look of waiting) look();
      },
      onExit: (reason) => exited(reason),
    },
  );
  const says: Thread["says"] = (kind) =>
    new Promise((resolve) => {
      const look = () => {
        const found = said.find((message) => message.kind === kind);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found as never);
      };
      waiting.add(look);
      look();
    });
  const thread = { handle, said, exit, says };
  threads.push(thread);
  return thread;
}

test("a worker listens, takes a routing table and reports", async () => {
  const thread = start(tableOf(1, "http://127.0.0.1:1"));
  const { port } = await thread.says("listening");
  thread.handle.post({ kind: "routing", table: tableOf(2) });
  expect(await thread.says("routing_applied")).toMatchObject({ version: 2 });
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/x`);
  await body.dump();
  expect(statusCode).toBe(200);
  const { counters, cpuUs } = await thread.says("snapshot");
  expect(counters.connectionsAccepted).toBeLessThanOrEqual(1);
  expect(cpuUs).toBeGreaterThan(0);
});

test("a routing table that does not compile is refused, and the former one stays at work", async () => {
  const thread = start(tableOf(1));
  const { port } = await thread.says("listening");
  const { config } = tableOf(2);
  thread.handle.post({
    kind: "routing",
    table: { version: 2, epochs: {}, config: { ...config, upstreams: {} } },
  });
  expect(await thread.says("routing_failed")).toMatchObject({
    version: 2,
    message: expect.stringContaining("unknown upstream only") as string,
  });
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/x`);
  await body.dump();
  expect(statusCode).toBe(200);
});

test("the last snapshot comes before `drained` and counts everything", async () => {
  const thread = start(tableOf(1));
  const { port } = await thread.says("listening");
  for (let sent = 0; sent < 3; sent += 1) {
    const { body } = await request(`http://127.0.0.1:${port}/x`, { reset: true });
    await body.dump();
  }
  thread.handle.post({ kind: "drain", deadlineMs: 1000 });
  expect(await thread.says("drained")).toEqual({ kind: "drained", aborted: 0 });
  const last = thread.said.at(-2);
  expect(last).toMatchObject({ kind: "snapshot", counters: { requestsRead: 3 } });
  expect(thread.said.at(-1)?.kind).toBe("drained");
});

test("a bug is announced, then the thread reports once more and ends with 1", async () => {
  const thread = start(tableOf(1));
  await thread.says("listening");
  thread.handle.post(null as never);
  expect((await thread.says("failing")).message).toContain("TypeError");
  expect(await thread.exit).toBe("exit code 1");
  const kinds = thread.said.map(({ kind }) => kind);
  expect(kinds.slice(kinds.indexOf("failing") + 1)).toContain("snapshot");
});

test("a worker that cannot even start ends with the reason", async () => {
  const thread = start(null as never);
  expect((await thread.says("failing")).message).toContain("TypeError");
  expect(await thread.exit).toBe("exit code 1");
});

test("a worker that cannot bind says why", async () => {
  const thread = start(tableOf(1), upstream.port);
  expect((await thread.says("listen_failed")).message).toContain(
    `127.0.0.1:${upstream.port} is in use`,
  );
});

test("a burst of failures in a rollout is reported out of turn, other failures are not", async () => {
  const config = valid(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { only: { url: "${upstream.url}", ejection: { consecutive: 1000 } } }
routes: [ { match: "GET /canary", experiment: e }, { match: "/**", upstream: only } ]
experiments:
  e:
    variants: { old: { upstream: only, control: true }, new: { upstream: only } }
    rollout: { steps: [ { share: 50% } ] }
`);
  upstream.respond((_, outgoing) => {
    outgoing.statusCode = 500;
    outgoing.end();
  });
  const thread = start({ version: 1, config, epochs: { e: 1 } });
  const { port } = await thread.says("listening");
  const fail = async (path: string) => {
    const sent = Array.from({ length: 5 }, (_, user) =>
      request(`http://127.0.0.1:${port}${path}`, { headers: { "x-user-id": `u${user}` } }),
    );
    for (const { body } of await Promise.all(sent)) await body.dump();
  };
  const urgent = () =>
    thread.said.filter((message) => message.kind === "snapshot" && message.isUrgent).length;
  const snapshots = () => thread.said.filter(({ kind }) => kind === "snapshot").length;
  await fail("/other");
  const before = snapshots();
  await expect.poll(() => snapshots() - before).toBeGreaterThan(0);
  expect(urgent()).toBe(0);
  await fail("/canary");
  await expect.poll(urgent).toBe(1);
});
