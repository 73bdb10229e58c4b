import {
  configAnswerSchema,
  configProblemSchema,
  healthSchema,
  issueSchema,
  problemSchema,
  readinessSchema,
  rolloutCommandSchema,
  rolloutSchema,
  rolloutsSchema,
  statusSchema,
} from "../../../wire/admin-api.ts";
import { alertCommandSchema, alertsSchema } from "../../../wire/alerts-api.ts";
import { breakdownSchema, historySchema, verdictHistorySchema } from "../../../wire/history-api.ts";
import { journalSchema } from "../../../wire/journal-api.ts";
import { liveDocumentSchema, liveFrameSchema, livePatchSchema } from "../../../wire/live.ts";
import { metricsReportSchema, metricsTakenSchema } from "../../../wire/metrics-api.ts";
import {
  experimentAddedSchema,
  experimentCommandSchema,
  experimentLifecycleSchema,
  experimentsSchema,
  newExperimentSchema,
} from "../../../wire/experiments-api.ts";
import { assignmentSchema } from "../../../wire/assignment-api.ts";
import { comparisonSchema } from "../../../wire/comparison-api.ts";
import { sessionSchema, systemSchema } from "../../../wire/system-api.ts";

/** What every path of the document is written with. */

export type JsonObject = { readonly [key: string]: unknown };

/** What the document names; answers and bodies refer to it. */
export const schemas = {
  Health: healthSchema,
  Readiness: readinessSchema,
  Status: statusSchema,
  Session: sessionSchema,
  System: systemSchema,
  Issue: issueSchema,
  Problem: problemSchema,
  ConfigProblem: configProblemSchema,
  ConfigAnswer: configAnswerSchema,
  Rollout: rolloutSchema,
  Rollouts: rolloutsSchema,
  RolloutCommand: rolloutCommandSchema,
  Experiment: experimentLifecycleSchema,
  Experiments: experimentsSchema,
  ExperimentCommand: experimentCommandSchema,
  ExperimentAdded: experimentAddedSchema,
  Comparison: comparisonSchema,
  UserAssignment: assignmentSchema,
  NewExperiment: newExperimentSchema,
  Alerts: alertsSchema,
  AlertCommand: alertCommandSchema,
  History: historySchema,
  Breakdown: breakdownSchema,
  VerdictHistory: verdictHistorySchema,
  Journal: journalSchema,
  MetricsReport: metricsReportSchema,
  MetricsTaken: metricsTakenSchema,
  LiveFrame: liveFrameSchema,
  LivePatch: livePatchSchema,
  LiveDocument: liveDocumentSchema,
} as const;

export const experimentParameter = {
  name: "experiment",
  in: "path",
  required: true,
  schema: { type: "string" },
} as const;

export function json(description: string, schema: keyof typeof schemas): JsonObject {
  return { description, content: { "application/json": { schema: reference(schema) } } };
}

export function text(description: string, type: string): JsonObject {
  return { description, content: { [type]: { schema: { type: "string" } } } };
}

export function problemOf(description: string): JsonObject {
  return {
    description,
    content: { "application/problem+json": { schema: reference("Problem") } },
  };
}

export function reference(schema: keyof typeof schemas): JsonObject {
  return { $ref: `#/components/schemas/${schema}` };
}

/** What a request that is not let in gets, whatever it asks for. */
export const denied = {
  "401": problemOf("No token, or a wrong one"),
  "403": problemOf(
    "Without a configured token: a foreign Host, or a request from another site. read_only: a viewer, or a port that is read-only, and not a GET",
  ),
  "429": {
    ...problemOf("Too many wrong tokens from this address"),
    headers: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
  },
};
