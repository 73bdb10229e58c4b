import { expect, test } from "vitest";
import { routingAckMsMax } from "../../../src/control/supervisor.ts";
import { restartLimits } from "../../../src/control/worker-slot.ts";
import { configOf, createFakes, settle, startFakes } from "./fake-threads.ts";

const confirm = (version: number) => ({ kind: "routing_applied", version }) as const;

test("the first worker chooses the port, the others bind it, then the start is over", async () => {
  const { supervisor, threads, thread } = createFakes(3);
  const started = supervisor.start();
  expect(threads.map(({ options }) => options.port)).toEqual([0]);
  expect(supervisor.state().ready).toBe(false);
  thread(0).listen(4711);
  await settle();
  expect(threads.map(({ options }) => options.port)).toEqual([0, 4711, 4711]);
  thread(1).listen(4711);
  thread(2).listen(4711);
  expect(await started).toEqual({ ok: true, value: 4711 });
  expect(supervisor.state()).toMatchObject({ ready: true, port: 4711, restarts: 0 });
});

test("a first worker that cannot bind ends the start with its reason, and no thread is left", async () => {
  const { supervisor, threads, thread, time } = createFakes(2);
  const started = supervisor.start();
  thread(0).say({ kind: "listen_failed", message: "127.0.0.1:80 is in use" });
  expect(await started).toEqual({ ok: false, error: "127.0.0.1:80 is in use" });
  expect(threads).toHaveLength(1);
  expect(thread(0).terminated).toBe(true);
  expect(time.pending()).toBe(0);
});

test("a worker that ends or hangs before it listens ends the start", async () => {
  const crashing = createFakes(1);
  const crashed = crashing.supervisor.start();
  crashing.thread(0).exit("out of memory");
  expect(await crashed).toEqual({
    ok: false,
    error: "worker 0 ended before it listened: out of memory",
  });
  const hanging = createFakes(1);
  const hung = hanging.supervisor.start();
  hanging.time.advance(restartLimits.startMsMax);
  expect((await hung).ok).toBe(false);
  expect(hanging.threads).toHaveLength(1);
});

test("a crashed worker is replaced at once and counted; the replacement knows what it missed", async () => {
  const { supervisor, threads, thread } = await startFakes(2);
  const health = [{ upstream: "a", origin: "http://localhost:1001", healthy: false }];
  supervisor.setHealth(health);
  thread(1).exit();
  expect(threads).toHaveLength(3);
  expect(thread(2).options).toMatchObject({ index: 1, port: 4000, health });
  expect(supervisor.state()).toMatchObject({
    restarts: 1,
    ready: true,
    workers: [
      { index: 0, phase: "listening", restarts: 0 },
      { index: 1, phase: "starting", restarts: 1 },
    ],
  });
});

