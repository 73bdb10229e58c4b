import { z } from "zod";

/** `/v1/system`: the process itself; and `/v1/session`: who is asking. */

const count = z.int().min(0);

export const systemSchema = z.object({
  host: z.string(),
  pid: count,
  version: z.string(),
  node_version: z.string(),
  cpu_cores: z.number().min(0).describe("In use, of all threads, over the last second or so"),
  memory_bytes: count.describe("Resident"),
  heap_bytes: count.describe("Used, of the main thread"),
  event_loop_delay_ms: z
    .object({ p50: z.number(), p99: z.number(), max: z.number() })
    .describe("Of the main thread, over the last second or so; traffic does not wait for it"),
  connections: count.describe("Of clients, open now"),
  in_flight: count,
  requests_per_second: z.number().min(0),
  store: z
    .object({
      kind: z.enum(["sqlite", "postgres"]),
      up: z.boolean(),
      fault: z.string().nullable(),
      rows_waiting: count.describe("Of history, not yet written"),
      rows_dropped: count,
    })
    .nullable()
    .describe("null without one"),
});

export const sessionSchema = z.object({
  role: z.enum(["operator", "viewer"]).describe("A viewer sees everything and can change nothing"),
  authentication: z.enum(["none", "token"]).describe("none: loopback without a token"),
  version: z.string(),
});

export type SystemStatus = z.output<typeof systemSchema>;
export type Session = z.output<typeof sessionSchema>;
