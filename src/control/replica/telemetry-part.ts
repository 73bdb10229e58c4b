import { deflateRawSync, inflateRawSync } from "node:zlib";
import { deserialize, serialize } from "node:v8";
import { z } from "zod";
import { err, ok, type Result } from "../../base/result.ts";
import type { SeriesDelta } from "../../core/telemetry/snapshot.ts";

/** What a worker of a replica measured. */
export type WorkerSeries = { readonly worker: string; readonly series: readonly SeriesDelta[] };

/** Rises with every change of what is in a part: replicas of other versions pass over what they do not know. */
const format = 1;
/** Bytes that a part may have when it is unpacked. */
const unpackedMax = 64 * 1024 * 1024;

const distinct = z
  .union([
    z.object({ kind: z.literal("exact"), added: z.instanceof(Uint32Array) }),
    z.object({ kind: z.literal("sketch"), registers: z.instanceof(Uint8Array) }),
  ])
  .nullable();
const count = z.number().min(0);
const series = z.object({
  key: z.object({
    experiment: z.string().nullable(),
    variant: z.string().nullable(),
    upstream: z.string().nullable(),
    route: z.string(),
    epoch: z.int().min(0),
    randomised: z.boolean(),
    shadow: z.boolean(),
  }),
  outcomes: z.array(count),
  statuses: z.array(z.never()),
  bytesIn: count,
  bytesOut: count,
  retries: count,
  inFlight: z.object({ count, oldestMs: count, olderThan: z.array(count) }),
  analysed: count,
  analysedOutcomes: z.array(count),
  duration: z.instanceof(Int32Array),
  firstByte: z.instanceof(Int32Array),
  clusters: z.instanceof(Float64Array),
  users: distinct,
  failingUsers: distinct,
  slowUsers: z.array(distinct),
  metrics: z.record(z.string(), z.instanceof(Float64Array)),
  failures: z.record(z.string(), count),
});
const part = z.object({
  format: z.literal(format),
  workers: z.array(z.object({ worker: z.string(), series: z.array(series) })),
});

/** Packs telemetry for other replicas. What only this replica exposes (counts by status) is left out. */
export function packTelemetry(workers: readonly WorkerSeries[]): Uint8Array {
  const plain = workers.map((each) => ({
    worker: each.worker,
    series: each.series.map((delta) => ({ ...delta, statuses: [] })),
  }));
  return deflateRawSync(serialize({ format, workers: plain }), { level: 1 });
}

/** What another replica packed; an error for what cannot be read, or is of another version. */
export function unpackTelemetry(body: Uint8Array): Result<readonly WorkerSeries[], string> {
  let value: unknown;
  try {
    value = deserialize(inflateRawSync(body, { maxOutputLength: unpackedMax }));
  } catch (error) {
    return err(`not readable (${(error as Error).message})`);
  }
  const read = part.safeParse(value);
  return read.success ? ok(read.data.workers) : err("of another version of Sluice");
}
