import { z } from "zod";
import { actorSchema } from "./actor.ts";
import { alertKinds, alertSeverities } from "../core/alerting/policy.ts";

/** `/v1/alerts`: what is wrong, who has seen it, and who is not to be told. */

const count = z.int().min(0);
const kind = z.enum(alertKinds);

const alertSchema = z.object({
  alert: z.string().describe("Kind, experiment and subject"),
  status: z.enum(["pending", "firing", "resolved"]),
  kind,
  severity: z.enum(alertSeverities),
  experiment: z.string().nullable(),
  subject: z.string().nullable().describe("The variant, upstream or guardrail"),
  summary: z.string(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  started_at: z.iso.datetime().nullable().describe("null while it is pending"),
  ended_at: z.iso.datetime().nullable(),
  acknowledged_by: z.string().nullable(),
});

const silenceSchema = z.object({
  silence: z.string(),
  kind: kind.nullable().describe("null matches all"),
  experiment: z.string().nullable(),
  subject: z.string().nullable(),
  until: z.iso.datetime(),
  actor: z.string(),
  reason: z.string().nullable(),
});

const channelSchema = z.object({
  name: z.string(),
  kind: z.enum(["webhook", "jsonl", "log"]),
  target: z.string(),
  queued: count,
  sent: count,
  failed: count.describe("Attempts"),
  dropped: count.describe("Notices given up"),
  last_error: z.string().nullable(),
  last_sent_at: z.iso.datetime().nullable(),
});

export const alertsSchema = z.object({
  alerts: z.array(alertSchema).describe("Pending and firing"),
  resolved: z.array(alertSchema).describe("The last ones, oldest first"),
  silences: z.array(silenceSchema),
  channels: z.array(channelSchema),
  without_room: count.describe("Alerts that there was no room for, since the start"),
});

export const alertCommandSchema = z
  .discriminatedUnion("command", [
    z.strictObject({
      command: z.literal("acknowledge"),
      alert: z.string().max(1000),
      actor: actorSchema,
    }),
    z.strictObject({
      command: z.literal("silence"),
      kind: kind.optional(),
      experiment: z.string().max(128).optional(),
      subject: z.string().max(128).optional(),
      for_seconds: z
        .number()
        .positive()
        .max(30 * 86_400),
      reason: z.string().max(1000).optional().describe("For those who wonder why it is quiet"),
      actor: actorSchema,
    }),
    z.strictObject({
      command: z.literal("unsilence"),
      silence: z.string().max(100),
      actor: actorSchema,
    }),
  ])
  .describe("What is to be done about alerts");

export type AlertsStatus = z.output<typeof alertsSchema>;
export type AlertCommandBody = z.output<typeof alertCommandSchema>;
