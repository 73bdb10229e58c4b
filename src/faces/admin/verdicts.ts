import type { Clock } from "../../base/clock.ts";
import { answerFault, readRange } from "./past-query.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/rollouts/:experiment/verdicts`. */
export async function showVerdicts(
  context: AdminContext,
  { past }: AdminSources,
  clock: Clock,
): Promise<Response> {
  const range = readRange(context, clock);
  if (!range.ok) return range.error;
  const answer = await past.verdicts(context.req.param("experiment") ?? "", range.value);
  return answer.ok ? context.json(answer.value) : answerFault(answer.error);
}
