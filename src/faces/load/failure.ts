import type { FailureKind } from "../../core/load/measurements.ts";

/** Which kind of failure an error of the HTTP client is. */

const byCode: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  UND_ERR_CLOSED: "reset",
  UND_ERR_DESTROYED: "reset",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "truncated",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  ETIMEDOUT: "timeout",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EHOSTUNREACH: "refused",
  ENETUNREACH: "refused",
  EMFILE: "generator",
  ENFILE: "generator",
  ENOBUFS: "generator",
  EADDRNOTAVAIL: "generator",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls",
  SELF_SIGNED_CERT_IN_CHAIN: "tls",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls",
  UNABLE_TO_GET_ISSUER_CERT: "tls",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls",
  EPROTO: "tls",
};

/** `hasAnswer` is whether the status had come: a connection lost after it has cut the answer short. */
export function failureOf(error: unknown, hasAnswer: boolean): FailureKind {
  const kind = kindOf(error);
  return kind === "reset" && hasAnswer ? "truncated" : kind;
}

function kindOf(error: unknown): FailureKind {
  const { code, errors, cause, name } = error as Readonly<Record<string, unknown>>;
  if (typeof code === "string") {
    const known = byCode[code];
    if (known !== undefined) return known;
    if (/^(?:CERT|ERR_TLS|ERR_SSL)_/.test(code)) return "tls";
    if (code.startsWith("HPE_")) return "protocol";
  }
  if (name === "HTTPParserError") return "protocol";
  // A name with several addresses fails with the failures of all of them.
  if (Array.isArray(errors) && errors.length > 0) return kindOf(errors[0]);
  if (cause instanceof Error) return kindOf(cause);
  return "other";
}
