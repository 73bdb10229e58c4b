import { z } from "zod";

/** `/v1/experiments/{experiment}/comparison`: variants beside each other in the present epoch, with what that proves. */

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const interval = z.tuple([z.number(), z.number()]).nullable();

const sampleSchema = z.object({
  variant: z.string(),
  value: z.number().nullable().describe("null before there is one"),
  users: count.describe("Distinct and enrolled"),
  requests: count.describe("Theirs"),
});

const treatmentSchema = sampleSchema.extend({
  change: z
    .object({ absolute: z.number(), relative: z.number().nullable() })
    .nullable()
    .describe("Treatment minus control; relative to the control's value where that is above 0"),
  interval: interval.describe("Of change.absolute, for one look"),
  sequential_interval: interval.describe("Of change.absolute, holds at every look"),
  p_value: z.number().nullable().describe("Two-sided, for one look"),
  sequential_p_value: z.number().nullable().describe("Always valid"),
  test: z.string().describe("Which test, and over which unit"),
  power: z
    .number()
    .nullable()
    .describe("Of seeing the smallest effect asked for, with the sample so far"),
  users_needed: count.nullable().describe("In the smaller arm, for the power asked for"),
  verdict: z.enum(["better", "worse", "no_difference", "undecided", "too_few"]),
  says: z.string().describe("The verdict in plain words, the reason first"),
});

export const comparisonSchema = z.object({
  experiment: z.string(),
  epoch: count,
  since: z.iso.datetime().nullable().describe("When the present split began; null where unknown"),
  randomised: z.enum(["users", "requests"]),
  confidence: share,
  min_effect: z.number().min(0).describe("The smallest relative effect asked for"),
  summary: z.string().describe("What it comes to, in one or two sentences"),
  sample_ratio: z.object({
    verdict: z.enum(["ok", "mismatch", "unknown"]),
    p_value: z.number().nullable().describe("Of the split being as configured; always valid"),
    expected: z.record(z.string(), share),
    users: z.record(z.string(), count),
    says: z.string(),
  }),
  metrics: z
    .array(
      z.object({
        metric: z.string(),
        unit: z.enum(["share", "ms", "number"]),
        direction: z
          .enum(["lower", "higher"])
          .nullable()
          .describe("Which is better; null for a metric of one's own of which nobody said"),
        primary: z.boolean(),
        control: sampleSchema,
        treatments: z.array(treatmentSchema),
      }),
    )
    .describe("The primary one first"),
});

export type Comparison = z.output<typeof comparisonSchema>;
