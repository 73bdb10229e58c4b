import type { Clock } from "../../base/clock.ts";
import { answerFault, readRange } from "./past-query.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/experiments/:experiment/history`. */
export async function showHistory(
  context: AdminContext,
  { past }: AdminSources,
  clock: Clock,
): Promise<Response> {
  const range = readRange(context, clock);
  if (!range.ok) return range.error;
  const answer = await past.history(context.req.param("experiment") ?? "", range.value);
  return answer.ok ? context.json(answer.value) : answerFault(answer.error);
}

/** Answers `GET /v1/experiments/:experiment/breakdown`. */
export async function showBreakdown(
  context: AdminContext,
  { past }: AdminSources,
  clock: Clock,
): Promise<Response> {
  const range = readRange(context, clock);
  if (!range.ok) return range.error;
  const answer = await past.breakdown(context.req.param("experiment") ?? "", range.value);
  return answer.ok ? context.json(answer.value) : answerFault(answer.error);
}
