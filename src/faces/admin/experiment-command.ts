import { addExperiment, describeAddition } from "../../control/config-edit.ts";
import type { Issue } from "../../core/config/model.ts";
import { formatPath } from "../../core/config/source.ts";
import { experimentCommandSchema, newExperimentSchema } from "../../wire/experiments-api.ts";
import { actorOf } from "./audit.ts";
import { answerIssues, answerOutcome, answerPlan, readDryRun } from "./config-change.ts";
import { readJson } from "./json-body.ts";
import { answerProblem } from "./problem.ts";
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
  const { command: name, actor = actorOf(context), reason, keep_users } = read.value;
  context.set("actor", actor);
  const refused = sources.experiments.command(key, name, actor, {
    ...(reason !== undefined && { reason }),
    ...(keep_users !== undefined && { keepUsers: keep_users }),
  });
  if (refused === undefined) return answerUnknown(key);
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return showExperiment(context, sources);
}

/**
 * Answers `POST /v1/experiments`: adds it to the configuration, as `POST /v1/config` would, or with `dry_run=true` says
 * what that would do. Then the issues' paths are those within the experiment, for whoever fills in a form.
 */
export async function createExperiment(
  context: AdminContext,
  sources: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const dryRun = readDryRun(context);
  if (!dryRun.ok) return dryRun.error;
  const read = await readJson(context, newExperimentSchema, bodyBytesMax, {
    code: "bad_experiment",
    title: "Not an experiment",
  });
  if (!read.ok) return read.error;
  const { key, experiment, routes = [], actor = actorOf(context) } = read.value;
  context.set("actor", actor);
  const running = sources.reloader.state();
  const added = { key, experiment, routes };
  const text = addExperiment(running.text, added);
  if (!text.ok) return answerProblem("experiment_exists", 409, "Cannot be added", text.error);
  const more = { text: describeAddition(added) };
  if (dryRun.value) {
    const preview = sources.preview(text.value);
    if (preview.ok) return answerPlan(preview.value, running.generation, more);
    return answerIssues(preview.error.map((issue) => withinExperiment(issue, key)));
  }
  const outcome = await sources.reloader.replace(text.value, running.etag, actor);
  return answerOutcome(outcome, sources, more);
}

/** The issue as the sender can find it, who has the experiment and not the file around it. */
function withinExperiment(issue: Issue, key: string): Issue {
  const prefix = formatPath(["experiments", key]);
  const { path } = issue;
  const rest = path.startsWith(prefix) ? path.slice(prefix.length) : null;
  const isWithin = rest !== null && /^(?:$|\.|\[)/.test(rest);
  return {
    ...issue,
    path: isWithin ? rest.replace(/^\./, "") : path,
    line: null,
    column: null,
  };
}

function answerUnknown(key: string): Response {
  const detail = `No A/B experiment has the key ${JSON.stringify(key.slice(0, 100))}; rollouts are under /v1/rollouts.`;
  return answerProblem("unknown_experiment", 404, "No such experiment", detail);
}
