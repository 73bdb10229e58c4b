import { configJsonSchema } from "../../core/config/schema.ts";
import { assignmentQuerySchema } from "../../wire/assignment-api.ts";
import { wordsOf } from "./json-body.ts";
import { answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/experiments/:experiment/comparison`, of A/B experiments and rollouts. */
export function showComparison(context: AdminContext, { comparison }: AdminSources): Response {
  const key = context.req.param("experiment") ?? "";
  const compared = comparison(key);
  return compared === undefined ? answerNoExperiment(key) : context.json(compared);
}

/** Answers `GET /v1/experiments/:experiment/assignment?user=`. */
export function showAssignment(context: AdminContext, { assignment }: AdminSources): Response {
  const query = assignmentQuerySchema.safeParse(context.req.query());
  if (!query.success) {
    return answerProblem("bad_query", 400, "Not a query", wordsOf(query.error));
  }
  const key = context.req.param("experiment") ?? "";
  const assigned = assignment(key, query.data.user);
  return assigned === undefined ? answerNoExperiment(key) : context.json(assigned);
}

let schema: string | null = null;

/** Answers `GET /v1/config/schema`, as `sluice schema` prints it. */
export function showConfigSchema(context: AdminContext): Response {
  schema ??= JSON.stringify(configJsonSchema());
  return context.body(schema, 200, { "content-type": "application/schema+json" });
}

function answerNoExperiment(key: string): Response {
  const detail = `The configuration has no experiment ${JSON.stringify(key.slice(0, 100))}.`;
  return answerProblem("unknown_experiment", 404, "No such experiment", detail);
}
