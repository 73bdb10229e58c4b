import type { History } from "../../../wire/history-api.ts";
import type { TrafficSample } from "../live/recent-traffic.ts";
import type { Values } from "./chart-model.ts";

/** History as charts draw it: rates instead of counts, gaps where nothing was measured, and live points at its end. */

type Column = (number | null)[];

export type VariantColumns = {
  readonly perSecond: Values;
  readonly successRate: Values;
  readonly p50Ms: Values;
  readonly p95Ms: Values;
  readonly p99Ms: Values;
  readonly firstByteP50Ms: Values;
  readonly firstByteP95Ms: Values;
  readonly tokensInPerSecond: Values;
  readonly tokensOutPerSecond: Values;
  /** Of the experiment's requests. */
  readonly share: Values;
};

export type HistoryColumns = {
  readonly atMs: readonly number[];
  readonly variants: Readonly<Record<string, VariantColumns>>;
};

/** Shares are of the requests of this long, at least: of a handful they would be noise. */
const shareMs = 20_000;
/** A part of a stretch that is under way makes a rate once it is this long. */
const partMsMin = 1000;

/**
 * The history with a newer one, of the same steps, put over its end; what began before `fromMs` goes. Null when the two do not
 * fit together and the whole has to be asked for again.
 */
export function mergeTail(history: History, tail: History, fromMs: number): History | null {
  if (tail.step_seconds !== history.step_seconds) return null;
  const tailFromMs = Date.parse(tail.from);
  const lastMs = history.at_ms.at(-1) ?? tailFromMs;
  // Between the two there may be something that neither has.
  if (lastMs < tailFromMs && Date.parse(history.to) < tailFromMs) return null;
  const start = history.at_ms.findIndex((atMs) => atMs >= fromMs);
  const end = history.at_ms.findIndex((atMs) => atMs >= tailFromMs);
  const kept: readonly [number, number] = [
    start < 0 ? history.at_ms.length : start,
    end < 0 ? history.at_ms.length : end,
  ];
  const length = Math.max(0, kept[1] - kept[0]);
  const names = new Set([...Object.keys(history.variants), ...Object.keys(tail.variants)]);
  const variants: History["variants"] = {};
  for (const name of names) {
    variants[name] = joinVariant(
      history.variants[name],
      tail.variants[name],
      kept,
      length,
      tail.at_ms.length,
    );
  }
  const isOld = ({ at }: { readonly at: string }) => {
    const atMs = Date.parse(at);
    return atMs >= fromMs && atMs < tailFromMs;
  };
  return {
    ...tail,
    from: new Date(Math.max(fromMs, Date.parse(history.from))).toISOString(),
    at_ms: [...history.at_ms.slice(...kept), ...tail.at_ms],
    variants,
    marks: [...history.marks.filter(isOld), ...tail.marks],
  };
}

type Counted = History["variants"][string];

function joinVariant(
  before: Counted | undefined,
  after: Counted | undefined,
  kept: readonly [number, number],
  length: number,
  tailLength: number,
): Counted {
  const join = <Key extends keyof Counted>(key: Key): Counted[Key] => {
    const nothing = key === "requests" || key === "failures" ? 0 : null;
    const old = before === undefined ? fill(length, nothing) : before[key].slice(...kept);
    const fresh = after === undefined ? fill(tailLength, nothing) : after[key];
    return [...old, ...fresh] as Counted[Key];
  };
  return {
    requests: join("requests"),
    failures: join("failures"),
    p50_ms: join("p50_ms"),
    p95_ms: join("p95_ms"),
    p99_ms: join("p99_ms"),
    first_byte_p50_ms: join("first_byte_p50_ms"),
    first_byte_p95_ms: join("first_byte_p95_ms"),
    mean_ms: join("mean_ms"),
    tokens_in: join("tokens_in"),
    tokens_out: join("tokens_out"),
  };
}

function fill(length: number, value: number | null): (number | null)[] {
  return Array.from({ length }, () => value);
}

