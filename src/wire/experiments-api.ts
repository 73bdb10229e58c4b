import { z } from "zod";
import { actorSchema } from "./actor.ts";
import { configAnswerSchema, journalLineSchema } from "./admin-api.ts";

/** `/v1/experiments`: A/B experiments, how they stand and what they are told. */

const count = z.int().min(0);

const armSchema = z.object({
  variant: z.string(),
  outcome: z.enum(["treatment_wins", "control_wins", "no_difference", "keep_running", "invalid"]),
  unit: z.enum(["share", "absolute"]).nullable().describe("share: of the control's value"),
  estimate: z.number().nullable().describe("Treatment minus control; lower is better"),
  interval: z.tuple([z.number(), z.number()]).nullable().describe("Holds at every look"),
  p_value: z.number().nullable().describe("Always valid"),
  reason: z.string().describe("What decides it, or what it waits for"),
});

export const experimentLifecycleSchema = z.object({
  experiment: z.string(),
  phase: z.enum(["draft", "running", "paused", "ended", "archived"]),
  run: count.describe("0 before the first start; each start after an end is another run"),
  assignment_run: count.describe("The run whose users are kept"),
  ran_seconds: z.number().min(0).describe("Running time of this run"),
  reason: z.string().nullable().describe("Why it ended"),
  winner: z.string().nullable(),
  variants: z.array(z.string()),
  primary: z.string().nullable().describe("The metric that decides; null without analysis"),
  ends: z.object({
    after_seconds: z.number().nullable(),
    users: count.nullable(),
    requests: count.nullable(),
    decision: z.boolean(),
  }),
  users: count.describe("In the smallest arm"),
  requests: count.describe("Analysed, in the smallest arm"),
  sample_ratio_p_value: z.number().nullable().describe("Of the split being as configured"),
  decision: z
    .object({ outcome: armSchema.shape.outcome, winner: z.string().nullable(), reason: z.string() })
    .nullable()
    .describe("null before the first look and without analysis"),
  arms: z.array(armSchema),
  journal: z.array(journalLineSchema).describe("The last entries, oldest first"),
});

export const experimentsSchema = z.object({ experiments: z.array(experimentLifecycleSchema) });

export const experimentCommandSchema = z
  .strictObject({
    command: z.enum(["start", "pause", "resume", "stop", "archive"]),
    reason: z.string().max(1000).optional().describe("For the journal"),
    actor: actorSchema,
    keep_users: z
      .boolean()
      .optional()
      .describe("Of a start after an end: every user keeps the variant instead of drawing anew"),
  })
  .describe("What an experiment is to do; each may be sent twice");

export const newExperimentSchema = z
  .strictObject({
    key: z.string().min(1).max(128),
    experiment: z
      .record(z.string(), z.unknown())
      .describe("As one entry of experiments: in the configuration"),
    routes: z
      .array(z.string().min(1).max(4096))
      .max(100)
      .optional()
      .describe("Matches that are to go to it, before all other routes: POST /embeddings"),
    actor: actorSchema,
  })
  .describe("An experiment to be added to the configuration");

export const experimentAddedSchema = configAnswerSchema.extend({
  text: z.string().describe("What is added to the file: the experiment and its routes, as YAML"),
});

export type ExperimentAdded = z.output<typeof experimentAddedSchema>;
export type ExperimentLifecycleStatus = z.output<typeof experimentLifecycleSchema>;
