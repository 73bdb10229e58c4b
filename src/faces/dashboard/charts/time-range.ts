import type { TimeRange } from "./chart-model.ts";

/** Which stretch of time a page shows: the last so-long, kept up to date, or a fixed one. */
export type RangeChoice =
  | { readonly kind: "last"; readonly spanMs: number }
  /** Everything that is kept. */
  | { readonly kind: "all" }
  | { readonly kind: "fixed"; readonly range: TimeRange };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const defaultSpanMs = 15 * minuteMs;

/** What the picker offers, by what the address says. */
export const lastSpans: Readonly<Record<string, number>> = {
  "1m": minuteMs,
  "5m": 5 * minuteMs,
  "15m": defaultSpanMs,
  "1h": hourMs,
  "6h": 6 * hourMs,
  "24h": dayMs,
  "7d": 7 * dayMs,
};

/** More than any retention: how far back the question for everything reaches. */
const everMs = 400 * dayMs;
const spanMsMin = 10_000;

export function parseRange(query: URLSearchParams): RangeChoice {
  const named = query.get("range") ?? "";
  if (named === "all") return { kind: "all" };
  const [from = "", to = ""] = named.split("_");
  const fromMs = Date.parse(from);
  const toMs = Date.parse(to);
  if (toMs - fromMs >= spanMsMin) return { kind: "fixed", range: { fromMs, toMs } };
  const spanMs = lastSpans[named] ?? defaultSpanMs;
  return { kind: "last", spanMs };
}

/** As the address says it; null for what it need not say. */
export function printRange(choice: RangeChoice): string | null {
  switch (choice.kind) {
    case "all":
      return "all";
    case "fixed": {
      const { fromMs, toMs } = choice.range;
      return `${new Date(fromMs).toISOString()}_${new Date(toMs).toISOString()}`;
    }
    case "last": {
      const name = Object.keys(lastSpans).find((key) => lastSpans[key] === choice.spanMs);
      return name === undefined || choice.spanMs === defaultSpanMs ? null : name;
    }
  }
}

/** The stretch as it is at `nowMs`; where everything is asked for, far longer than anything is kept. */
export function rangeAt(choice: RangeChoice, nowMs: number): TimeRange {
  if (choice.kind === "fixed") return choice.range;
  const spanMs = choice.kind === "all" ? everMs : choice.spanMs;
  return { fromMs: nowMs - spanMs, toMs: nowMs };
}
