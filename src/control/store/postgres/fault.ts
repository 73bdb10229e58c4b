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
  const reason = withoutSecret(place, error.message || codeText(error));
  const code = codeOf(error);
  if (code !== null) return { code, message: `${sentences[code](place.name)} (${reason})` };
  const state = sqlStateOf(error);
  if (state === null) return null;
  const message = `the store ${place.name} refused what it was asked with SQLSTATE ${state} (${reason})`;
  return { code: "io", message };
}

/** The fault that somebody gets for a bug of Sluice's: its stack is for the log. */
export function faultOfBug(place: Place, error: unknown): StoreFault {
  const reason = withoutSecret(place, String(error));
  const message = `a bug in Sluice keeps it from using the store ${place.name} (${reason}); the standard error says where`;
  return { code: "io", message };
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
  // A session that stood still in a transaction and was ended, or that is left in one: it is given up.
  "25": "unreachable",
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
  const state = sqlStateOf(error);
  if (state !== null) return sqlStates[state] ?? sqlStates[state.slice(0, 2)] ?? null;
  const code = codeText(error);
  if (socketCodes.has(code)) return "unreachable";
  // Certificates that are not believed.
  if (/^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(code)) return "unreadable";
  if (/^SASL: |password must be a string/.test(error.message)) return "unreadable";
  return lostMessages.test(error.message) ? "unreachable" : null;
}

/** Null when it was not the server who said it. */
function sqlStateOf(error: Error): string | null {
  const code = codeText(error);
  return /^[0-9A-Z]{5}$/.test(code) && "severity" in error ? code : null;
}

function codeText(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
