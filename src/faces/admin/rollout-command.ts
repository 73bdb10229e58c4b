import { formatBytes } from "../../base/units.ts";
import { rolloutCommandSchema } from "../../wire/admin-api.ts";
import { readBody } from "./body.ts";
import { parseJson, wordsOf } from "./json-body.ts";
import { addressOf, answerProblem } from "./problem.ts";
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
  const body = await readBody(context, bodyBytesMax);
  if (body === null) {
    const detail = `At most ${formatBytes(bodyBytesMax)}.`;
    return answerProblem("body_too_large", 413, "Request body too large", detail);
  }
  const command = rolloutCommandSchema.safeParse(parseJson(body));
  if (!command.success) {
    return answerProblem("bad_command", 400, "Not a rollout command", wordsOf(command.error));
  }
  const key = context.req.param("experiment") ?? "";
  const { command: name, actor = addressOf(context), reason, force } = command.data;
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
