import type { Clock, Timers } from "../../base/clock.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { PrometheusClient } from "./query.ts";

/** A query that is asked again and again. */
export type PrometheusQuery = {
  /** Unique among the poller's queries. */
  readonly name: string;
  readonly expression: string;
  /** From one due time to the next: at least a second, up to a day; {@link pollerLimits.everyMsDefault} without. */
  readonly everyMs?: number;
};

/** What is known of a query now. */
export type Measurement =
  | {
      readonly kind: "value";
      readonly value: number;
      /** Since it was asked for, milliseconds. */
      readonly ageMs: number;
      /** Values measured so far, this one included. */
      readonly n: number;
      /** Rises with every value and with every error, so that a reader counts each of them once. */
      readonly serial: number;
    }
  | {
      readonly kind: "error";
      /** Errors since the last value. */
      readonly consecutive: number;
      readonly reason: string;
      readonly serial: number;
    }
  /** Neither an answer nor an error yet, or no query of that name. */
  | { readonly kind: "none" };

export type PolledQuery = {
  readonly name: string;
  /** Requests sent. */
  readonly asked: number;
  readonly values: number;
  readonly errors: number;
  /** Due times that passed without a request, because the one before was still under way. */
  readonly skipped: number;
  readonly latest: Measurement;
};

/** Asks each query at its due times, which no answer shifts, and one request at a time. */
export type PrometheusPoller = {
  latest(name: string): Measurement;
  /** In the order of the queries. */
  state(): readonly PolledQuery[];
  /** Ends every request under way and asks no more; resolves when their connections are closed. */
  stop(): Promise<void>;
};

export type PrometheusPollerDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly client: PrometheusClient;
};

export const pollerLimits = {
  queriesMax: 50,
  everyMsDefault: 10_000,
  everyMsMin: 1000,
  everyMsMax: 86_400_000,
  /** After an error the query is asked again within this time, however long its interval is. */
  retryMs: 10_000,
  /** A value older than this many intervals tells nothing of now: it counts as an error. */
  intervalsMax: 3,
} as const;

/** Asks every query at once, then at its due times. Throws a RangeError for queries beyond {@link pollerLimits}. */
export function createPrometheusPoller(
  queries: readonly PrometheusQuery[],
  dependencies: PrometheusPollerDependencies,
): PrometheusPoller {
  checkQueries(queries);
  const polls = new Map(queries.map((query) => [query.name, new QueryPoll(query, dependencies)]));
  return {
    latest: (name) => polls.get(name)?.latest() ?? { kind: "none" },
    state: () => Array.from(polls.values(), (poll) => poll.state()),
    async stop() {
      await Promise.all(Array.from(polls.values(), (poll) => poll.stop()));
    },
  };
}

function checkQueries(queries: readonly PrometheusQuery[]): void {
  const { queriesMax, everyMsMin, everyMsMax } = pollerLimits;
  if (queries.length > queriesMax) {
    throw new RangeError(`${queries.length} queries: one poller asks at most ${queriesMax}`);
  }
  const names = new Set<string>();
  for (const { name, everyMs = everyMsMin } of queries) {
    if (names.has(name)) throw new RangeError(`two queries are named ${name}`);
    names.add(name);
    if (!(everyMs >= everyMsMin && everyMs <= everyMsMax)) {
      throw new RangeError(
        `${name} is to be asked every ${everyMs} ms: at least ${everyMsMin}, at most ${everyMsMax}`,
      );
    }
  }
}

/** One query's timers, its request under way, and what came of them. */
class QueryPoll {
  readonly #name: string;
  readonly #expression: string;
  readonly #everyMs: number;
  readonly #dependencies: PrometheusPollerDependencies;
  readonly #startMs: number;
  /** Due times are at `#startMs` plus this many intervals. */
  #intervals = 0;
  #cancelDue: () => void = () => {};
  #cancelRetry: () => void = () => {};
  #underWay: { readonly abort: AbortController; readonly ended: Promise<void> } | null = null;
  #stopped = false;
  #value: { readonly value: number; readonly askedMs: number } | null = null;
  #error: { readonly consecutive: number; readonly reason: string } | null = null;
  #asked = 0;
  #values = 0;
  #errors = 0;
  #skipped = 0;

