import type { NumberFormat, Tone } from "../document.ts";

/** Charts as data; svg.ts draws them. Times are milliseconds since 1970. */
export type Chart = TimeSeriesChart | DistributionChart | IntervalChart | StepsChart;

/** Something that happened. */
export type ChartMark = { readonly at_ms: number; readonly label: string; readonly tone: Tone };

/** Null: nothing was measured, so that the line has a gap. */
export type ChartPoint = readonly [atMs: number, value: number | null];

export type ChartSeries = {
  readonly name: string;
  /** 0 is the control; the same variant has the same colour everywhere. */
  readonly colour: number;
  readonly points: readonly ChartPoint[];
};

export type TimeSeriesChart = {
  readonly kind: "time_series";
  readonly format: NumberFormat;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly series: readonly ChartSeries[];
  /** A dashed line that may move: a guardrail's limit. */
  readonly limit: { readonly name: string; readonly points: readonly ChartPoint[] } | null;
  /** An area around a line: its interval. */
  readonly area: {
    readonly name: string;
    readonly colour: number;
    readonly points: readonly (readonly [atMs: number, low: number | null, high: number | null])[];
  } | null;
  /** Stretches with a background. */
  readonly bands: readonly {
    readonly from_ms: number;
    readonly to_ms: number;
    readonly label: string;
    readonly tone: Tone;
  }[];
  readonly marks: readonly ChartMark[];
};

/** How often which durations were; the axis is logarithmic. */
export type DistributionChart = {
  readonly kind: "distribution";
  /** Upper ends of the buckets, rising. */
  readonly bounds: readonly number[];
  readonly format: NumberFormat;
  readonly series: readonly {
    readonly name: string;
    readonly colour: number;
    /** Of each bucket, of all that were measured. */
    readonly shares: readonly number[];
    /** Quantiles to mark. */
    readonly marks: readonly { readonly label: string; readonly value: number }[];
  }[];
};

/** A forest plot: estimates with their intervals, one row each. */
export type IntervalChart = {
  readonly kind: "interval";
  readonly format: NumberFormat;
  /** Around 0: changes too small to count; null without one. */
  readonly region: number | null;
  readonly rows: readonly {
    readonly label: string;
    readonly detail: string;
    readonly tone: Tone;
    readonly estimate: number;
    /** For one look. */
    readonly interval: readonly [number, number] | null;
    /** Holds at every look. */
    readonly sequential: readonly [number, number] | null;
  }[];
};

/** Shares over time, each standing until the next. */
export type StepsChart = {
  readonly kind: "steps";
  readonly from_ms: number;
  readonly to_ms: number;
  readonly series: readonly {
    readonly name: string;
    readonly colour: number;
    readonly steps: readonly (readonly [atMs: number, share: number])[];
  }[];
  readonly marks: readonly ChartMark[];
};