test("a worker that keeps crashing is replaced ever more slowly, up to the limit", async () => {
  const { threads, thread, time } = await startFakes(1);
  thread(0).exit();
  const delaysMs: number[] = [];
  for (let at = 1; at <= 9; at += 1) {
    thread(at).exit();
    let waitedMs = 0;
    for (; threads.length === at + 1; waitedMs += 50) time.advance(50);
    delaysMs.push(waitedMs);
  }
  expect(delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

test("a thread that the system does not give counts as a crash, and is asked for again", async () => {
  const { supervisor, threads, thread, time, system, logs } = await startFakes(2);
  system.hasThreads = false;
  thread(0).exit();
  await settle();
  time.advance(restartLimits.backoffMsMin);
  await settle();
  expect(logs.at(-1)).toMatchObject({
    message: "worker lost",
    facts: { worker: 0, reason: "Error: no thread left", delayMs: 200 },
  });
  expect(supervisor.state()).toMatchObject({ ready: true, restarts: 3 });
  system.hasThreads = true;
  time.advance(200);
  expect(threads).toHaveLength(3);
  thread(2).listen();
  expect(supervisor.state().workers[0]).toMatchObject({ phase: "listening", restarts: 3 });
});

test("a first thread that the system does not give ends the start", async () => {
  const { supervisor, system, time } = createFakes(2);
  system.hasThreads = false;
  expect(await supervisor.start()).toEqual({
    ok: false,
    error: "worker 0 ended before it listened: Error: no thread left",
  });
  expect(time.pending()).toBe(0);
});

test("after a stable time a crash is a first one again", async () => {
  const { threads, thread, time } = await startFakes(1);
  thread(0).exit();
  thread(1).listen();
  time.advance(restartLimits.stableMs);
  thread(1).exit();
  expect(threads).toHaveLength(3);
});

test("a failing worker is replaced before it has ended, and what it still measures counts", async () => {
  const { supervisor, threads, thread, snapshots, gone, time } = await startFakes(1);
  thread(0).say({ kind: "failing", message: "a bug" });
  expect(threads).toHaveLength(2);
  thread(0).say({ kind: "snapshot" } as never);
  expect(snapshots).toEqual([{ index: 0, incarnation: 0 }]);
  thread(0).exit();
  expect(gone).toEqual([{ index: 0, incarnation: 0 }]);
  expect(supervisor.state().restarts).toBe(1);
  thread(1).listen();
  thread(1).say({ kind: "failing", message: "a bug" });
  time.advance(restartLimits.failingMsMax - 1);
  expect(thread(1).terminated).toBe(false);
  time.advance(1);
  expect(thread(1).terminated).toBe(true);
});

test("what a former worker says of itself is not taken for its replacement's", async () => {
  const { supervisor, thread } = await startFakes(1, { answerTerminate: false });
  thread(0).say({ kind: "failing", message: "a bug" });
  const applied = supervisor.applyRouting(configOf(1), { e: 2 });
  thread(0).say(confirm(2));
  thread(0).say({ kind: "failing", message: "again" });
  expect(supervisor.state().workers[0]).toMatchObject({ phase: "starting", routingVersion: 1 });
  thread(1).listen();
  thread(1).say(confirm(2));
  expect(await applied).toEqual({ ok: true, value: 2 });
});

test("a routing table counts as applied when every worker has confirmed it", async () => {
  const { supervisor, thread, time } = await startFakes(2);
  const watches = time.pending();
  let done = false;
  const applied = supervisor.applyRouting(configOf(2), { e: 2 }).then((result) => {
    done = true;
    return result;
  });
  expect(thread(0).received.at(-1)).toMatchObject({
    kind: "routing",
    table: { version: 2, epochs: { e: 2 } },
  });
  thread(0).say(confirm(2));
  thread(1).say(confirm(1));
  await settle();
  expect(done).toBe(false);
  thread(1).say(confirm(2));
  expect(await applied).toEqual({ ok: true, value: 2 });
  expect(supervisor.state()).toMatchObject({ routingVersion: 2, restarts: 0 });
  expect(time.pending()).toBe(watches);
});

test("a worker that does not confirm in time is replaced by one that starts with the new table", async () => {
  const { supervisor, thread, threads, time } = await startFakes(2);
  const applied = supervisor.applyRouting(configOf(2), { e: 2 });
  thread(0).say(confirm(2));
  time.advance(routingAckMsMax - 1);
  expect(threads).toHaveLength(2);
  time.advance(1);
  expect(await applied).toEqual({ ok: true, value: 2 });
  expect(thread(1).terminated).toBe(true);
  expect(thread(2).options.table.version).toBe(2);
  expect(supervisor.state().restarts).toBe(1);
});

test("a table that one worker cannot use is taken back everywhere", async () => {
  const { supervisor, thread } = await startFakes(2);
  const applied = supervisor.applyRouting(configOf(2), { e: 2 });
  thread(0).say(confirm(2));
  thread(1).say({ kind: "routing_failed", version: 2, message: "no such upstream" });
  await settle();
  for (const at of [0, 1]) {
    expect(thread(at).received.at(-1)).toMatchObject({
      kind: "routing",
      table: { version: 3, epochs: { e: 1 } },
    });
    thread(at).say(confirm(3));
  }
  expect(await applied).toEqual({ ok: false, error: "no such upstream" });
  expect(supervisor.state()).toMatchObject({ routingVersion: 3, restarts: 0 });
});

test("draining tells every worker at once and ends each when it says so", async () => {
  const { supervisor, threads, thread, time } = await startFakes(2);
  const drained = supervisor.drain(1000);
  expect(threads.map(({ received }) => received.at(-1))).toEqual([
    { kind: "drain", deadlineMs: 1000 },
    { kind: "drain", deadlineMs: 1000 },
  ]);
  expect(supervisor.state().ready).toBe(false);
  thread(0).say({ kind: "drained", aborted: 2 });
  expect(threads.map(({ terminated }) => terminated)).toEqual([true, false]);
  thread(1).say({ kind: "drained", aborted: 1 });
  expect(await drained).toBe(3);
  expect(threads).toHaveLength(2);
  expect(time.pending()).toBe(0);
});

test("a worker that does not answer the drain is ended after the deadline, a crash meanwhile stays one", async () => {
  const { supervisor, threads, thread, time } = await startFakes(2);
  const drained = supervisor.drain(1000);
  thread(0).exit();
  time.advance(1000 + restartLimits.drainAnswerMs - 1);
  expect(thread(1).terminated).toBe(false);
  time.advance(1);
  expect(thread(1).terminated).toBe(true);
  expect(await drained).toBe(0);
  expect(threads).toHaveLength(2);
});

test("a worker that hangs is replaced, one that speaks now and then is not", async () => {
  const { threads, thread, time, logs } = await startFakes(2);
  for (let passed = 0; passed < 60_000; passed += restartLimits.silentMsMax) {
    time.advance(restartLimits.silentMsMax);
    for (const speaking of threads.slice(passed < 30_000 ? 0 : 1)) {
      speaking.say({ kind: "routing_applied", version: 1 });
    }
    if (passed < 40_000) expect(threads).toHaveLength(2);
  }
  expect(threads).toHaveLength(3);
  expect(thread(0).terminated).toBe(true);
  expect(thread(1).terminated).toBe(false);
  expect(logs).toContainEqual(
    expect.objectContaining({
      message: "worker lost",
      facts: expect.objectContaining({ worker: 0, reason: "hung: silent for 10 s" }),
    }),
  );
});

test("stopping ends everything, also what waits for its next start, and may be repeated", async () => {
  const { supervisor, threads, thread, time } = await startFakes(2);
  thread(0).exit();
  thread(2).exit();
  const applied = supervisor.applyRouting(configOf(2), { e: 2 });
  await supervisor.stop();
  await supervisor.stop();
  expect(await applied).toEqual({ ok: false, error: "Sluice is stopping" });
  time.advance(60_000);
  expect(threads).toHaveLength(3);
  expect(time.pending()).toBe(0);
  expect(supervisor.state().workers.map(({ phase }) => phase)).toEqual(["stopped", "stopped"]);
});
