import { createInterface } from "node:readline";
import { openPostgresStore } from "../../src/control/store/postgres/postgres-store.ts";
import { spawnStoreThread } from "../../src/main/store-thread.ts";
import { realClock, realTimers } from "../../src/main/system.ts";

/** A process with a store of its own, that does what the lines of its input say and prints what came of each. */
const [url, name] = process.argv.slice(2) as [string, string];
const store = openPostgresStore(
  url,
  { instance: `${name}-${process.pid}`, deadlineMs: 15_000 },
  { clock: realClock, timers: realTimers, spawn: spawnStoreThread },
);
const report = {
  instance: store.instance,
  name,
  version: "1",
  startedMs: 1,
  adminUrl: null,
  configHash: "same",
};

for await (const line of createInterface(process.stdin)) {
  const [word, number] = line.split(" ") as [string, string];
  process.stdout.write(`${JSON.stringify(await perform(word, Number(number)))}\n`);
}
store.close();

async function perform(word: string, number: number): Promise<unknown> {
  if (word === "lead") {
    const standing = await store.heartbeat(report, true);
    return standing.ok ? standing.value.epoch : standing.error.code;
  }
  const entry = {
    atMs: 1,
    actor: name,
    scope: "rollout",
    subject: "models",
    kind: "counted",
  } as const;
  if (word === "decide") {
    const appended = store.append([{ ...entry, facts: null }], [], number);
    return appended.ok ? "ok" : appended.error.code;
  }
  let counted = 0;
  while (counted < number) {
    const known = store.states("rollout");
    if (!known.ok) throw new Error(known.error.message);
    const [{ state, version } = { state: 0, version: 0 }] = known.value;
    const next = (state as number) + 1;
    const { scope, subject } = entry;
    const appended = store.append(
      [{ ...entry, facts: next }],
      [{ scope, subject, state: next, expected: version }],
    );
    if (appended.ok) counted += 1;
    else if (appended.error.code !== "conflict") throw new Error(appended.error.message);
  }
  return counted;
}
