import type { SeriesDelta } from "../../../src/core/telemetry/snapshot.ts";
import { outcomes, type Outcome } from "../../../src/core/traffic/outcome.ts";
import type { ComparedPair } from "../../../src/wire/messages.ts";
import type { TestPlane } from "../../support/plane.ts";

/** What a plane counted since the start, by variant; copies apart, as `VARIANT copies`. */
export type Measured = {
  readonly outcomes: Partial<Record<Outcome, number>>;
  readonly failures: Readonly<Record<string, number>>;
  /** Number of values, and their sum. */
  readonly metrics: Readonly<Record<string, { readonly n: number; readonly sum: number }>>;
};

export class Measuring {
  readonly pairs: ComparedPair[] = [];
  readonly #plane: TestPlane;
  readonly #deltas: SeriesDelta[] = [];

  constructor(plane: TestPlane) {
    this.#plane = plane;
  }

  collect(): void {
    const { telemetry, pairs } = this.#plane.plane.snapshot();
    this.#deltas.push(...telemetry.series);
    this.pairs.push(...pairs);
  }

  of(name: string): Measured {
    this.collect();
    const found: Record<string, number> = {};
    const failures: Record<string, number> = {};
    const metrics: Record<string, { n: number; sum: number }> = {};
    for (const delta of this.#deltas) {
      const { variant, shadow } = delta.key;
      if (`${variant}${shadow ? " copies" : ""}` !== name) continue;
      for (const [at, outcome] of outcomes.entries()) {
        const count = delta.outcomes[at] as number;
        if (count > 0) found[outcome] = (found[outcome] ?? 0) + count;
      }
      for (const [reason, count] of Object.entries(delta.failures)) {
        failures[reason] = (failures[reason] ?? 0) + count;
      }
      for (const [metric, packed] of Object.entries(delta.metrics)) {
        const sums = (metrics[metric] ??= { n: 0, sum: 0 });
        for (let at = 0; at < packed.length; at += 5) {
          sums.n += packed[at + 1] as number;
          sums.sum += packed[at + 2] as number;
        }
      }
    }
    return { outcomes: found, failures, metrics };
  }
}
