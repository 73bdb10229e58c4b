import { rolloutCommandSchema } from "../../wire/admin-api.ts";
import { actorOf } from "./audit.ts";
import { readJson } from "./json-body.ts";
import { answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/rollouts/:experiment`. */
export function showRollout(context: AdminContext, { rollouts }: AdminSources): Response {
  const key = context.req.param("experiment") ?? "";
  const rollout = rollouts.list().find(({ experiment }) => experiment === key);
  return rollout === undefined ? answerUnknown(key) : context.json(rollout);
}

/** Answers `POST /v1/rollouts/:experiment`: the rollout as it stands then. */
export async function commandRollout(
  context: AdminContext,
  sources: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const read = await readJson(context, rolloutCommandSchema, bodyBytesMax, {
    code: "bad_command",
    title: "Not a rollout command",
  });
  if (!read.ok) return read.error;
  const key = context.req.param("experiment") ?? "";
  const { command: name, actor = actorOf(context), reason, force } = read.value;
  context.set("actor", actor);
  const refused = sources.rollouts.command(key, name, actor, {
    ...(reason !== undefined && { reason }),
    ...(force !== undefined && { force }),
  });
  if (refused === undefined) return answerUnknown(key);
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return showRollout(context, sources);
}

function answerUnknown(key: string): Response {
  const detail = `No experiment ${JSON.stringify(key.slice(0, 100))} has a rollout with steps.`;
  return answerProblem("unknown_rollout", 404, "No such rollout", detail);
}