/** What each variant did in each stretch; `nowMs` tells how much of the last one has passed. */
export function columnsOf(history: History, nowMs: number): HistoryColumns {
  const { at_ms: atMs, step_seconds: stepSeconds, variants } = history;
  const stepMs = stepSeconds * 1000;
  const seconds = atMs.map((at) => {
    const passedMs = Math.min(stepMs, nowMs - at);
    return passedMs >= Math.min(stepMs, partMsMin) ? passedMs / 1000 : null;
  });
  const rate = (counts: Values): Column =>
    counts.map((count, at) => {
      const span = seconds[at] ?? null;
      return count === null || span === null ? null : count / span;
    });
  const totals = atMs.map((_, at) =>
    Object.values(variants).reduce((sum, { requests }) => sum + (requests[at] ?? 0), 0),
  );
  const columns = Object.entries(variants).map(([key, counted]): [string, VariantColumns] => [
    key,
    {
      perSecond: rate(counted.requests),
      successRate: counted.requests.map((requests, at) =>
        requests === 0 ? null : 1 - (counted.failures[at] ?? 0) / requests,
      ),
      p50Ms: counted.p50_ms,
      p95Ms: counted.p95_ms,
      p99Ms: counted.p99_ms,
      firstByteP50Ms: counted.first_byte_p50_ms,
      firstByteP95Ms: counted.first_byte_p95_ms,
      tokensInPerSecond: rate(counted.tokens_in),
      tokensOutPerSecond: rate(counted.tokens_out),
      share: shareOf(counted.requests, totals, Math.ceil(shareMs / stepMs)),
    },
  ]);
  return breakGaps({ atMs, variants: Object.fromEntries(columns) }, stepMs);
}

/** Of each stretch and those before it, `width` in all. */
function shareOf(requests: readonly number[], totals: readonly number[], width: number): Column {
  let sum = 0;
  let total = 0;
  return requests.map((count, at) => {
    sum += count - (requests[at - width] ?? 0);
    total += (totals[at] as number) - (totals[at - width] ?? 0);
    return total === 0 ? null : sum / total;
  });
}

/** A point without values after each stretch that has no next one, so that lines do not lead across what nobody measured. */
function breakGaps({ atMs, variants }: HistoryColumns, stepMs: number): HistoryColumns {
  const gaps = atMs.flatMap((at, index) => {
    const next = atMs[index + 1];
    return next !== undefined && next - at > stepMs * 1.5 ? [index] : [];
  });
  if (gaps.length === 0) return { atMs, variants };
  const widen = <Value>(column: readonly Value[], between: (index: number) => Value): Value[] => {
    const wide: Value[] = [];
    let from = 0;
    for (const index of gaps) {
      wide.push(...column.slice(from, index + 1), between(index));
      from = index + 1;
    }
    return [...wide, ...column.slice(from)];
  };
  return {
    atMs: widen(atMs, (index) => (atMs[index] as number) + stepMs),
    variants: mapColumns(variants, (column) => widen(column, () => null)),
  };
}

/**
 * The columns with a point for each sample that the page saw after the last stretch that is told; samples know rates, but no
 * percentiles, which follow with the next history.
 */
export function joinLive(
  history: HistoryColumns,
  samples: Readonly<Record<string, readonly TrafficSample[]>>,
  fromMs: number,
): HistoryColumns {
  const keys = Object.keys(history.variants);
  const fresh = Object.fromEntries(
    keys.map((key) => [key, changesOf(samples[key] ?? []).filter(({ atMs }) => atMs > fromMs)]),
  );
  const atMs = [...new Set(Object.values(fresh).flatMap((all) => all.map((one) => one.atMs)))];
  if (atMs.length === 0) return history;
  atMs.sort((one, other) => one - other);
  const variants = Object.fromEntries(
    Object.entries(history.variants).map(([key, columns]) => {
      const byTime = new Map(fresh[key]?.map((change) => [change.atMs, change]));
      const told = atMs.map((at) => byTime.get(at));
      const nothing = atMs.map(() => null);
      return [
        key,
        {
          ...mapOne(columns, (column) => [...column, ...nothing]),
          perSecond: [...columns.perSecond, ...told.map((one) => one?.perSecond ?? null)],
          successRate: [...columns.successRate, ...told.map((one) => one?.successRate ?? null)],
        },
      ];
    }),
  );
  return { atMs: [...history.atMs, ...atMs], variants };
}

type Change = {
  readonly atMs: number;
  readonly perSecond: number;
  readonly successRate: number | null;
};

/** What happened between one sample and the next; nothing where counts began anew. */
function changesOf(samples: readonly TrafficSample[]): Change[] {
  return samples.flatMap((sample, index) => {
    const before = samples[index - 1];
    if (before === undefined || before.epoch !== sample.epoch) return [];
    const requests = sample.requests - before.requests;
    const failures = sample.failures - before.failures;
    const passedMs = sample.atMs - before.atMs;
    if (requests < 0 || failures < 0 || passedMs <= 0) return [];
    return [
      {
        atMs: sample.atMs,
        perSecond: (requests * 1000) / passedMs,
        successRate: requests === 0 ? null : 1 - failures / requests,
      },
    ];
  });
}

function mapColumns(
  variants: HistoryColumns["variants"],
  map: (column: Values) => Values,
): HistoryColumns["variants"] {
  return Object.fromEntries(
    Object.entries(variants).map(([key, columns]) => [key, mapOne(columns, map)]),
  );
}

function mapOne(columns: VariantColumns, map: (column: Values) => Values): VariantColumns {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, map(column)]),
  ) as VariantColumns;
}
