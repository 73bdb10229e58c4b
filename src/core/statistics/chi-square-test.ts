import { err, ok, type Result } from "../../base/result.ts";
import { chiSquareUpper } from "./distributions/chi-square.ts";
import type { DataFault } from "./fault.ts";

export type ChiSquareTest = {
  readonly statistic: number;
  readonly df: number;
  readonly pValue: number;
};

/** K. Pearson's test of counts against the shares that were planned (any positive scale). */
export function goodnessOfFit(
  observed: readonly number[],
  shares: readonly number[],
): Result<ChiSquareTest, DataFault> {
  if (observed.length !== shares.length || observed.length < 2) {
    throw new RangeError("goodnessOfFit needs as many shares as counts, and at least two");
  }
  const fault = countsFault(observed);
  if (fault !== null) return err(fault);
  if (shares.some((share) => !(share >= 0 && share < Infinity))) {
    return err({
      code: "out_of_range",
      message: `shares must not be negative: ${shares.join(", ")}`,
    });
  }
  const total = sum(observed);
  const scale = sum(shares);
  if (total === 0) return err({ code: "empty", message: "there are no observations" });
  if (scale === 0) return err({ code: "out_of_range", message: "all shares are 0" });
  let statistic = 0;
  let cells = 0;
  for (const [at, count] of observed.entries()) {
    const expected = (total * (shares[at] as number)) / scale;
    if (expected === 0) {
      // Traffic in an arm that was to have none cannot be chance.
      if (count > 0) return ok({ statistic: Infinity, df: observed.length - 1, pValue: 0 });
      continue;
    }
    cells += 1;
    statistic += (count - expected) ** 2 / expected;
  }
  const df = cells - 1;
  if (df === 0) return err({ code: "too_few", message: "only one arm was to have traffic" });
  return ok({ statistic, df, pValue: chiSquareUpper(statistic, df) });
}

/** Pearson's test of independence in a table of counts; `yates` corrects a 2 × 2 table for continuity. */
export function independence(
  table: readonly (readonly number[])[],
  { yates = false }: { readonly yates?: boolean } = {},
): Result<ChiSquareTest, DataFault> {
  const width = table[0]?.length ?? 0;
  if (table.length < 2 || width < 2 || table.some((row) => row.length !== width)) {
    throw new RangeError("independence needs a table of at least 2 × 2 counts");
  }
  const fault = countsFault(table.flat());
  if (fault !== null) return err(fault);
  const rows = table.map(sum);
  const columns = Array.from({ length: width }, (_, at) =>
    sum(table.map((row) => row[at] as number)),
  );
  const total = sum(rows);
  if (rows.includes(0) || columns.includes(0)) {
    return err({ code: "empty", message: "a row or a column of the table is empty" });
  }
  const isCorrected = yates && table.length === 2 && width === 2;
  let statistic = 0;
  for (const [row, counts] of table.entries()) {
    for (const [column, count] of counts.entries()) {
      const expected = ((rows[row] as number) * (columns[column] as number)) / total;
      const distance = Math.abs(count - expected);
      const kept = isCorrected ? distance - Math.min(0.5, distance) : distance;
      statistic += kept ** 2 / expected;
    }
  }
  const df = (table.length - 1) * (width - 1);
  return ok({ statistic, df, pValue: chiSquareUpper(statistic, df) });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function countsFault(counts: readonly number[]): DataFault | null {
  const bad = counts.find((count) => !(count >= 0 && count < Infinity));
  if (bad === undefined) return null;
  return { code: "out_of_range", message: `a count must be a number from 0 on, not ${bad}` };
}
