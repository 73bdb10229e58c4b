import { keptAtMostMs, rollUpLimits, sumCounts, type HistoryOptions } from "../history.ts";
import {
  historyResolutionsMs,
  type HistoryResolutionMs,
  type HistoryRow,
  type RollUp,
} from "../store.ts";
import { inTransaction, type Session } from "./connection.ts";
import { Refusal } from "./fault.ts";
import { lockClass, locks } from "./schema.ts";

const [finestMs, minuteMs, hourMs] = historyResolutionsMs;
const { mergedMax, deletedMax } = rollUpLimits;
/** Others add and delete rows as well: how many roll-ups the count of this process is believed for. */
const countedEvery = 20;

/** Whose rows those are that a roll-up made. */
export const nobody = "";

type Row = {
  readonly seriesId: number;
  readonly resolutionMs: number;
  readonly atMs: number;
  readonly counts: Uint8Array;
};

/** Writes history, as `HistoryTables` does in SQLite; see the schema for what is different. */
export class HistoryTables {
  readonly #options: HistoryOptions;
  /** Rows there are, as far as this process knows; null before it has counted. */
  #rows: number | null = null;
  #rollUps = 0;
  #unreadable = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Adds rows up with those of the same instance; nothing, when the batch was added before. */
  async add(
    session: Session,
    rows: readonly HistoryRow[],
    instance: string,
    batch: number | null,
  ): Promise<void> {
    if (rows.length === 0) return;
    await inTransaction(session, async () => {
      if (batch !== null && !(await isNewBatch(session, instance, batch))) return;
      const ids = await idsOf(session, [...new Set(rows.map(({ series }) => series))]);
      const added = rows.map(({ series, resolutionMs, atMs, counts }) => {
        const startMs = Math.floor(atMs / resolutionMs) * resolutionMs;
        return { seriesId: ids.get(series) as number, resolutionMs, atMs: startMs, counts };
      });
      await this.#put(session, added, instance);
    });
  }

  /** Two at a time would make two rows of the same hour: one waits. */
  async rollUp(session: Session, nowMs: number): Promise<RollUp> {
    if (this.#rows === null || this.#rollUps % countedEvery === 0) {
      this.#rows = await countRows(session);
    }
    this.#rollUps += 1;
    const { merged, deleted } = await inTransaction(session, async () => {
      await session.run("SELECT pg_advisory_xact_lock($1, $2)", [lockClass, locks.rollUp]);
      const minutes = await this.#mergeInto(session, minuteMs, nowMs, mergedMax);
      const hours = await this.#mergeInto(session, hourMs, nowMs, mergedMax - minutes);
      return { merged: minutes + hours, deleted: await this.#delete(session, nowMs) };
    });
    if (deleted > 0) await deleteUnused(session);
    return {
      merged,
      deleted,
      unreadable: this.#unreadable,
      rows: this.#rows,
      isDone: merged < mergedMax && deleted < deletedMax,
    };
  }

  async #mergeInto(
    session: Session,
    intoMs: HistoryResolutionMs,
    nowMs: number,
    limit: number,
  ): Promise<number> {
    // Stretches that began before this are over, and the longer ones they belong to as well.
    const overMs = Math.floor(nowMs / intoMs) * intoMs;
    const rows = await session.rows<{
      id: number;
      seriesId: number;
      atMs: number;
      counts: Uint8Array;
    }>(
      `SELECT id, series_id AS "seriesId", at_ms AS "atMs", counts FROM history
       WHERE resolution_ms = $1 AND at_ms < $2 AND NOT is_rolled
       ORDER BY at_ms LIMIT $3 FOR UPDATE`,
      [intoMs === hourMs ? minuteMs : finestMs, overMs, limit],
    );
    if (rows.length === 0) return 0;
    const longer = rows.map(({ seriesId, atMs, counts }) => {
      return {
        seriesId,
        resolutionMs: intoMs,
        atMs: Math.floor(atMs / intoMs) * intoMs,
        counts,
      };
    });
    await this.#put(session, longer, nobody);
    await session.run("UPDATE history SET is_rolled = true WHERE id = ANY($1::bigint[])", [
      rows.map(({ id }) => id),
    ]);
    return rows.length;
  }

  /** Adds rows to those of an instance that are not yet part of longer stretches. */
  async #put(session: Session, added: readonly Row[], instance: string): Promise<void> {
    const rows = sumRows(
      added,
      (row) => `${row.seriesId} ${row.resolutionMs} ${row.atMs}`,
      () => {
        this.#unreadable += 1;
      },
    );
    const keys = [
      rows.map(({ seriesId }) => seriesId),
      rows.map(({ resolutionMs }) => resolutionMs),
      rows.map(({ atMs }) => atMs),
      instance,
    ];
    const found = await session.rows<{ place: number; counts: Uint8Array }>(
      `SELECT given.place, counts
       FROM unnest($1::bigint[], $2::integer[], $3::bigint[])
         WITH ORDINALITY AS given (series_id, resolution_ms, at_ms, place)
       JOIN history USING (series_id, resolution_ms, at_ms)
       WHERE instance = $4 AND NOT is_rolled
       FOR UPDATE OF history`,
      keys,
    );
    const before = new Map(found.map(({ place, counts }) => [place - 1, counts]));
    const counts = rows.map((row, at) => {
      const known = before.get(at);
      return known === undefined ? row.counts : this.#sum(known, row.counts);
    });
    await session.run(
      `INSERT INTO history (series_id, resolution_ms, at_ms, instance, is_rolled, counts)
       SELECT series_id, resolution_ms, at_ms, $4, false, counts
       FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $5::bytea[])
         AS given (series_id, resolution_ms, at_ms, counts)
       ON CONFLICT (series_id, resolution_ms, at_ms, instance) WHERE NOT is_rolled
         DO UPDATE SET counts = excluded.counts`,
      [...keys, counts],
    );
    if (this.#rows !== null) this.#rows += rows.length - found.length;
  }

