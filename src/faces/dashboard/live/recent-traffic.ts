import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { failingOutcomes } from "../../../core/traffic/outcome.ts";
import type { LiveDocument } from "../../../wire/live.ts";

/** What the page itself saw of one variant at one time, as counted since the split began. */
export type TrafficSample = {
  readonly atMs: number;
  /** Differs where counts started anew. */
  readonly epoch: number;
  readonly requests: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly configuredShare: number;
  readonly observedShare: number | null;
};

/** The last minutes of each variant, one sample a second, oldest first. */
export type RecentTraffic = {
  /** Wakes its readers with each new sample. */
  readonly lastMs: ReadonlySignal<number>;
  samples(experiment: string, variant: string): readonly TrafficSample[];
  look(document: LiveDocument, atMs: number): void;
};

const sampleEveryMs = 1000;
/** Ten minutes. */
const samplesMax = 600;

export function createRecentTraffic(): RecentTraffic {
  const lastMs = signal(Number.NEGATIVE_INFINITY);
  let series = new Map<string, Map<string, TrafficSample[]>>();
  return {
    lastMs,
    samples: (experiment, variant) => series.get(experiment)?.get(variant) ?? [],
    look(document, atMs) {
      // The server's clock may be set back.
      const passedMs = atMs - lastMs.peek();
      if (passedMs >= 0 && passedMs < sampleEveryMs) return;
      const next = new Map<string, Map<string, TrafficSample[]>>();
      for (const [experiment, { epoch, variants }] of Object.entries(document.traffic)) {
        const before = series.get(experiment);
        const arms = new Map<string, TrafficSample[]>();
        for (const [key, variant] of Object.entries(variants)) {
          const samples = passedMs < 0 ? [] : (before?.get(key) ?? []);
          samples.push({
            atMs,
            epoch,
            requests: variant.requests,
            failures: failingOutcomes.reduce((sum, outcome) => sum + variant.outcomes[outcome], 0),
            perSecond: variant.requests_per_second,
            configuredShare: variant.configured_share,
            observedShare: variant.observed_share,
          });
          if (samples.length > samplesMax) samples.splice(0, samples.length - samplesMax);
          arms.set(key, samples);
        }
        next.set(experiment, arms);
      }
      // Experiments that are gone go with their samples.
      series = next;
      lastMs.value = atMs;
    },
  };
}
