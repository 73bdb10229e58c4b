import type { Cell, Column, Table } from "../document.ts";

/** Columns that several tables share. */

export const latencyColumns: readonly Column[] = (["p50", "p95", "p99"] as const).map((name) => ({
  name,
  format: "ms",
}));

type Latency = { readonly p50: number; readonly p95: number; readonly p99: number } | null;

export function latencyCells(latency: Latency): readonly Cell[] {
  return [latency?.p50 ?? null, latency?.p95 ?? null, latency?.p99 ?? null];
}

export type Mean = {
  /** Of what. */
  readonly what: string;
  readonly variant: string;
  readonly mean: number;
  readonly format: "ms" | "ms_change" | "number";
  /** Over how many. */
  readonly count: number;
};

/** Means by variant, and over how many; null without any. `names` are those of the first and the last column. */
export function meansTable(
  id: string,
  caption: string,
  names: readonly [string, string],
  means: readonly Mean[],
): Table | null {
  if (means.length === 0) return null;
  return {
    kind: "table",
    id,
    caption,
    columns: [
      { name: names[0], format: "text" },
      { name: "Variant", format: "text" },
      { name: "Mean", format: "number" },
      { name: names[1], format: "count" },
    ],
    rows: means.map(({ what, variant, mean, format, count }) => [
      what,
      variant,
      { value: mean, format },
      count,
    ]),
  };
}
