import pino from "pino";
import type { DestinationStream, Logger } from "pino";
import type { LogPolicy } from "../core/config/model.ts";
import type { AccessRecord } from "../wire/messages.ts";
import type { SupervisorLog } from "./worker-slot.ts";

/** Where log lines go: JSON, one line each. */
export type SluiceLog = {
  /** What happens to Sluice itself. */
  readonly app: SupervisorLog;
  /** One line for each finished exchange that the sample took. */
  access(records: readonly AccessRecord[]): void;
  setLevel(level: LogPolicy["level"]): void;
};

/** Fields that never get into a line, whoever passes them. */
const secretFields = ["token", "authorization", "cookie", "password"];
const redacted = secretFields.flatMap((field) => [field, `*.${field}`]);

/** The log of one Sluice; `destination` is the process's own or a test's. */
export function createLog(level: LogPolicy["level"], destination: DestinationStream): SluiceLog {
  const logger: Logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: "[redacted]" },
    },
    destination,
  );
  const accessLogger = logger.child({ log: "access" }, { level: accessLevel(level) });
  return {
    app: (at, message, facts) => logger[at](facts, message),
    access(records) {
      for (const record of records) accessLogger.info(describeAccess(record));
    },
    setLevel(next) {
      logger.level = next;
      accessLogger.level = accessLevel(next);
    },
  };
}

/** The sample says how many access lines there are; the level only turns them off with everything else. */
function accessLevel(level: LogPolicy["level"]): LogPolicy["level"] {
  return level === "silent" ? "silent" : "info";
}

/** One exchange in the names of OpenTelemetry's HTTP conventions where they have one. */
function describeAccess(record: AccessRecord): object {
  return {
    at: new Date(record.atMs).toISOString(),
    request_id: record.requestId,
    method: record.method,
    path: record.path,
    status: record.status,
    outcome: record.outcome,
    experiment: record.experiment,
    variant: record.variant,
    route: record.route,
    upstream: record.upstream,
    duration_ms: round(record.durationMs),
    first_byte_ms: record.firstByteMs === null ? null : round(record.firstByteMs),
    bytes_in: record.bytesIn,
    bytes_out: record.bytesOut,
    retries: record.retries,
    code: record.code,
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
