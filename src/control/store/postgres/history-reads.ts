import {
  historyReadMax,
  historyResolutionsMs,
  type HistoryCuts,
  type HistoryPage,
  type HistoryQuery,
  type HistoryResolutionMs,
  type HistoryRow,
  type KnownSeries,
  type SeriesPage,
  type SeriesQuery,
} from "../store.ts";
import type { Session } from "./connection.ts";
import { sumRows } from "./history.ts";

/** Bytes of one answer, one stretch of time aside, so that it is there within the deadline. */
const pageBytesMax = 2 * 1024 * 1024;

/**
 * Rows of a range, those of all replicas added up. Like each of these reads one statement, and so one moment: no roll-up
 * comes in between.
 */
export async function readHistory(
  session: Session,
  { fromMs, toMs, resolutionMs, series }: HistoryQuery,
): Promise<HistoryPage> {
  const from = `FROM history JOIN series ON series.id = series_id
    WHERE resolution_ms = $1 AND at_ms >= $2 AND at_ms < $3 AND ($4::text IS NULL OR key = $4)`;
  const found = await session.rows<Omit<HistoryRow, "resolutionMs"> & { readonly endMs: number }>(
    `WITH first AS (
       SELECT at_ms, octet_length(counts) AS bytes ${from} ORDER BY at_ms LIMIT ${historyReadMax + 1}),
     placed AS (
       SELECT at_ms, row_number() OVER earlier - 1 AS rows_before,
         sum(bytes) OVER earlier - bytes AS bytes_before
       FROM first
       WINDOW earlier AS (ORDER BY at_ms ROWS UNBOUNDED PRECEDING)),
     page AS MATERIALIZED (
       SELECT greatest(
         -- A stretch with more series than fit comes whole, or reading on would never get past it.
         min(at_ms) + $1::bigint,
         coalesce(
           min(at_ms) FILTER (WHERE rows_before >= ${historyReadMax} OR bytes_before >= ${pageBytesMax}),
           $3)) AS end_ms
       FROM placed)
     SELECT key AS series, at_ms AS "atMs", counts, end_ms AS "endMs"
     FROM page, LATERAL (SELECT key, at_ms, counts ${from} AND at_ms < page.end_ms) AS chosen
     ORDER BY at_ms, key`,
    [resolutionMs, fromMs, toMs, series ?? null],
  );
  const endMs = found[0]?.endMs ?? toMs;
  const rows = found.map(({ series, atMs, counts }) => ({ series, atMs, resolutionMs, counts }));
  return {
    rows: sumRows(rows, (row) => `${row.atMs} ${row.series}`),
    nextFromMs: endMs < toMs ? endMs : null,
  };
}

export async function readCuts(session: Session): Promise<HistoryCuts> {
  const rows = await session.rows<{ resolutionMs: number; untilMs: number }>(
    `SELECT resolution_ms AS "resolutionMs", until_ms AS "untilMs" FROM history_cut`,
  );
  return new Map(rows.map(({ resolutionMs, untilMs }) => [resolutionMs, untilMs]));
}

/** By resolution, so that an index finds it. */
const firsts = historyResolutionsMs.map(
  (resolutionMs) =>
    `(SELECT min(at_ms) FROM history WHERE series_id = series.id AND resolution_ms = ${resolutionMs})`,
);

/** The series whose text begins with `prefix`, by text. */
export async function readSeriesNames(
  session: Session,
  prefix: string,
): Promise<readonly KnownSeries[]> {
  const rows = await session.rows<{ series: string; firstMs: number | null }>(
    `SELECT key AS series, least(${firsts.join(", ")}) AS "firstMs"
     FROM series WHERE key >= $1 AND starts_with(key, $1) ORDER BY key`,
    [prefix],
  );
  return rows.map(({ series, firstMs }) => ({ series, firstMs: firstMs ?? Infinity }));
}

export async function countSeries(
  session: Session,
  { series, fromMs, toMs, resolutionMs }: Omit<SeriesQuery, "limit">,
): Promise<number> {
  const [row] = await session.rows<{ rows: number }>(
    `SELECT count(DISTINCT at_ms) AS rows FROM history
     WHERE series_id = (SELECT id FROM series WHERE key = $1)
       AND resolution_ms = $2 AND at_ms >= $3 AND at_ms < $4`,
    [series, resolutionMs, fromMs, toMs],
  );
  return row?.rows ?? 0;
}

/** As `HistoryReads` has it: the rows of one resolution, and finer ones that are not rolled up yet, are all that there is. */
export async function readSeries(
  session: Session,
  { series, fromMs, toMs, resolutionMs, limit }: SeriesQuery,
): Promise<SeriesPage> {
  const range =
    "series_id = (SELECT id FROM series WHERE key = $1) AND at_ms >= $3::bigint AND at_ms < $4::bigint";
  const found = await session.rows<{
    resolutionMs: HistoryResolutionMs;
    atMs: number;
    counts: Uint8Array;
    endMs: number;
  }>(
    `WITH page AS MATERIALIZED (
       SELECT CASE WHEN count(*) = $5 THEN max(at_ms) + $2::integer ELSE $4 END AS end_ms
       FROM (SELECT DISTINCT at_ms FROM history
             WHERE ${range} AND resolution_ms = $2 ORDER BY at_ms LIMIT $5) AS times)
     SELECT resolution_ms AS "resolutionMs", at_ms AS "atMs", counts, end_ms AS "endMs"
     FROM page, LATERAL (
       SELECT resolution_ms, at_ms, counts FROM history
       WHERE ${range} AND resolution_ms = $2 AND at_ms < page.end_ms
       UNION ALL
       SELECT resolution_ms, at_ms, counts FROM history
       WHERE ${range} AND resolution_ms < $2 AND NOT is_rolled AND at_ms < page.end_ms) AS chosen
     ORDER BY resolution_ms = $2 DESC, resolution_ms, at_ms`,
    [series, resolutionMs, fromMs, toMs, limit],
  );
  const endMs = found[0]?.endMs ?? toMs;
  const rows = found.map((row) => {
    return { series, atMs: row.atMs, resolutionMs: row.resolutionMs, counts: row.counts };
  });
  return {
    rows: sumRows(rows, (row) => `${row.resolutionMs} ${row.atMs}`),
    nextFromMs: endMs < toMs ? endMs : null,
  };
}
