import type { Clock } from "../../base/clock.ts";
import { answerFault, readRange } from "./past-query.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers what is asked about a stretch of an experiment's past, such as `GET /v1/experiments/:experiment/history`. */
export async function showPast(
  context: AdminContext,
  { past }: AdminSources,
  clock: Clock,
  what: "history" | "breakdown" | "verdicts",
): Promise<Response> {
  const range = readRange(context, clock);
  if (!range.ok) return range.error;
  const answer = await past[what](context.req.param("experiment") ?? "", range.value);
  return answer.ok ? context.json(answer.value) : answerFault(answer.error);
}
