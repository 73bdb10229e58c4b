import { alertCommandSchema } from "../../wire/alerts-api.ts";
import { actorOf } from "./audit.ts";
import { readJson } from "./json-body.ts";
import { answerProblem } from "./problem.ts";
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
  const actor = value.actor ?? actorOf(context);
  context.set("actor", actor);
  const refused = alerts.command(value, actor);
  if (refused !== null) return answerProblem("command_refused", 409, "Not possible now", refused);
  return context.json(alerts.list());
}
