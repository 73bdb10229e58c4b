import { err, ok, type Result } from "../../base/result.ts";
import { formatBytes } from "../../base/units.ts";
import type { ReloadPreview } from "../../control/reload-preview.ts";
import type { ReloadOutcome } from "../../control/reload.ts";
import type { Issue } from "../../core/config/model.ts";
import { problem } from "../../core/traffic/refusal.ts";
import type { ConfigAnswer, ConfigProblem } from "../../wire/admin-api.ts";
import { actorOf } from "./audit.ts";
import { readBody } from "./body.ts";
import { answerProblem } from "./problem.ts";
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
  const dryRun = readDryRun(context);
  if (!dryRun.ok) return dryRun.error;
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
  if (dryRun.value) {
    const preview = sources.preview(text);
    return preview.ok ? answerPlan(preview.value, running.generation) : answerIssues(preview.error);
  }
  // Checked again by the reloader, when the attempts before this one are done.
  const outcome = await sources.reloader.replace(text, running.etag, actorOf(context));
  return answerOutcome(outcome, sources);
}

/** Whether a change is to be planned only; the error is the answer to a query that says neither. */
export function readDryRun(context: AdminContext): Result<boolean, Response> {
  const dryRun = context.req.query("dry_run") ?? "false";
  if (dryRun === "true" || dryRun === "false") return ok(dryRun === "true");
  return err(answerProblem("bad_query", 400, "Invalid query", "dry_run is true or false."));
}

/** What a change would do; `more` is added to the answer. */
export function answerPlan(plan: ReloadPreview, generation: number, more: object = {}): Response {
  return answerChange({ ...plan, result: "planned", generation, notSaved: null }, more);
}

/** What came of a change of the configuration; `more` is added to the answer of one that is in force. */
export function answerOutcome(
  outcome: ReloadOutcome,
  sources: AdminSources,
  more: object = {},
): Response {
  switch (outcome.kind) {
    case "applied":
      return answerChange({ ...outcome, result: "applied" }, more);
    case "unchanged": {
      const { generation } = sources.reloader.state();
      return answerChange({ ...outcome, result: "unchanged", generation, changes: [] }, more);
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

type Change = ReloadPreview & {
  readonly result: ConfigAnswer["result"];
  readonly generation: number;
  readonly notSaved: string | null;
};

function answerChange(change: Change, more: object): Response {
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
  return Response.json({ ...answer, ...more }, { headers });
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

/** Every issue of a configuration that cannot be. */
export function answerIssues(issues: readonly Issue[]): Response {
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
