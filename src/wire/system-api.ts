import { z } from "zod";

/** `/v1/system`: the process itself; and `/v1/session`: who is asking. */

const count = z.int().min(0);

const replicaSchema = z.object({
  instance: z.string(),
  name: z.string(),
  version: z.string(),
  started_at: z.string(),
  admin_url: z.string().nullable(),
  leads: z.boolean(),
  same_configuration: z.boolean().describe("As the one that answers"),
  seen_seconds_ago: count,
});

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
  replica: z
    .object({
      authority: z
        .enum(["lead", "follow", "cut_off"])
        .describe("What this one may decide; cut_off: the store does not answer"),
      instance: z.string(),
      epoch: count.nullable().describe("The fencing epoch while it leads"),
      replicas: z.array(replicaSchema).describe("All that share the store, this one included"),
      telemetry: z.object({
        merges: z
          .boolean()
          .describe("Whether this one shows what all measured; with many, only the leader does"),
        parts_waiting: count.describe("Own parts that the others did not get yet"),
        parts_dropped: count,
        parts_merged: count.describe("Of others"),
        parts_unreadable: count.describe("Of replicas of another version"),
      }),
    })
    .nullable()
    .describe("null where no other replica shares the store"),
});

export const sessionSchema = z.object({
  role: z.enum(["operator", "viewer"]).describe("A viewer sees everything and can change nothing"),
  authentication: z
    .enum(["none", "token", "certificate"])
    .describe("What let this request in; none: loopback without a token"),
  version: z.string(),
});

export type SystemStatus = z.output<typeof systemSchema>;
export type Session = z.output<typeof sessionSchema>;