  /** Rows that are not yet part of a longer stretch stay until they are; hours are part of none. */
  async #delete(session: Session, nowMs: number): Promise<number> {
    let deleted = 0;
    for (const resolutionMs of historyResolutionsMs) {
      const keptMs = Math.min(keptAtMostMs[resolutionMs], this.#options.historyRetentionMs);
      const selection = `${deletable} AND resolution_ms = $2 AND at_ms <= $3 ORDER BY at_ms`;
      const values = [deletedMax - deleted, resolutionMs, nowMs - keptMs - resolutionMs];
      deleted += await deleteRows(session, selection, values);
    }
    let rows = (this.#rows ?? 0) - deleted;
    const { historyRowsMax } = this.#options;
    if (rows > historyRowsMax) rows = await countRows(session);
    if (rows > historyRowsMax) {
      const limit = Math.min(rows - historyRowsMax, deletedMax - deleted);
      const selection = `${deletable} ORDER BY resolution_ms, at_ms`;
      const surplus = await deleteRows(session, selection, [limit]);
      rows -= surplus;
      deleted += surplus;
    }
    this.#rows = rows;
    return deleted;
  }

  #sum(left: Uint8Array, right: Uint8Array): Uint8Array {
    return sumCounts(left, right, () => (this.#unreadable += 1));
  }
}

const deletable = `(is_rolled OR resolution_ms = ${hourMs})`;

/** Rows of the same key as one, in the order of the first of each. */
export function sumRows<Each extends { readonly counts: Uint8Array }>(
  rows: readonly Each[],
  keyOf: (row: Each) => string,
  onUnreadable: () => void = () => {},
): Each[] {
  const sums = new Map<string, Each>();
  for (const row of rows) {
    const key = keyOf(row);
    const sum = sums.get(key);
    const counts = sum === undefined ? row.counts : sumCounts(sum.counts, row.counts, onUnreadable);
    sums.set(key, { ...(sum ?? row), counts });
  }
  return [...sums.values()];
}

/** Batches of an instance rise; one that is there was answered too late, and is tried again. */
async function isNewBatch(session: Session, instance: string, batch: number): Promise<boolean> {
  const noted = await session.run(
    `INSERT INTO history_batch AS last (instance, batch) VALUES ($1, $2)
     ON CONFLICT (instance) DO UPDATE SET batch = excluded.batch, added_at = clock_timestamp()
       WHERE last.batch < excluded.batch`,
    [instance, batch],
  );
  return noted > 0;
}

/** Locked, so that nobody deletes a series that seems unused. */
async function idsOf(
  session: Session,
  keys: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  await session.run(
    `INSERT INTO series (key) SELECT key FROM unnest($1::text[]) AS given (key)
     WHERE NOT EXISTS (SELECT 1 FROM series WHERE series.key = given.key)
     ORDER BY key ON CONFLICT DO NOTHING`,
    [keys],
  );
  const rows = await session.rows<{ id: number; key: string }>(
    "SELECT id, key FROM series WHERE key = ANY($1::text[]) FOR KEY SHARE",
    [keys],
  );
  if (rows.length < keys.length) {
    const message = "another process deleted a series just now: try again";
    throw new Refusal({ code: "locked", message });
  }
  return new Map(rows.map(({ key, id }) => [key, id]));
}

/** Remembers up to when rows are gone; how many they are. The first value is the limit. */
async function deleteRows(
  session: Session,
  selection: string,
  values: readonly number[],
): Promise<number> {
  const [gone] = await session.rows<{ deleted: number }>(
    `WITH gone AS (
       DELETE FROM history WHERE id IN (SELECT id FROM history WHERE ${selection} LIMIT $1)
       RETURNING resolution_ms, at_ms),
     cut AS (
       INSERT INTO history_cut AS known (resolution_ms, until_ms)
       SELECT resolution_ms, max(at_ms) FROM gone GROUP BY resolution_ms
       ON CONFLICT (resolution_ms) DO UPDATE
         SET until_ms = greatest(known.until_ms, excluded.until_ms))
     SELECT count(*) AS deleted FROM gone`,
    values,
  );
  return gone?.deleted ?? 0;
}

/** Somebody may just be adding to a series: it stays then, and goes with the next turn. */
async function deleteUnused(session: Session): Promise<void> {
  try {
    await session.run(
      `DELETE FROM series WHERE id IN (
         SELECT id FROM series
         WHERE NOT EXISTS (SELECT 1 FROM history WHERE series_id = series.id)
         FOR UPDATE SKIP LOCKED)`,
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== foreignKeyViolation) throw error;
  }
}

const foreignKeyViolation = "23503";

async function countRows(session: Session): Promise<number> {
  const [row] = await session.rows<{ rows: number }>("SELECT count(*) AS rows FROM history");
  return row?.rows ?? 0;
}
