import type { LiveDocument } from "../../wire/live.ts";

/** What sparklines show: a value a second of what the live document said, for as long as one watches. */

export const sampleEveryMs = 1000;
/** Ten minutes. */
export const samplesMax = 600;
/** Series that are kept; beyond it new ones are not. */
export const seriesMax = 2000;

export type SeriesName = "rate" | "p95" | "value";

export class Samples {
  readonly #series = new Map<string, (number | null)[]>();

  /** A second has passed; null when nothing is known of it, because the document is stale. */
  take(document: LiveDocument | null): void {
    const values = document === null ? new Map<string, number | null>() : valuesOf(document);
    for (const [name, values_] of this.#series) {
      values_.push(values.get(name) ?? null);
      if (values_.length > samplesMax) values_.shift();
      // What is gone from the document is forgotten once nothing of it is left to show.
      if (!values.has(name) && values_.every((value) => value === null)) this.#series.delete(name);
    }
    for (const [name, value] of values) {
      if (this.#series.has(name) || this.#series.size >= seriesMax) continue;
      this.#series.set(name, [value]);
    }
  }

  /** Oldest first, a second apart; empty before the first. */
  of(experiment: string, subject: string, name: SeriesName): readonly (number | null)[] {
    return this.#series.get(nameOf(experiment, subject, name)) ?? [];
  }
}

function valuesOf({ traffic, rollouts }: LiveDocument): Map<string, number | null> {
  const values = new Map<string, number | null>();
  for (const [experiment, { variants }] of Object.entries(traffic)) {
    for (const [variant, { requests_per_second: rate, latency_ms: latency }] of Object.entries(
      variants,
    )) {
      values.set(nameOf(experiment, variant, "rate"), rate);
      values.set(nameOf(experiment, variant, "p95"), latency?.p95 ?? null);
    }
  }
  for (const [experiment, { verdicts }] of Object.entries(rollouts)) {
    for (const { guardrail, value } of verdicts) {
      values.set(nameOf(experiment, guardrail, "value"), value);
    }
  }
  return values;
}

function nameOf(experiment: string, subject: string, name: SeriesName): string {
  return JSON.stringify([experiment, subject, name]);
}
