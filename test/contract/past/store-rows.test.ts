import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HeldHistory } from "../../../src/control/history-writer.ts";
import { readRows, seriesOf } from "../../../src/control/past/store-rows.ts";
import { createTurns } from "../../../src/control/past/turns.ts";
import { migrations } from "../../../src/control/store/migrations.ts";
import { historyResolutionsMs, type Store } from "../../../src/control/store/store.ts";
import { sumOf } from "../../../src/core/telemetry/merge.ts";
import { seriesText } from "../../../src/core/telemetry/series-text.ts";
import { keyOf } from "../../core/telemetry/exchanges.ts";
import { openStore, storePath, valueOf } from "../../support/store.ts";
import { hourMs, rowOf, startMs, totalsOf } from "./rows.ts";

const timers = {
  after: (_delayMs: number, run: () => void) => {
    setImmediate(run);
    return () => undefined;
  },
  every: () => () => undefined,
};

/** Requests of each variant in a range, read by rows of up to `coarsestMs`; `between` happens at every turn. */
async function read(
  store: Store,
  [fromMs, toMs, coarsestMs]: readonly [number, number, number],
  held: readonly HeldHistory[] = [],
  between: () => void = () => undefined,
): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  const turns = createTurns({ monotonicMs: () => 0 }, timers);
  const read = await readRows(
    {
      store,
      writer: { held: () => held },
      turns: {
        isOver: () => true,
        next: async () => {
          between();
          await turns.next();
        },
      },
    },
    {
      experiment: "models",
      series: valueOf(seriesOf(store, "models")),
      range: { fromMs, toMs },
      coarsestMs,
    },
    ({ key, totals }) => {
      sums[key.variant] = (sums[key.variant] ?? 0) + sumOf(totals.outcomes);
    },
  );
  valueOf(read);
  return sums;
}

function rollUpAll(store: Store, nowMs: number): void {
  while (!valueOf(store.rollUp(nowMs)).isDone);
}

const variants = ["full", "compact"] as const;
const written = fc.record({
  variant: fc.constantFrom(...variants),
  epoch: fc.constantFrom(1, 2),
  tens: fc.nat(3 * 360 - 1),
  requests: fc.integer({ min: 1, max: 100 }),
});
type Written = { variant: string; tens: number; requests: number };

function expected(rows: readonly Written[], fromMs: number, toMs: number): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { variant, tens, requests } of rows) {
    const atMs = startMs + tens * 10_000;
    if (atMs >= fromMs && atMs < toMs) sums[variant] = (sums[variant] ?? 0) + requests;
  }
  return sums;
}

describe("rows of the past", () => {
  test("have every request once, whatever is rolled up, held, or rolled up while they are read", async () => {
    const tens = fc.nat(3 * 360);
    const property = fc.asyncProperty(
      fc.array(written, { maxLength: 40 }),
      fc.array(written, { maxLength: 6 }),
      fc.nat(4 * hourMs),
      fc.nat(4 * hourMs),
      tens,
      tens,
      fc.constantFrom(...historyResolutionsMs),
      async (rows, waiting, rolledMs, laterMs, one, other, coarsestMs) => {
        const store = openStore(":memory:");
        const half = rows.slice(rows.length / 2);
        const add = (each: (typeof rows)[number]) =>
          rowOf(startMs + each.tens * 10_000, each.requests, each);
        valueOf(store.addHistory(rows.slice(0, rows.length / 2).map(add)));
        rollUpAll(store, startMs + rolledMs);
        // Latecomers too.
        valueOf(store.addHistory(half.map(add)));
        const held = waiting.map((each) => ({
          series: seriesText(keyOf({ variant: each.variant, epoch: each.epoch })),
          atMs: startMs + each.tens * 10_000,
          totals: totalsOf(each.requests),
        }));
        const fromMs = startMs + Math.min(one, other) * 10_000;
        const toMs = startMs + Math.max(one, other) * 10_000;
        const sums = await read(store, [fromMs, toMs, coarsestMs], held, () => {
          store.rollUp(startMs + laterMs);
        });
        expect(sums).toEqual(expected([...rows, ...waiting], fromMs, toMs));
        store.close();
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test("lose nothing when what is held is written while they are read", async () => {
    const store = openStore(":memory:");
    const rows = [0, 1, 2].map((tens) => rowOf(startMs + tens * 10_000, 1));
    valueOf(store.addHistory(rows.slice(0, 2)));
    const held = [{ series: rows[2]?.series ?? "", atMs: startMs + 20_000, totals: totalsOf(1) }];
    let isWritten = false;
    const sums = await read(store, [startMs, startMs + 60_000, 10_000], held, () => {
      if (!isWritten) valueOf(store.addHistory(rows.slice(2)));
      isWritten = true;
    });
    expect(isWritten).toBe(true);
    expect(sums).toEqual({ full: 3 });
  });

  test("are read by the minute or the hour where finer ones had to go, and nothing is lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(written, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(...historyResolutionsMs),
        async (rows, historyRowsMax, coarsestMs) => {
          const store = openStore(":memory:", { historyRowsMax });
          valueOf(
            store.addHistory(
              rows.map((each) => rowOf(startMs + each.tens * 10_000, each.requests, each)),
            ),
          );
          rollUpAll(store, startMs + 4 * hourMs);
          // Hours themselves may have had to go: then nobody knows.
          if (valueOf(store.historyCuts()).has(hourMs)) return store.close();
          const range = [startMs, startMs + 3 * hourMs] as const;
          expect(await read(store, [...range, coarsestMs])).toEqual(expected(rows, ...range));
          store.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("are of the one experiment, without copies and pinned routes", async () => {
    const store = openStore(":memory:");
    valueOf(
      store.addHistory([
        rowOf(startMs, 1),
        rowOf(startMs, 2, { shadow: true }),
        rowOf(startMs, 4, { experiment: "models2" }),
        rowOf(startMs, 8, { experiment: 'models",' }),
        rowOf(startMs, 16, { experiment: null, variant: null }),
      ]),
    );
    expect(await read(store, [startMs, startMs + 10_000, 10_000])).toEqual({ full: 1 });
    expect(valueOf(seriesOf(store, "nobody"))).toEqual([]);
  });

  test("more rows than a page are all read", async () => {
    const store = openStore(":memory:");
    const rows = Array.from({ length: 1001 }, (_, at) => rowOf(startMs + at * 10_000, 1));
    valueOf(store.addHistory(rows));
    expect(await read(store, [startMs, startMs + 4 * hourMs, 10_000])).toEqual({ full: 1001 });
  });

  test("of a file from before cuts were noted are believed as far as they reach back", () => {
    const path = storePath();
    openStore(path).close();
    const old = new DatabaseSync(path);
    old.exec("DROP TABLE history_cut; DROP TABLE verdict; DROP TABLE guardrail");
    old.exec("INSERT INTO series VALUES (1, 'a')");
    old.exec(`INSERT INTO history (series_id, resolution_ms, at_ms, is_rolled, counts)
      VALUES (1, 60000, 120000, 1, x''), (1, 60000, 180000, 1, x''), (1, 3600000, 0, 1, x'')`);
    old.exec(`PRAGMA user_version = ${migrations.length - 1}`);
    old.close();
    expect(valueOf(openStore(path).historyCuts())).toEqual(
      new Map([
        [10_000, hourMs],
        [60_000, 119_999],
      ]),
    );
  });
});
