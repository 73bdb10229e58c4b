import type { z } from "zod";
import { err, ok, type Result } from "../../base/result.ts";
import { formatBytes } from "../../base/units.ts";
import { readBody } from "./body.ts";
import { answerProblem, type AdminContext } from "./problem.ts";

/** Reads a request's JSON by a schema; the error is the answer to a body that is too large, no JSON or not of the schema. */
export async function readJson<Schema extends z.ZodType>(
  context: AdminContext,
  schema: Schema,
  bodyBytesMax: number,
  problem: { readonly code: string; readonly title: string },
): Promise<Result<z.output<Schema>, Response>> {
  const body = await readBody(context, bodyBytesMax);
  if (body === null) {
    const detail = `At most ${formatBytes(bodyBytesMax)}.`;
    return err(answerProblem("body_too_large", 413, "Request body too large", detail));
  }
  const read = schema.safeParse(parseJson(body));
  if (read.success) return ok(read.data);
  return err(answerProblem(problem.code, 400, problem.title, wordsOf(read.error)));
}

/** The JSON of a request body; undefined where it is none. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What a schema found wrong, in one line. */
export function wordsOf({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => `${path.join(".")}${path.length > 0 ? ": " : ""}${message}`)
    .join("; ");
}