  constructor(query: PrometheusQuery, dependencies: PrometheusPollerDependencies) {
    this.#name = query.name;
    this.#expression = query.expression;
    this.#everyMs = query.everyMs ?? pollerLimits.everyMsDefault;
    this.#dependencies = dependencies;
    this.#startMs = dependencies.clock.monotonicMs();
    this.#awaitDue();
    this.#ask();
  }

  latest(): Measurement {
    const serial = this.#values + this.#errors;
    if (this.#error !== null) return { kind: "error", ...this.#error, serial };
    if (this.#isStale()) return { kind: "error", consecutive: 1, reason: this.#stale(), serial };
    if (this.#value === null) return { kind: "none" };
    const { value } = this.#value;
    return { kind: "value", value, ageMs: this.#ageMs(), n: this.#values, serial };
  }

  state(): PolledQuery {
    return {
      name: this.#name,
      asked: this.#asked,
      values: this.#values,
      errors: this.#errors,
      skipped: this.#skipped,
      latest: this.latest(),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelDue();
    this.#cancelRetry();
    this.#underWay?.abort.abort();
    await this.#underWay?.ended;
  }

  #nowMs(): number {
    return this.#dependencies.clock.monotonicMs();
  }

  /** Waits for the next due time that has not passed: after a pause of the process only one is made up for. */
  #awaitDue(): void {
    const sinceStartMs = this.#nowMs() - this.#startMs;
    // A timer that fires a little early must not make its own due time the next one.
    this.#intervals = Math.max(this.#intervals, Math.floor(sinceStartMs / this.#everyMs)) + 1;
    const delayMs = this.#intervals * this.#everyMs - sinceStartMs;
    this.#cancelDue = this.#dependencies.timers.after(delayMs, () => {
      this.#awaitDue();
      this.#fallDue();
    });
  }

  #fallDue(): void {
    if (this.#underWay === null) {
      this.#ask();
      return;
    }
    this.#skipped += 1;
    if (this.#isStale()) this.#fail(this.#stale());
  }

  /** A due time that comes before the retry takes its place. */
  #ask(): void {
    this.#cancelRetry();
    this.#asked += 1;
    const abort = new AbortController();
    const askedMs = this.#nowMs();
    const ended = this.#dependencies.client.query(this.#expression, abort.signal).then((result) => {
      this.#underWay = null;
      if (this.#stopped) return;
      if (result.ok) this.#take(result.value.value, askedMs);
      else this.#failAndRetry(result.error.message);
    });
    this.#underWay = { abort, ended };
  }

  #take(value: number, askedMs: number): void {
    this.#value = { value, askedMs };
    if (this.#isStale()) {
      this.#fail(this.#stale());
      return;
    }
    this.#values += 1;
    this.#error = null;
  }

  #failAndRetry(reason: string): void {
    this.#fail(reason);
    this.#cancelRetry = this.#dependencies.timers.after(pollerLimits.retryMs, () => this.#ask());
  }

  #fail(reason: string): void {
    this.#errors += 1;
    this.#error = { consecutive: (this.#error?.consecutive ?? 0) + 1, reason };
  }

  /** Since the last value was asked for; without one, since the first question. */
  #ageMs(): number {
    return this.#nowMs() - (this.#value?.askedMs ?? this.#startMs);
  }

  #isStale(): boolean {
    return this.#ageMs() > pollerLimits.intervalsMax * this.#everyMs;
  }

  #stale(): string {
    const age = formatDurationMs(Math.round(this.#ageMs()));
    const what = this.#value === null ? `no value in ${age}` : `the last value is ${age} old`;
    return `stale: ${what}, and the query is asked every ${formatDurationMs(this.#everyMs)}`;
  }
}
