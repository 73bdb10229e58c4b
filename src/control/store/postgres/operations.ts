import type { HistoryOptions } from "../history.ts";
import type { Session } from "./connection.ts";
import { HistoryTables } from "./history.ts";
import {
  countSeries,
  readCuts,
  readHistory,
  readSeries,
  readSeriesNames,
} from "./history-reads.ts";
import { append, readJournal, readStates } from "./journal.ts";
import type { Performed } from "./messages.ts";
import { Membership } from "./replicas.ts";
import { publish, TelemetryReader } from "./telemetry.ts";
import {
  addVerdicts,
  firstVerdictMs,
  readGuardrails,
  readVerdicts,
  trimVerdicts,
} from "./verdicts.ts";

/** Gives a connection for as long as `run` takes; rejects when the server is gone. */
type Ask = <Value>(run: (session: Session) => Promise<Value>) => Promise<Value>;

/** What is remembered between two calls. */
export class ServerParts {
  readonly instance: string;
  readonly history: HistoryTables;
  readonly telemetry: TelemetryReader;
  membership: Membership;

  constructor({ instance, ...options }: HistoryOptions & { readonly instance: string }) {
    this.instance = instance;
    this.history = new HistoryTables(options);
    this.telemetry = new TelemetryReader(instance);
    this.membership = new Membership(instance);
  }

  /** A new session holds no locks and hears nothing yet. */
  async begin(session: Session, channel: string): Promise<void> {
    this.membership = new Membership(this.instance);
    await session.run(`LISTEN ${channel}`);
    await this.telemetry.begin(session);
  }
}

/** Each operation on the connection that it belongs to. */
export function createOperations(
  parts: ServerParts,
  { work, session }: { readonly work: Ask; readonly session: Ask },
): Performed {
  const { instance, history, telemetry } = parts;
  return {
    append: (appended) => work((asked) => append(asked, appended, instance)),
    states: (scope) => work((asked) => readStates(asked, scope)),
    read: (query) => work((asked) => readJournal(asked, query)),
    addHistory: (rows, batch) => work((asked) => history.add(asked, rows, instance, batch)),
    readHistory: (query) => work((asked) => readHistory(asked, query)),
    rollUp: (nowMs) => work((asked) => history.rollUp(asked, nowMs)),
    historySeries: (prefix) => work((asked) => readSeriesNames(asked, prefix)),
    historyCuts: () => work(readCuts),
    countSeries: (query) => work((asked) => countSeries(asked, query)),
    readSeries: (query) => work((asked) => readSeries(asked, query)),
    addVerdicts: (rows) => work((asked) => addVerdicts(asked, rows)),
    judgedGuardrails: (experiment) => work((asked) => readGuardrails(asked, experiment)),
    firstVerdictMs: (experiment) => work((asked) => firstVerdictMs(asked, experiment)),
    readVerdicts: (query) => work((asked) => readVerdicts(asked, query)),
    trimVerdicts: (nowMs, retention) => work((asked) => trimVerdicts(asked, nowMs, retention)),
    heartbeat: (report, wantsLead) =>
      session((asked) => parts.membership.heartbeat(asked, report, wantsLead)),
    publish: (sequence, body) => session((asked) => publish(asked, instance, sequence, body)),
    collect: () => telemetry.collect(session),
    leave: () => session((asked) => parts.membership.leave(asked)),
  };
}
