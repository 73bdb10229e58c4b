import type { Chart } from "./charts/chart.ts";

/** A report as sections of blocks: what is said, before it is HTML, PDF, Markdown or JSON. */
export type ReportDocument = {
  readonly title: string;
  /** What was compared, and when. */
  readonly subtitle: string;
  readonly generated_at: string;
  /** Of Sluice. */
  readonly version: string;
  readonly verdict: {
    readonly outcome: ReportOutcome;
    readonly tone: Tone;
    /** One or two words. */
    readonly label: string;
    /** One sentence. */
    readonly headline: string;
  };
  readonly sections: readonly Section[];
};

/** What a report comes to. */
export type ReportOutcome =
  | "treatment_wins"
  | "control_wins"
  | "no_difference"
  | "keep_running"
  | "invalid"
  | "rolled_back"
  | "promoted"
  | "climbing"
  | "not_started"
  | "variant_silent"
  | "empty";

/** `caution` asks for attention, `bad` for action. */
export type Tone = "good" | "bad" | "caution" | "neutral";

export type Section = {
  /** Stable: for links, bookmarks and programs. */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
};

export type Block =
  | { readonly kind: "paragraph"; readonly text: string }
  | {
      readonly kind: "terms";
      readonly items: readonly { readonly term: string; readonly text: string }[];
    }
  | { readonly kind: "key_numbers"; readonly items: readonly KeyNumber[] }
  | { readonly kind: "note"; readonly tone: Tone; readonly title: string; readonly text: string }
  /** Written by a language model; its numbers were found among the report's. */
  | {
      readonly kind: "narrative";
      readonly title: string;
      readonly model: string;
      readonly paragraphs: readonly string[];
      /** What it is, and what it is not. */
      readonly mark: string;
    }
  | { readonly kind: "advice"; readonly items: readonly Advice[] }
  | Table
  | Figure
  | { readonly kind: "code"; readonly language: string; readonly text: string };

export type KeyNumber = {
  readonly id: string;
  readonly label: string;
  /** As it is shown; a dash where there is none. */
  readonly text: string;
  /** As it was measured; null where it was not. */
  readonly value: number | null;
  /** What it is to be held against, in a few words. */
  readonly note: string;
  readonly tone: Tone;
};

/** What to do, with what speaks for it. */
export type Advice = {
  /** Stable, for programs. */
  readonly rule: string;
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
  readonly evidence: readonly { readonly label: string; readonly text: string }[];
};

export type Table = {
  readonly kind: "table";
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
};

export type Column = { readonly name: string; readonly format: Format };

/**
 * How a number is shown. `share`: 0.05 is 5 %; `change`: the same with a sign; `points`: a difference of shares;
 * `ms`, `ms_change`, `seconds`; `number`, `number_change`: three digits; `count`: all of them; `p`: a p-value.
 */
export type NumberFormat =
  | "share"
  | "change"
  | "points"
  | "ms"
  | "ms_change"
  | "seconds"
  | "number"
  | "number_change"
  | "count"
  | "p";

export type Format = NumberFormat | "text" | "time" | "code";

/** A value in the column's format, or one that brings its own; a pair is an interval. */
export type Cell =
  | string
  | number
  | null
  | { readonly value: number | readonly [number, number] | null; readonly format: NumberFormat }
  | { readonly text: string; readonly tone: Tone };

export type Figure = {
  readonly kind: "figure";
  readonly id: string;
  readonly caption: string;
  /** What there is to be seen, in words. */
  readonly description: string;
  readonly chart: Chart;
  /** The same in numbers, where no other table has them. */
  readonly table: Table | null;
};
