import { z } from "zod";

/** `/v1/experiments/{experiment}/assignment?user=`: who gets what, and why. */

export const assignmentQuerySchema = z.strictObject({ user: z.string().min(1).max(2048) });

export const assignmentSchema = z.object({
  experiment: z.string(),
  variant: z.string().nullable().describe("null where each request is drawn by itself"),
  enrolled: z.boolean().describe("Whether its requests are analysed"),
  reason: z.string().describe("Stable: disabled, rule, namespace, coverage, hash, random, …"),
  bucket: z.number().min(0).lt(1).nullable(),
  says: z.array(z.string()).describe("The same in plain words, one fact a line"),
});

export type UserAssignment = z.output<typeof assignmentSchema>;
