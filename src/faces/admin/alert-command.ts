import { formatBytes } from "../../base/units.ts";
import { alertCommandSchema } from "../../wire/alerts-api.ts";
import { readBody } from "./body.ts";
import { parseJson, wordsOf } from "./json-body.ts";
import { addressOf, answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `POST /v1/alerts`: all alerts as they stand then. */
export async function commandAlerts(
  context: AdminContext,
  { alerts }: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const body = await readBody(context, bodyBytesMax);
  if (body === null) {
    const detail = `At most ${formatBytes(bodyBytesMax)}.`;
    return answerProblem("body_too_large", 413, "Request body too large", detail);
  }
  const command = alertCommandSchema.safeParse(parseJson(body));
  if (!command.success) {
    return answerProblem("bad_command", 400, "Not an alert command", wordsOf(command.error));
  }
  const refused = alerts.command(command.data, command.data.actor ?? addressOf(context));
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return context.json(alerts.list());
}
