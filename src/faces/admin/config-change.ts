import { formatBytes } from "../../base/units.ts";
import type { ReloadOutcome } from "../../control/reload.ts";
import type { Issue } from "../../core/config/model.ts";
import { problem } from "../../core/traffic/refusal.ts";
import type { ConfigAnswer, ConfigProblem } from "../../wire/admin-api.ts";
import { readBody } from "./body.ts";
import { addressOf, answerProblem } from "./problem.ts";
import type { AdminContext } from "./problem.ts";
import { restoreSecrets } from "./redaction.ts";
import type { AdminSources } from "./sources.ts";

/** Answers `POST /v1/config`. */
export async function replaceConfig(
  context: AdminContext,
  sources: AdminSources,
  bodyBytesMax: number,
): Promise<Response> {
  const ifMatch = context.req.header("if-match");
  if (ifMatch === undefined) {
    return answerProblem(
      "precondition_required",
      428,
      "If-Match is required",
      "Send the ETag of GET /v1/config, so that nobody's change is lost.",
    );
  }
  const dryRun = context.req.query("dry_run") ?? "false";
  if (dryRun !== "true" && dryRun !== "false") {
    return answerProblem("bad_query", 400, "Invalid query", "dry_run is true or false.");
  }
  const body = await readBody(context, bodyBytesMax);
  if (body === null) {
    const detail = `At most ${formatBytes(bodyBytesMax)}.`;
    return answerProblem("body_too_large", 413, "Request body too large", detail);
  }
  const written = decodeUtf8(body);
  if (written === null) return answerProblem("bad_encoding", 400, "The body is not UTF-8", "");
  const running = sources.reloader.state();
  if (!matches(ifMatch, running.etag)) return answerConflict(running.etag);
  const { text, issues } = restoreSecrets(written, running.text);
  if (issues.length > 0) return answerIssues(issues);
  if (dryRun === "true") {
    const preview = sources.preview(text);
    if (!preview.ok) return answerIssues(preview.error);
    const { generation } = running;
    return answerChange({ ...preview.value, result: "planned", generation, notSaved: null });
  }
  // Checked again by the reloader, when the attempts before this one are done.
  const outcome = await sources.reloader.replace(text, running.etag, addressOf(context));
  return answerOutcome(outcome, sources);
}

/** What came of a change of the configuration. */
export function answerOutcome(outcome: ReloadOutcome, sources: AdminSources): Response {
  switch (outcome.kind) {
    case "applied":
      return answerChange({ ...outcome, result: "applied" });
    case "unchanged": {
      const { generation } = sources.reloader.state();
      return answerChange({ ...outcome, result: "unchanged", generation, changes: [] });
    }
    case "invalid":
    case "refused":
      return answerIssues(outcome.issues);
    case "conflict":
      return answerConflict(outcome.etag);
    case "failed":
      return answerProblem("config_not_applied", 503, "Not applied", outcome.message);
  }
}

function answerChange(change: {
  readonly result: ConfigAnswer["result"];
  readonly generation: number;
  readonly etag: string;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly notSaved: string | null;
}): Response {
  const answer: ConfigAnswer = {
    result: change.result,
    generation: change.generation,
    etag: change.etag,
    changes: [...change.changes],
    warnings: [...change.warnings],
    not_saved: change.notSaved,
  };
  // A plan is not what the resource holds, so that its tag is in the body only.
  const headers = change.result === "planned" ? {} : { etag: change.etag };
  return Response.json(answer, { headers });
}

function answerConflict(etag: string): Response {
  return answerProblem(
    "precondition_failed",
    412,
    "The configuration has changed",
    "Get it again, and send its ETag.",
    { etag },
  );
}

function answerIssues(issues: readonly Issue[]): Response {
  const title = "Invalid configuration";
  const { status, contentType, body } = problem("config_invalid", 422, title, "");
  const answer: ConfigProblem = { ...(JSON.parse(body) as ConfigProblem), issues: [...issues] };
  return Response.json(answer, { status, headers: { "content-type": contentType } });
}

/** RFC 9110 §13.1.1: any of the listed tags, compared strongly, or `*`. */
function matches(ifMatch: string, etag: string): boolean {
  return ifMatch.split(",").some((tag) => tag.trim() === "*" || tag.trim() === etag);
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Thrown for nothing else than a wrong byte.
    return null;
  }
}
