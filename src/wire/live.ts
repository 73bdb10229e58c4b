import { z } from "zod";
import type { DocumentPatch, JsonObject } from "../core/telemetry/document-patch.ts";
import { rolloutSchema, statusSchema } from "./admin-api.ts";
import { alertsSchema } from "./alerts-api.ts";
import { experimentLifecycleSchema } from "./experiments-api.ts";
import { systemSchema } from "./system-api.ts";

/**
 * `/v1/live`: one JSON document that a WebSocket keeps up to date.
 *
 * The server sends a snapshot and then a delta for each change, at least one every few seconds; whoever applies
 * each delta to the document before has exactly the server's document. `?stream=ID&after=SEQUENCE` goes on from
 * there with the deltas since, or with a snapshot where that is not possible.
 */

/** The subprotocol of these frames. */
export const liveProtocol = "sluice.live.v1";
/** Subprotocol through which a browser, which can set no header, sends the token, in base64url. */
export const liveTokenPrefix = "sluice.token.";

export const liveCloseCodes = {
  /** The server ends. */
  goingAway: 1001,
  /** The listener sent a message that is too large. */
  messageTooBig: 1009,
  /** The listener reads too slowly; it may come back. */
  tooSlow: 1013,
  /** The token has changed; come back with the present one. */
  tokenChanged: 4401,
} as const;

const { workers, endpoints, experiments } = statusSchema.shape;
const traffic = experiments.element;

export const liveDocumentSchema = z
  .object({
    status: statusSchema
      .omit({ uptime_seconds: true, workers: true, endpoints: true, experiments: true })
      .describe("As of /v1/status; the time since the start follows from started_at"),
    system: systemSchema.describe("As of /v1/system"),
    workers: z.record(z.string(), workers.element).describe("By index"),
    endpoints: z.record(z.string(), endpoints.element).describe("By upstream and origin"),
    traffic: z
      .record(
        z.string(),
        traffic.extend({
          variants: z.record(z.string(), traffic.shape.variants.element).describe("By key"),
        }),
      )
      .describe("The experiments of /v1/status, by key"),
    experiments: z.record(z.string(), experimentLifecycleSchema).describe("By key"),
    rollouts: z.record(z.string(), rolloutSchema).describe("By experiment"),
    alerts: alertsSchema.extend({
      alerts: z.record(z.string(), alertsSchema.shape.alerts.element).describe("By alert"),
      silences: z.record(z.string(), alertsSchema.shape.silences.element).describe("By silence"),
      channels: z.record(z.string(), alertsSchema.shape.channels.element).describe("By name"),
    }),
  })
  .describe("What /v1/live shows: lists of the other resources as maps, so that changes are small");

/** Values are JSON without a further look, because frames are JSON. */
const members = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

export const livePatchSchema: z.ZodType<DocumentPatch> = z
  .object({
    set: members.optional().describe("Members that are new or became something else"),
    remove: z.array(z.string()).optional().describe("Members that are gone"),
    get within() {
      return z
        .record(z.string(), livePatchSchema)
        .optional()
        .describe("Members that are objects, with what changed inside them");
    },
  })
  .describe("Of an object; a null in it is a value, and an array is replaced whole");

const sequence = z.int().min(0);
const at = z.iso.datetime().describe("When the document was like this");

export const liveFrameSchema = z
  .discriminatedUnion("type", [
    z.object({
      type: z.literal("snapshot"),
      stream: z.string().describe("Differs from start to start of the server"),
      sequence,
      at,
      document: members.describe("A LiveDocument"),
    }),
    z.object({
      type: z.literal("delta"),
      sequence: sequence.describe("One more than that of the frame before"),
      at,
      patch: livePatchSchema,
    }),
  ])
  .describe("A message of /v1/live");

/** The query of the upgrade request. */
export const liveQuerySchema = z.object({
  stream: z.string().max(100).optional(),
  after: z
    .string()
    .regex(/^\d{1,15}$/, "expected a sequence number")
    .transform(Number)
    .optional(),
});

export type LiveDocument = z.output<typeof liveDocumentSchema>;
export type LiveFrame = z.output<typeof liveFrameSchema>;
