import type { EndpointState, FromWorker, WorkerCounters } from "../wire/messages.ts";
import type { WorkerSource } from "./worker-slot.ts";

export type WorkerSnapshot = Extract<FromWorker, { kind: "snapshot" }>;

/** An endpoint over all workers; the counts are since the start. */
export type EndpointView = Omit<EndpointState, "ejected"> & {
  /** Workers that leave it out at present. */
  readonly ejectedBy: number;
};

/** Endpoints whose counts are kept after a reload removed them; the first removed go first. */
export const endpointsMax = 1024;

type Worker = {
  /** The last value of each running count, by name. */
  readonly last: Map<string, number>;
  counters: WorkerCounters;
  endpoints: readonly EndpointState[];
  seriesCount: number;
};

/**
 * Counts that each worker keeps since its own start, joined into counts since Sluice's start: what is added
 * is the growth since the worker's last report. A count that fell was started anew (an endpoint that came
 * back after a reload), so all of it is growth.
 */
export class WorkerCounts {
  readonly #workers = new Map<string, Worker>();
  readonly #sums = new Map<string, number>();
  readonly #cpuUs = new Map<number, number>();
  readonly #endpointSums = new Map<string, { connectFailures: number; ejections: number }>();
  readonly #byReason = {
    refused: new Map<string, number>(),
    uninspected: new Map<string, number>(),
    uninspectedOf: new Map<string, number>(),
    copiesSkipped: new Map<string, number>(),
  };

  add(source: WorkerSource, { counters, endpoints, telemetry, cpuUs }: WorkerSnapshot): void {
    const last = this.#workers.get(nameOf(source))?.last ?? new Map<string, number>();
    const grown = (name: string, value: number) => {
      const before = last.get(name) ?? 0;
      last.set(name, value);
      return value >= before ? value - before : value;
    };
    for (const name of runningCounts) increase(this.#sums, name, grown(name, counters[name]));
    increase(this.#sums, "overflowed", grown("overflowed", telemetry.overflowed));
    increase(this.#cpuUs, source.index, grown("cpu", cpuUs));
    for (const kind of reasonCounts) {
      for (const [reason, count] of Object.entries(counters[kind])) {
        increase(this.#byReason[kind], reason, grown(`${kind} ${reason}`, count));
      }
    }
    for (const endpoint of endpoints) {
      const name = nameOfEndpoint(endpoint);
      const sums = this.#endpointSumsOf(name);
      sums.connectFailures += grown(`connectFailures ${name}`, endpoint.connectFailures);
      sums.ejections += grown(`ejections ${name}`, endpoint.ejections);
    }
    const { seriesCount } = telemetry;
    this.#workers.set(nameOf(source), { last, counters, endpoints, seriesCount });
  }

  workerGone(source: WorkerSource): void {
    this.#workers.delete(nameOf(source));
  }

  counters(): WorkerCounters {
    const sum = (name: RunningCount) => this.#sums.get(name) ?? 0;
    const live = [...this.#workers.values()];
    return {
      connectionsAccepted: sum("connectionsAccepted"),
      connectionsOpen: sumBy(live, ({ counters }) => counters.connectionsOpen),
      refused: Object.fromEntries(this.#byReason.refused),
      requestsRead: sum("requestsRead"),
      exchangesInFlight: sumBy(live, ({ counters }) => counters.exchangesInFlight),
      retries: sum("retries"),
      retriesDenied: sum("retriesDenied"),
      upgrades: sum("upgrades"),
      faults: sum("faults"),
      accessRecordsDropped: sum("accessRecordsDropped"),
      uninspected: Object.fromEntries(this.#byReason.uninspected),
      uninspectedOf: Object.fromEntries(this.#byReason.uninspectedOf),
      metricsRefused: sum("metricsRefused"),
      copiesSkipped: Object.fromEntries(this.#byReason.copiesSkipped),
      spansDropped: sum("spansDropped"),
    };
  }

  /** Those that any running worker has. */
  endpoints(): EndpointView[] {
    const views = new Map<string, EndpointView>();
    for (const { endpoints } of this.#workers.values()) {
      for (const state of endpoints) {
        const name = nameOfEndpoint(state);
        const view = views.get(name);
        const { connectFailures = 0, ejections = 0 } = this.#endpointSums.get(name) ?? {};
        views.set(name, {
          upstream: state.upstream,
          origin: state.origin,
          ejectedBy: (view?.ejectedBy ?? 0) + (state.ejected ? 1 : 0),
          connectionsOpen: (view?.connectionsOpen ?? 0) + state.connectionsOpen,
          exchangesInFlight: (view?.exchangesInFlight ?? 0) + state.exchangesInFlight,
          pending: (view?.pending ?? 0) + state.pending,
          connectFailures,
          ejections,
        });
      }
    }
    return [...views.values()];
  }

  cpuSeconds(): ReadonlyMap<number, number> {
    return new Map(Array.from(this.#cpuUs, ([index, us]) => [index, us / 1e6]));
  }

  series(): { held: number; overflowed: number } {
    const held = sumBy([...this.#workers.values()], ({ seriesCount }) => seriesCount);
    return { held, overflowed: this.#sums.get("overflowed") ?? 0 };
  }

  #endpointSumsOf(name: string): { connectFailures: number; ejections: number } {
    const existing = this.#endpointSums.get(name);
    if (existing !== undefined) return existing;
    if (this.#endpointSums.size >= endpointsMax) this.#forgetRemovedEndpoint();
    const created = { connectFailures: 0, ejections: 0 };
    this.#endpointSums.set(name, created);
    return created;
  }

  #forgetRemovedEndpoint(): void {
    const present = new Set(this.endpoints().map(nameOfEndpoint));
    for (const name of this.#endpointSums.keys()) {
      if (present.has(name)) continue;
      this.#endpointSums.delete(name);
      return;
    }
  }
}

const runningCounts = [
  "connectionsAccepted",
  "requestsRead",
  "retries",
  "retriesDenied",
  "upgrades",
  "faults",
  "accessRecordsDropped",
  "metricsRefused",
  "spansDropped",
] as const satisfies (keyof WorkerCounters)[];

/** Counts by reason, and one by experiment. */
const reasonCounts = ["refused", "uninspected", "uninspectedOf", "copiesSkipped"] as const;

type RunningCount = (typeof runningCounts)[number];

/** Names one thread, as opposed to its place among the workers. */
export function nameOf({ index, incarnation }: WorkerSource): string {
  return `${index} ${incarnation}`;
}

function nameOfEndpoint({ upstream, origin }: Pick<EndpointState, "upstream" | "origin">): string {
  return `${upstream} ${origin}`;
}

function increase<Key>(sums: Map<Key, number>, key: Key, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}

function sumBy<Item>(items: readonly Item[], valueOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
