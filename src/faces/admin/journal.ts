import { journalQuerySchema } from "../../wire/journal-api.ts";
import { readQuery } from "./past-query.ts";
import type { AdminContext } from "./problem.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `GET /v1/journal`. */
export function showJournal(context: AdminContext, { past }: AdminSources): Response {
  const query = readQuery(context, journalQuerySchema);
  return query.ok ? context.json(past.journal(query.value)) : query.error;
}
