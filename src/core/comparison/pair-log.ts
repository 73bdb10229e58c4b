import { pairedLatency, type PairedLatency } from "./paired-latency.ts";

/** Pairs that are kept; the oldest go first. */
export const pairsKeptMax = 2_000;
/** Reasons that are told apart; more are counted as others. */
export const refusalsMax = 16;
const others = "other reasons";

/** The last pairs of answers of one treatment and its control. */
export class PairLog {
  #differencesMs: number[] = [];
  readonly #refusals = new Map<string, number>();
  #latency: PairedLatency | null = null;
  #isStale = false;

  /** `refused` is why something of the answers could not be compared. */
  add(differenceMs: number, refused: string | null): void {
    this.#differencesMs.push(differenceMs);
    // Shifting one by one would move all of them each time.
    if (this.#differencesMs.length >= 2 * pairsKeptMax) {
      this.#differencesMs = this.#differencesMs.slice(-pairsKeptMax);
    }
    this.#isStale = true;
    if (refused === null) return;
    const isKnown = this.#refusals.has(refused) || this.#refusals.size < refusalsMax;
    const reason = isKnown ? refused : others;
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** Of the pairs that are kept; null before the first. */
  get latency(): PairedLatency | null {
    if (this.#isStale) {
      const analysed = pairedLatency(this.#differencesMs.slice(-pairsKeptMax));
      this.#latency = analysed.ok ? analysed.value : null;
      this.#isStale = false;
    }
    return this.#latency;
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }
}
