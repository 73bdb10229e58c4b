import type { StoreFault } from "../store.ts";
import type { Result } from "../../../base/result.ts";
import { err, ok } from "../../../base/result.ts";

/** What is copied from one kind of store to the other, in this order. */
export const copiedTables = ["journal", "state", "history", "history_cut", "verdict"] as const;
export type CopiedTable = (typeof copiedTables)[number];

/** Columns by name, as both kinds of store have them; what they name differently is named as in SQLite. */
export type CopiedRow = Readonly<Record<string, string | number | null | Uint8Array>>;

export type CopySource = {
  /** For people. */
  readonly name: string;
  /** All rows as they were at one moment, in batches; history from the longest stretches to the shortest. */
  rows(table: CopiedTable): AsyncIterable<readonly CopiedRow[]>;
  /** Of history, stretches of a series: replicas' rows of the same are one. */
  count(table: CopiedTable): Promise<number>;
};

/** Takes rows in one transaction. */
export type CopyTarget = Pick<CopySource, "name" | "count"> & {
  add(table: CopiedTable, rows: readonly CopiedRow[]): Promise<void>;
};

export type CopyCounts = Readonly<Record<CopiedTable, number>>;

/**
 * Copies all of a store into an empty one, and counts it there. To be run in a transaction of the target, which is to be
 * undone when it is refused or throws: so a copy that was cut short left nothing, and can be started again.
 */
export async function copyStore(
  source: CopySource,
  target: CopyTarget,
): Promise<Result<CopyCounts, StoreFault>> {
  for (const table of copiedTables) {
    const found = await target.count(table);
    if (found === 0) continue;
    const message = `${target.name} is not empty (${found} rows of ${table}): copy into a store of its own, or remove this one first`;
    return err({ code: "conflict", message });
  }
  const counts: Partial<Record<CopiedTable, number>> = {};
  for (const table of copiedTables) {
    for await (const rows of source.rows(table)) await target.add(table, rows);
    const [wanted, found] = [await source.count(table), await target.count(table)];
    if (wanted !== found) {
      const message = `${target.name} has ${found} rows of ${table} after the copy, ${source.name} has ${wanted}: nothing was kept`;
      return err({ code: "io", message });
    }
    counts[table] = found;
  }
  return ok(counts as CopyCounts);
}
