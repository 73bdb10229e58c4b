import { writeSync } from "node:fs";
import { openSqliteStore } from "../../src/control/store/sqlite-store.ts";

/**
 * A process that appends to the store at argv[2] until argv[3] appends are done, two entries and two states
 * that agree at a time, and prints the sequence number of each as soon as it is acknowledged.
 */
const [path, appendsText, subject] = process.argv.slice(2) as [string, string, string];
print("opening");
const opened = openSqliteStore(path, { busyTimeoutMs: 20_000 });
if (!opened.ok) throw new Error(opened.error.message);
const store = opened.value;
const known = store.states("rollout");
if (!known.ok) throw new Error(known.error.message);
let count = (known.value.find((state) => state.subject === subject)?.state as number) ?? 0;
for (let left = Number(appendsText); left > 0; left -= 1) {
  count += 1;
  const entry = { atMs: count, actor: "child", scope: "rollout", subject } as const;
  const appended = store.append(
    [
      { ...entry, kind: "first", facts: { count } },
      // Some are longer than a page, so that a kill may fall between the pages of one append.
      { ...entry, kind: "second", facts: { count, text: "x".repeat((count % 5) * 3000) } },
    ],
    [
      { scope: "rollout", subject, state: count },
      { scope: "experiment", subject, state: { count, text: "x".repeat((count % 3) * 5000) } },
    ],
  );
  if (!appended.ok) throw new Error(`${appended.error.code}: ${appended.error.message}`);
  print(String(appended.value));
}
store.close();

function print(line: string): void {
  writeSync(1, `${line}\n`);
}
