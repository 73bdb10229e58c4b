import { z } from "zod";
import { rolloutSchema, statusSchema } from "./admin-api.ts";
import { comparisonSchema } from "./comparison-api.ts";
import { experimentLifecycleSchema } from "./experiments-api.ts";
import {
  breakdownSchema,
  historyQuerySchema,
  historySchema,
  verdictHistorySchema,
} from "./history-api.ts";
import { journalSchema } from "./journal-api.ts";
import { reportDocumentSchema } from "./report-document.ts";

/** `/v1/experiments/{experiment}/report`, and the JSON that `sluice report --from` reads. */

export const reportFormats = ["json", "csv", "md", "html", "pdf"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** The files of a CSV report. */
export const csvParts = ["summary", "time_series", "histogram"] as const;
export type CsvPart = (typeof csvParts)[number];

export const reportQuerySchema = historyQuerySchema.extend({
  format: z
    .enum(reportFormats)
    .optional()
    .describe("Where it is missing, what Accept asks for; JSON when that says nothing"),
  insights: z
    .enum(["true", "false"])
    .optional()
    .describe("false asks no language model, where one is configured"),
  part: z.enum(csvParts).optional().describe("Of csv: one file instead of a zip of all"),
});

const count = z.int().min(0);

export const reportFactsSchema = z
  .object({
    experiment: z.string(),
    kind: z.enum(["ab", "rollout", "split"]),
    generated_at: z.iso.datetime(),
    version: z.string().describe("Of Sluice"),
    range: z.object({ from: z.iso.datetime(), to: z.iso.datetime() }),
    config: z.object({
      generation: count,
      etag: z.string(),
      text: z.string().describe("Secrets redacted; as it was when the report was made"),
    }),
    status: statusSchema.shape.experiments.element.nullable(),
    lifecycle: experimentLifecycleSchema.nullable(),
    rollout: rolloutSchema.nullable(),
    comparison: comparisonSchema.nullable(),
    breakdown: breakdownSchema.nullable().describe("Of the range"),
    history: historySchema.nullable(),
    verdicts: verdictHistorySchema.nullable(),
    journal: z.object({
      entries: journalSchema.shape.entries.describe("Of the range, oldest first"),
      is_cut: z.boolean().describe("Older ones are in the journal but not here"),
    }),
    upkeep: z.object({
      history_rows_dropped: count.nullable(),
      answers_uninspected: z.record(z.string(), count).nullable().describe("Of all experiments"),
      answers_uninspected_here: count.nullable().default(null).describe("Of this one"),
      store: z
        .object({ up: z.boolean(), rows_waiting: count })
        .nullable()
        .default(null)
        .describe("When the report was made; null without one"),
      replicas: z
        .object({
          count,
          silent: count,
          other_configuration: count,
          merges: z.boolean().describe("Whether the report has what all measured"),
          cut_off: z.boolean(),
          parts_lost: count,
        })
        .nullable()
        .default(null),
    }),
    insights: z
      .discriminatedUnion("kind", [
        z.object({
          kind: z.literal("written"),
          model: z.string(),
          paragraphs: z.array(z.string()),
        }),
        z.object({ kind: z.literal("dropped"), model: z.string(), reason: z.string() }),
      ])
      .nullable()
      .default(null)
      .describe("Of a language model, where one was asked; its numbers were found in the report"),
    missing: z
      .array(z.object({ what: z.string(), why: z.string() }))
      .describe("What could not be had"),
  })
  .describe("Everything that the report is made of, as the admin API answers it");

/** The JSON report. Another report can be made of `facts` alone; `document` is what they come to, in words. */
export const reportSchema = z.object({
  report: z.literal("sluice.report.v1"),
  facts: reportFactsSchema,
  document: reportDocumentSchema,
});

export type Report = z.output<typeof reportSchema>;

/** The published JSON Schema (draft 2020-12) of the JSON report. */
export function reportJsonSchema(): Record<string, unknown> {
  return { title: "Sluice report", ...z.toJSONSchema(reportSchema) };
}
