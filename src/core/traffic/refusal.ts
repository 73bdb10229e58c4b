import type { Outcome } from "./outcome.ts";

/** Everything that Sluice answers by itself: stable code → status and title. */
export const refusals = {
  bad_request_line: { status: 400, title: "Malformed request line" },
  bad_header: { status: 400, title: "Malformed header field" },
  bad_framing: { status: 400, title: "Ambiguous or malformed message framing" },
  bad_host: { status: 400, title: "Missing, repeated or invalid Host" },
  bad_target: { status: 400, title: "Invalid request target" },
  bad_expectation: { status: 417, title: "Expectation not supported" },
  head_too_large: { status: 431, title: "Request head too large" },
  too_many_headers: { status: 431, title: "Too many header fields" },
  target_too_long: { status: 414, title: "Request target too long" },
  body_too_large: { status: 413, title: "Request body too large" },
  unsupported_version: { status: 505, title: "HTTP version not supported" },
  unsupported_transfer_coding: { status: 501, title: "Transfer coding not supported" },
  method_not_supported: { status: 501, title: "Method not supported" },
  head_timeout: { status: 408, title: "Request head took too long" },
  body_timeout: { status: 408, title: "Request body made no progress" },
  no_route: { status: 404, title: "No route matches" },
  overloaded: { status: 503, title: "Too many requests in flight" },
  pending_limit: { status: 503, title: "Too many requests wait for the upstream" },
  draining: { status: 503, title: "Shutting down" },
  loop_detected: { status: 508, title: "Request loop" },
  upstream_connect_failed: { status: 502, title: "Upstream refused the connection" },
  upstream_unavailable: { status: 503, title: "No healthy upstream endpoint" },
  upstream_reset: { status: 502, title: "Upstream closed the connection early" },
  upstream_bad_response: { status: 502, title: "Upstream sent a malformed response" },
  upstream_timeout_connect: { status: 504, title: "Upstream connection timed out" },
  upstream_timeout_first_byte: { status: 504, title: "Upstream did not answer in time" },
  upstream_timeout_idle: { status: 504, title: "Upstream went silent" },
  upstream_timeout_total: { status: 504, title: "Exchange took too long" },
  upstream_upgrade_failed: { status: 502, title: "Upstream refused the upgrade" },
  internal: { status: 502, title: "Internal error" },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type RefusalCode = keyof typeof refusals;

export type Problem = {
  readonly code: string;
  readonly status: number;
  /** JSON text, ASCII only, so that its length is its byte length. */
  readonly body: string;
  readonly contentType: "application/problem+json";
};

/** An RFC 9457 problem document. An empty `detail` is left out. */
export function problem(code: string, status: number, title: string, detail: string): Problem {
  const facts = { type: `urn:sluice:problem:${code}`, title, status, code };
  const body = JSON.stringify(detail === "" ? facts : { ...facts, detail });
  return { code, status, body: escapeNonAscii(body), contentType: "application/problem+json" };
}

/** The problem document of a refusal. */
export function refuse(code: RefusalCode, detail = ""): Problem {
  const { status, title } = refusals[code];
  return problem(code, status, title, detail);
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What a request became that Sluice answered, or broke off, with `code`. */
export function outcomeOfRefusal(code: RefusalCode): Outcome {
  return code.startsWith("upstream_timeout") || code === "body_timeout" ? "timeout" : "proxy_error";
}
