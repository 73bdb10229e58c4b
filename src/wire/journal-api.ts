import { z } from "zod";
import { journalLineSchema } from "./admin-api.ts";

/** `/v1/journal`: who did what, when, and on which evidence; the newest first. */

export const journalQuerySchema = z.strictObject({
  experiment: z.string().max(128).optional(),
  scope: z.string().max(32).optional().describe("experiment, rollout, alert, config or admin"),
  before: z.coerce.number().int().min(1).optional().describe("A sequence: the next page"),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const journalSchema = z.object({
  entries: z.array(
    journalLineSchema.extend({
      sequence: z.int().min(1),
      scope: z.string(),
      subject: z.string().describe("The experiment, alert, file, or path of the admin port"),
    }),
  ),
  before: z.int().nullable().describe("To ask for the next page with; null when this was all"),
});

export type JournalPage = z.output<typeof journalSchema>;
