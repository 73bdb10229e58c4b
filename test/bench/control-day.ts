import { createFakeTime } from "../support/fake-time.ts";
import { createSharedHub } from "../support/shared-hub.ts";
import { scaleOfTests } from "../sim/replicas/scale.ts";
import { createSimReplica, pass } from "../sim/replicas/world.ts";

/**
 * `npm run soak:control`: a day of three replicas' control planes in some minutes, with a climb, a leader that is cut off and a
 * rollback every hour. The heap after the second hour may grow by a tenth until the end; exit 1 when it grew more.
 */
const hours = Number(process.argv[2] ?? 24);
const growthMax = 0.1;
const hourMs = 3_600_000;
const { gc } = globalThis;
if (gc === undefined || !(hours > 2)) {
  console.error("usage: node --expose-gc test/bench/control-day.ts [HOURS above 2]");
  process.exit(2);
}

const time = createFakeTime();
const hub = createSharedHub(time);
const replicas = ["r0", "r1", "r2"].map((instance) =>
  createSimReplica(time, hub.open(instance), instance, scaleOfTests.config),
);
let user = 0;
const traffic = () => {
  for (const replica of replicas) {
    user += 1;
    replica.serve(`u${user % scaleOfTests.users}`, () => false);
  }
};
const run = (ms: number) => pass(time, ms, traffic, 500);
const heapMb = () => {
  gc();
  return process.memoryUsage().heapUsed / 1024 / 1024;
};

let before = Number.NaN;
await run(3000);
for (let hour = 1; hour <= hours; hour += 1) {
  const first = replicas[hour % 3];
  first?.rollouts.command("e", hour === 1 ? "start" : "retry", "soak");
  await run(hourMs / 2);
  const leader = hub.leader() ?? "";
  hub.cut(leader);
  await run(60_000);
  hub.mend(leader);
  await run(hourMs / 2 - 60_000);
  first?.rollouts.command("e", "rollback", "soak");
  await run(1000);
  if (hour === 2) before = heapMb();
  for (const { logs } of replicas) logs.length = 0;
}
const after = heapMb();
const growth = after / before - 1;
const parts = replicas.map(({ replica }) => replica.view().exchange);
console.log(
  JSON.stringify({
    hours,
    heapMbAfterTwoHours: Math.round(before * 10) / 10,
    heapMbAtTheEnd: Math.round(after * 10) / 10,
    growth: Math.round(growth * 1000) / 1000,
    journal: hub.journal.length,
    dropped: parts.reduce((sum, { dropped }) => sum + dropped, 0),
    shares: replicas.map((each) => each.routed().share),
  }),
);
process.exitCode = growth <= growthMax ? 0 : 1;
