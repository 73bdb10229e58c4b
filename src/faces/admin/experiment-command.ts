import { addExperiment } from "../../control/config-edit.ts";
import { experimentCommandSchema, newExperimentSchema } from "../../wire/experiments-api.ts";
import { answerOutcome } from "./config-change.ts";
import { readJson } from "./json-body.ts";
import { addressOf, answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/experiments/:experiment`. */
export function showExperiment(context: AdminContext, { experiments }: AdminSources): Response {
  const key = context.req.param("experiment") ?? "";
  const experiment = experiments.list().find((each) => each.experiment === key);
  return experiment === undefined ? answerUnknown(key) : context.json(experiment);
}

/** Answers `POST /v1/experiments/:experiment`: the experiment as it stands then. */
export async function commandExperiment(
  context: AdminContext,
  sources: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const read = await readJson(context, experimentCommandSchema, bodyBytesMax, {
    code: "bad_command",
    title: "Not an experiment command",
  });
  if (!read.ok) return read.error;
  const key = context.req.param("experiment") ?? "";
  const { command: name, actor = addressOf(context), reason, keep_users } = read.value;
  const refused = sources.experiments.command(key, name, actor, {
    ...(reason !== undefined && { reason }),
    ...(keep_users !== undefined && { keepUsers: keep_users }),
  });
  if (refused === undefined) return answerUnknown(key);
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return showExperiment(context, sources);
}

/** Answers `POST /v1/experiments`: adds it to the configuration, as `POST /v1/config` would. */
export async function createExperiment(
  context: AdminContext,
  sources: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const read = await readJson(context, newExperimentSchema, bodyBytesMax, {
    code: "bad_experiment",
    title: "Not an experiment",
  });
  if (!read.ok) return read.error;
  const { key, experiment, routes = [], actor = addressOf(context) } = read.value;
  const running = sources.reloader.state();
  const text = addExperiment(running.text, { key, experiment, routes });
  if (!text.ok) return answerProblem("experiment_exists", 409, "Cannot be added", text.error);
  const outcome = await sources.reloader.replace(text.value, running.etag, actor);
  return answerOutcome(outcome, sources);
}

function answerUnknown(key: string): Response {
  const detail = `No A/B experiment has the key ${JSON.stringify(key.slice(0, 100))}; rollouts are under /v1/rollouts.`;
  return answerProblem("unknown_experiment", 404, "No such experiment", detail);
}
