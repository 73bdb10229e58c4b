import { z } from "zod";
import { outcomes } from "../core/traffic/outcome.ts";
import { journalLineSchema } from "./admin-api.ts";

/**
 * `/v1/experiments/{experiment}/history` and `/breakdown`, `/v1/rollouts/{experiment}/verdicts`: what was, over a stretch of
 * time. Columns instead of rows, so that a chart draws them as they come.
 */

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const counts = z.array(count);
/** A value for each stretch; null where nothing was measured. */
const values = z.array(z.number().nullable());

export const historyLimitsOfQuery = { pointsMin: 10, pointsMax: 2000, pointsDefault: 300 } as const;

/** Of all three; `from` is an hour before `to` and `to` is now where they are missing. */
export const historyQuerySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  points: z.coerce
    .number()
    .int()
    .min(historyLimitsOfQuery.pointsMin)
    .max(historyLimitsOfQuery.pointsMax)
    .optional()
    .describe("Stretches at the most"),
});

const range = {
  experiment: z.string(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  source: z
    .enum(["memory", "store"])
    .describe("memory: the last hour at the most, and nothing from before the start"),
};

const at = z.array(z.int()).describe("When each stretch began, milliseconds since 1970, rising");

const marks = z
  .array(journalLineSchema.extend({ scope: z.string() }))
  .describe("The journal's entries in the range, oldest first: splits, commands, breaches, alerts");

const columnsSchema = z.object({
  requests: counts.describe("Finished"),
  failures: counts.describe("Of them, failed for a reason of Sluice's or the upstream's"),
  p50_ms: values,
  p95_ms: values,
  p99_ms: values,
  first_byte_p50_ms: values,
  first_byte_p95_ms: values,
  mean_ms: values,
  tokens_in: values.describe("Sums; null where unknown"),
  tokens_out: values,
});

export const historySchema = z.object({
  ...range,
  step_seconds: z.number().positive().describe("How long each stretch is"),
  at_ms: at.describe("Stretches without anything measured are left out"),
  variants: z.record(z.string(), columnsSchema).describe("By key"),
  marks,
});

const percentilesSchema = z
  .object({
    mean: z.number(),
    p50: z.number(),
    p75: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
    p99_9: z.number(),
    max: z.number(),
  })
  .nullable()
  .describe("Milliseconds; null before the first request");

const routeRowSchema = z.object({
  route: z.string(),
  requests: count,
  success_rate: share.nullable(),
  latency_ms: percentilesSchema,
});

export const breakdownSchema = z.object({
  ...range,
  variants: z.array(
    z.object({
      variant: z.string(),
      control: z.boolean(),
      requests: count,
      outcomes: z.object(
        Object.fromEntries(outcomes.map((outcome) => [outcome, count])) as Record<
          (typeof outcomes)[number],
          typeof count
        >,
      ),
      success_rate: share.nullable(),
      users: count.nullable().describe("Distinct, exact up to a bound; null where unknown"),
      latency_ms: percentilesSchema,
      first_byte_ms: percentilesSchema,
      metrics: z.record(z.string(), z.object({ count, mean: z.number() })),
      failures: z.record(z.string(), count).describe("Why answers counted as bad, by reason"),
      distribution: z
        .object({
          bounds_ms: z
            .array(z.number().positive())
            .describe("Upper ends, rising, the same for all"),
          counts: counts.describe("Of each bucket; as many as bounds"),
        })
        .describe("Of durations, in buckets of equal ratio"),
      routes: z.array(routeRowSchema).describe("Most requests first"),
    }),
  ),
});

export const verdictHistorySchema = z.object({
  ...range,
  step_seconds: z.number().positive(),
  guardrails: z.array(
    z.object({
      guardrail: z.string(),
      unit: z.enum(["share", "ms", "number"]),
      on_breach: z.enum(["rollback", "pause", "alert"]),
      dry_run: z.boolean(),
      at_ms: at,
      verdict: z
        .array(z.enum(["ok", "breach", "wait", "error"]))
        .describe("The gravest of each: breach, else error, else the last"),
      value: values,
      control: values,
      limit: values,
      low: values.describe("95 % interval of value"),
      high: values,
      requests: counts,
      p_value: values,
    }),
  ),
  marks,
});

export type History = z.output<typeof historySchema>;
export type Breakdown = z.output<typeof breakdownSchema>;
export type VerdictHistory = z.output<typeof verdictHistorySchema>;
