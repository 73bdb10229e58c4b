import type { z } from "zod";
import type { Clock } from "../../base/clock.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { PastFault, PastRange } from "../../control/past/fault.ts";
import { historyLimitsOfQuery, historyQuerySchema } from "../../wire/history-api.ts";
import { wordsOf } from "./json-body.ts";
import { answerProblem, type AdminContext } from "./problem.ts";

/** What all questions about the past have in common. */

const hourMs = 3_600_000;
const retrySeconds = 1;

/** Reads a query by a schema; the error is the answer to one that is not of it. */
export function readQuery<Schema extends z.ZodType>(
  context: AdminContext,
  schema: Schema,
): Result<z.output<Schema>, Response> {
  const given = context.req.queries();
  const twice = Object.keys(given).find((name) => (given[name] ?? []).length > 1);
  if (twice !== undefined) return err(badQuery(`${twice}: given more than once`));
  const read = schema.safeParse(context.req.query());
  return read.success ? ok(read.data) : err(badQuery(wordsOf(read.error)));
}

/** The range that is asked for: the last hour, as far as nothing is said. */
export function readRange(context: AdminContext, clock: Clock): Result<PastRange, Response> {
  const read = readQuery(context, historyQuerySchema);
  if (!read.ok) return read;
  const { from, to, points = historyLimitsOfQuery.pointsDefault } = read.value;
  const toMs = to === undefined ? clock.wallMs() : Date.parse(to);
  const fromMs = from === undefined ? toMs - hourMs : Date.parse(from);
  if (fromMs < toMs) return ok({ fromMs, toMs, points });
  const until = to === undefined ? "now, which `to` is where it is missing" : "`to`";
  return err(badQuery(`from: it has to be before ${until}`));
}

/** The answer where there is none. */
export function answerFault({ code, message }: PastFault): Response {
  switch (code) {
    case "unknown_experiment":
      return answerProblem(code, 404, "No such experiment", message);
    case "unknown_rollout":
      return answerProblem(code, 404, "No such rollout", message);
    case "range_too_wide":
      return answerProblem(code, 400, "Invalid query", `from: ${message}`);
    case "busy":
      return answerProblem(code, 503, "Too many questions at once", message, {
        "retry-after": String(retrySeconds),
      });
  }
}

function badQuery(detail: string): Response {
  return answerProblem("bad_query", 400, "Invalid query", detail);
}
