import type { RefusalCode } from "../../core/traffic/refusal.ts";
import type { UpstreamConnection, UpstreamFailure } from "../upstream/upstream-connection.ts";
import type { Intake } from "./intake.ts";

/** RFC 9110 §9.2.2: what may be sent twice. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Whether a request may be sent again after `failure`: when nothing of it was sent, or when it is idempotent,
 * can be sent again whole, and no byte of an answer came.
 */
export function maySendAgain(
  failure: UpstreamFailure,
  connection: UpstreamConnection | null,
  intake: Intake,
  requestRead: boolean,
): boolean {
  if (failure === "connect_failed" || failure === "connect_timeout") return true;
  if (failure !== "reset" || connection === null || connection.responseStarted) return false;
  const isWhole = intake.framing.kind === "none" || (intake.stored !== null && requestRead);
  return isWhole && idempotentMethods.has(intake.head.method);
}

export function codeOfFailure(failure: UpstreamFailure): RefusalCode {
  switch (failure) {
    case "connect_failed":
      return "upstream_connect_failed";
    case "connect_timeout":
      return "upstream_timeout_connect";
    case "pending_limit":
      return "pending_limit";
    case "reset":
      return "upstream_reset";
    case "bad_response":
      return "upstream_bad_response";
  }
}

/** Which wait ended: the total, or the one between bytes or for the first of the response. */
export function codeOfExpiry(
  isTotal: boolean,
  requestRead: boolean,
  responseBegun: boolean,
): RefusalCode {
  if (isTotal) return "upstream_timeout_total";
  return responseBegun || !requestRead ? "upstream_timeout_idle" : "upstream_timeout_first_byte";
}
