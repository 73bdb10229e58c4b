import { createBuckets, mergeBuckets, type BucketCounts } from "../core/telemetry/buckets.ts";
import { addNumbers } from "../core/telemetry/merge.ts";
import type { SeriesDelta, SeriesKey } from "../core/telemetry/snapshot.ts";
import { outcomes } from "../core/traffic/outcome.ts";

/** Label sets (experiment × variant × route) kept since the start; later ones share `_overflow`. */
export const labelSetsMax = 4096;
/** Method × status pairs of one label set; later ones count as method `_OTHER`, status 0. */
export const cellsMax = 256;

export type TrafficCell = {
  readonly method: string;
  /** 0 when the client got no status. */
  readonly status: number;
  readonly server: BucketCounts;
  readonly client: BucketCounts;
};

/** Exchanges of one label set since the start. Names are "" on a pinned route. */
export type Traffic = {
  readonly experiment: string;
  readonly variant: string;
  readonly route: string;
  /** In the order of `outcomes`. */
  readonly outcomes: number[];
  readonly cells: Map<string, TrafficCell>;
};

/** Counts that only ever rise, by the labels of the exposition: no epochs, no upstreams. */
export class TrafficCounts {
  readonly #byLabels = new Map<string, Traffic>();

  add(delta: SeriesDelta): void {
    const traffic = this.of(delta.key);
    addNumbers(traffic.outcomes, delta.outcomes);
    for (const { method, status, server, client } of delta.statuses) {
      const cell = cellOf(traffic.cells, method, status);
      mergeBuckets(cell.server, server);
      mergeBuckets(cell.client, client);
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
};
const overflowLabels = JSON.stringify([null, null, overflowKey.route]);

function cellOf(cells: Traffic["cells"], method: string, status: number): TrafficCell {
  const name = `${method} ${status}`;
  const existing = cells.get(name);
  if (existing !== undefined) return existing;
  if (cells.size >= cellsMax - 1 && name !== "_OTHER 0") return cellOf(cells, "_OTHER", 0);
  const created = { method, status, server: createBuckets(), client: createBuckets() };
  cells.set(name, created);
  return created;
}
