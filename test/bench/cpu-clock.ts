import { readdirSync, readFileSync } from "node:fs";

/** For people: which clock the CPU figures come from. */
export const cpuClock =
  "sum of /proc/PID/task/*/schedstat (user + system of every thread, nanoseconds, by the scheduler)";

/** CPU microseconds by thread (`PID/TID`) that the threads alive in these processes have used since their start. */
export function threadsCpuUs(pids: readonly number[]): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        const [ran] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ", 1);
        used.set(`${pid}/${task}`, Number(ran) / 1000);
      } catch (error) {
        // The thread ended between the two reads.
        if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
  }
  return used;
}

/** What was used between two readings: by all threads, and by the one that used most. */
export function cpuBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): { totalUs: number; busiestThreadUs: number } {
  const each = [...after].map(([thread, us]) => us - (before.get(thread) ?? 0));
  return { totalUs: each.reduce((sum, us) => sum + us, 0), busiestThreadUs: Math.max(0, ...each) };
}
