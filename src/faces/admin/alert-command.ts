import { alertCommandSchema } from "../../wire/alerts-api.ts";
import { readJson } from "./json-body.ts";
import { addressOf, answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `POST /v1/alerts`: all alerts as they stand then. */
export async function commandAlerts(
  context: AdminContext,
  { alerts }: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const read = await readJson(context, alertCommandSchema, bodyBytesMax, {
    code: "bad_command",
    title: "Not an alert command",
  });
  if (!read.ok) return read.error;
  const { value } = read;
  const refused = alerts.command(value, value.actor ?? addressOf(context));
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return context.json(alerts.list());
}
