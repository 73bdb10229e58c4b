/**
 * Time as an argument. Only `src/main/` builds a real one; tests build a fake.
 */
export type Clock = {
  /** Milliseconds since the epoch, for people and for the journal. */
  wallMs(): number;
  /** Monotonic milliseconds with sub-millisecond digits, for durations and deadlines. */
  monotonicMs(): number;
};

/** Repeating and single timers, so that whoever waits can be tested without waiting. */
export type Timers = {
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` every `periodMs`; the returned function ends it. */
  every(periodMs: number, run: () => void): () => void;
};

/** Chance as an argument. */
export type Random = {
  /** A number in [0, 1). */
  next(): number;
  /** 32 lowercase hexadecimal digits that nobody can guess. */
  hex32(): string;
};
