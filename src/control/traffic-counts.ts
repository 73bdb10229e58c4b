import { createBuckets, mergeBuckets, type BucketCounts } from "../core/telemetry/buckets.ts";
import {
  createBucketExemplars,
  keepExemplar,
  type BucketExemplars,
  type Exemplar,
} from "../core/telemetry/exemplar.ts";
import { metricsPerSeriesMax } from "../core/telemetry/recorder.ts";
import { addNumbers } from "../core/telemetry/merge.ts";
import type { SeriesDelta, SeriesKey } from "../core/telemetry/snapshot.ts";
import { outcomes } from "../core/traffic/outcome.ts";

/** Label sets (experiment × variant × route) kept since the start; later ones share `_overflow`. */
export const labelSetsMax = 4096;
/** Method × status pairs of one label set; later ones count as method `_OTHER`, status 0. */
export const cellsMax = 256;
/** Metrics of one label set: all that one configuration can declare, and those of another before it. */
const metricsMax = 2 * metricsPerSeriesMax;

export type TrafficCell = {
  readonly method: string;
  /** 0 when the client got no status. */
  readonly status: number;
  readonly server: BucketCounts;
  readonly client: BucketCounts;
  /** Traced exchanges that stand for their buckets; null before the first. */
  exemplars: { readonly server: BucketExemplars; readonly client: BucketExemplars } | null;
};

/** Exchanges of one label set since the start. Names are "" on a pinned route. */
export type Traffic = {
  readonly experiment: string;
  readonly variant: string;
  readonly route: string;
  /** In the order of `outcomes`. */
  readonly outcomes: number[];
  readonly cells: Map<string, TrafficCell>;
  /** Values of each metric, those of copies included. */
  readonly metrics: Map<string, { count: number; sum: number }>;
  /** Why answers were bad ones. */
  readonly failures: Map<string, number>;
  /** Copies that nobody was answered with, in the order of `outcomes`. */
  readonly copies: number[];
};

/** Counts that only ever rise, by the labels of the exposition: no epochs, no upstreams. */
export class TrafficCounts {
  readonly #byLabels = new Map<string, Traffic>();

  add(delta: SeriesDelta): void {
    const traffic = this.of(delta.key);
    addMetrics(traffic, delta);
    if (delta.key.shadow) {
      addNumbers(traffic.copies, delta.outcomes);
      return;
    }
    for (const [reason, count] of Object.entries(delta.failures)) {
      traffic.failures.set(reason, (traffic.failures.get(reason) ?? 0) + count);
    }
    addNumbers(traffic.outcomes, delta.outcomes);
    for (const { method, status, server, client, exemplar } of delta.statuses) {
      const cell = cellOf(traffic.cells, method, status);
      mergeBuckets(cell.server, server);
      mergeBuckets(cell.client, client);
      if (exemplar !== null) noteExemplar(cell, exemplar);
    }
  }

  of({ experiment, variant, route }: SeriesKey): Traffic {
    const labels = JSON.stringify([experiment, variant, route]);
    const existing = this.#byLabels.get(labels);
    if (existing !== undefined) return existing;
    if (this.#byLabels.size >= labelSetsMax - 1 && labels !== overflowLabels) {
      return this.of(overflowKey);
    }
    const created: Traffic = {
      experiment: experiment ?? "",
      variant: variant ?? "",
      route,
      outcomes: outcomes.map(() => 0),
      cells: new Map(),
      metrics: new Map(),
      failures: new Map(),
      copies: outcomes.map(() => 0),
    };
    this.#byLabels.set(labels, created);
    return created;
  }

  all(): Iterable<Traffic> {
    return this.#byLabels.values();
  }
}

/** The same labels as of the recorder's overflow: to whoever looks, both say that there was no room. */
const overflowKey: SeriesKey = {
  experiment: null,
  variant: null,
  upstream: null,
  route: "_overflow",
  epoch: 0,
  randomised: false,
  shadow: false,
};
const overflowLabels = JSON.stringify([null, null, overflowKey.route]);

function addMetrics({ metrics }: Traffic, delta: SeriesDelta): void {
  for (const [name, packed] of Object.entries(delta.metrics)) {
    let sums = metrics.get(name);
    if (sums === undefined) {
      if (metrics.size >= metricsMax) continue;
      sums = { count: 0, sum: 0 };
      metrics.set(name, sums);
    }
    for (let at = 0; at < packed.length; at += 5) {
      sums.count += packed[at + 1] as number;
      sums.sum += packed[at + 2] as number;
    }
  }
}

function noteExemplar(cell: TrafficCell, { traceId, serverUs, clientUs, wallMs }: Exemplar): void {
  cell.exemplars ??= { server: createBucketExemplars(), client: createBucketExemplars() };
  keepExemplar(cell.exemplars.server, { traceId, valueUs: serverUs, wallMs });
  keepExemplar(cell.exemplars.client, { traceId, valueUs: clientUs, wallMs });
}

function cellOf(cells: Traffic["cells"], method: string, status: number): TrafficCell {
  const name = `${method} ${status}`;
  const existing = cells.get(name);
  if (existing !== undefined) return existing;
  if (cells.size >= cellsMax - 1 && name !== "_OTHER 0") return cellOf(cells, "_OTHER", 0);
  const buckets = { server: createBuckets(), client: createBuckets() };
  const created: TrafficCell = { method, status, ...buckets, exemplars: null };
  cells.set(name, created);
  return created;
}
