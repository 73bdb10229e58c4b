import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stackLines } from "../../src/faces/dashboard/charts/chart-model.ts";
import { thinOut } from "../../src/faces/dashboard/charts/thinning.ts";

describe("lines on top of each other", () => {
  it("count what is missing as nothing, and have a gap where all is missing", () => {
    const line = (key: string, values: (number | null)[]) => ({ key, label: key, look: 0, values });
    const lines = [line("a", [0.4, null, null]), line("b", [0.6, 1, null])];
    expect(stackLines(lines)).toEqual([
      [0.4, 0, null],
      [1, 1, null],
    ]);
  });
});

describe("thinning", () => {
  it("leaves alone what is short enough", () => {
    const atMs = [1, 2, 3, 4];
    const columns = [[1, null, 3, 4]];
    expect(thinOut(atMs, columns, 2)).toEqual({ atMs, columns, origin: [0, 1, 2, 3] });
  });

  it("keeps least and most of each piece in their order, and gaps", () => {
    const atMs = [0, 10, 20, 30, 40, 50, 60, 70];
    const {
      atMs: kept,
      columns,
      origin,
    } = thinOut(
      atMs,
      [
        [1, 9, 5, 5, 8, 2, 3, 4],
        [null, null, null, null, 1, null, null, 7],
      ],
      2,
    );
    expect(kept).toEqual([0, 20, 40, 60]);
    expect(origin).toEqual([0, 2, 4, 6]);
    expect(columns).toEqual([
      [1, 9, 8, 2],
      [null, null, 1, 7],
    ]);
  });

  it("loses no peak, and draws at most two points a piece", () => {
    const value = fc.option(fc.integer({ min: -1000, max: 1000 }), { nil: null });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 2, maxLength: 500 }),
        fc.integer({ min: 1, max: 60 }),
        (values, pieces) => {
          const atMs = values.map((_, at) => 1_700_000_000_000 + at * 1000);
          const thinned = thinOut(atMs, [values], pieces);
          const known = (all: readonly (number | null)[]) => all.filter((one) => one !== null);
          const [column = []] = thinned.columns;
          expect(Math.max(...known(column))).toBe(Math.max(...known(values)));
          expect(Math.min(...known(column))).toBe(Math.min(...known(values)));
          expect(column.length).toBe(thinned.atMs.length);
          expect(thinned.origin.map((at) => atMs[at])).toEqual(thinned.atMs);
          if (values.length > pieces * 2)
            expect(column.length).toBeLessThanOrEqual((pieces + 2) * 2);
        },
      ),
    );
  });
});
