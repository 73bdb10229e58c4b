import type { StoreFault } from "../store.ts";
import { withoutSecret, type Place } from "../../../core/config/database-place.ts";

/** Refuses what was asked, with the reason to give; the transaction that it is thrown in changes nothing. */
export class Refusal extends Error {
  readonly fault: StoreFault;

  constructor(fault: StoreFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** An exception's meaning for the store; null when it is not about the server, but a bug. */
export function faultOf(place: Place, error: unknown): StoreFault | null {
  if (error instanceof Refusal) return error.fault;
  if (!(error instanceof Error)) return null;
  const code = codeOf(error);
  if (code === null) return null;
  const reason = withoutSecret(place, error.message || codeText(error));
  return { code, message: `${sentences[code](place.name)} (${reason})` };
}

type Code = Exclude<StoreFault["code"], "newer" | "too_large" | "fenced">;

const sentences: Readonly<Record<Code, (name: string) => string>> = {
  full: (name) => `no room on the disk of the store ${name}`,
  read_only: (name) => `the store ${name} cannot be written`,
  locked: (name) => `another process holds the store ${name}`,
  corrupt: (name) => `the store ${name} is damaged`,
  unreadable: (name) => `the store ${name} cannot be opened`,
  io: (name) => `the disk failed under the store ${name}`,
  unreachable: (name) => `the store ${name} does not answer`,
  conflict: (name) => `another replica changed the store ${name} meanwhile`,
};

/** PostgreSQL's error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html; the longest match counts. */
const sqlStates: Readonly<Record<string, Code>> = {
  // Connection exceptions, shutdown and start-up of the server, too many connections.
  "08": "unreachable",
  "57": "unreachable",
  "53": "unreachable",
  "53100": "full",
  // A standby, or a role that may not.
  "25006": "read_only",
  "42501": "read_only",
  // A session that was ended while it stood still in a transaction.
  "25P03": "unreachable",
  "28": "unreadable",
  "3D000": "unreadable",
  // Tables or columns that are not there: somebody else's schema, or one that was dropped.
  "3F000": "unreadable",
  "42P01": "unreadable",
  "42703": "unreadable",
  "55P03": "locked",
  "40P01": "locked",
  "40001": "conflict",
  "58": "io",
  XX001: "corrupt",
  XX002: "corrupt",
};

const socketCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
  "ENOENT",
  "EACCES",
]);

/** What the client library says without a code, when the server went or does not speak its protocol. */
const lostMessages =
  /^(Connection terminated|Client has encountered a connection error|timeout expired|Client was closed|The server does not support SSL|There was an error establishing an SSL)/;

function codeOf(error: Error): Code | null {
  // The JSON that was stored is none any more.
  if (error instanceof SyntaxError) return "corrupt";
  const code = codeText(error);
  if (/^[0-9A-Z]{5}$/.test(code) && "severity" in error) {
    return sqlStates[code] ?? sqlStates[code.slice(0, 2)] ?? null;
  }
  if (socketCodes.has(code)) return "unreachable";
  // Certificates that are not believed.
  if (/^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(code)) return "unreadable";
  if (/^SASL: |password must be a string/.test(error.message)) return "unreadable";
  return lostMessages.test(error.message) ? "unreachable" : null;
}

function codeText(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
