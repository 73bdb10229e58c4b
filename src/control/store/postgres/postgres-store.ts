import { err, type Result } from "../../../base/result.ts";
import type { JournalEntry, JournalScope, NewEntry } from "../../../core/experiment/journal.ts";
import { over, textsOf } from "../append-texts.ts";
import {
  sharedStoreLimits,
  type RemotePart,
  type ReplicaReport,
  type SharedStore,
  type Standing,
  type StateVersion,
} from "../shared-store.ts";
import {
  historyBatchMax,
  type HistoryCuts,
  type HistoryPage,
  type HistoryQuery,
  type HistoryRow,
  type JournalQuery,
  type JudgedGuardrail,
  type KnownSeries,
  type NewState,
  type RollUp,
  type SeriesPage,
  type SeriesQuery,
  type StoredState,
  type StoreFault,
  type VerdictQuery,
  type VerdictRetention,
  type VerdictRow,
  type VerdictTrim,
} from "../store.ts";
import type { StoredVerdict } from "../verdicts.ts";
import { Bridge, type BridgeDependencies } from "./bridge.ts";
import { storable } from "./connection.ts";
import { placeOf } from "../../../core/config/database-place.ts";
import { schemaSteps, type SchemaStep } from "./schema.ts";

export type PostgresOptions = {
  /** This process, from its start to its end: no two replicas have the same. */
  readonly instance: string;
  /** How long a call waits, standing still, for the server. Default 1 s. */
  readonly deadlineMs?: number;
  /** Default 168 hours. */
  readonly historyRetentionMs?: number;
  /** Default 200 000, of all replicas together. */
  readonly historyRowsMax?: number;
  /** For looking on: nothing is created, migrated or written. Default false. */
  readonly isReadOnly?: boolean;
  /** For tests: another Sluice's schema. */
  readonly steps?: readonly SchemaStep[];
};

/**
 * Opens the store on the server at `url` (`postgres://user:password@host:port/database`), and brings its schema up to
 * date. It is open whether or not the server is there: until then, and whenever it is gone, calls give a fault at once.
 */
export function openPostgresStore(
  url: string,
  options: PostgresOptions,
  dependencies: BridgeDependencies,
): SharedStore {
  const bridge = new Bridge(
    {
      url,
      placeName: placeOf(url).name,
      instance: options.instance,
      deadlineMs: options.deadlineMs ?? 1000,
      historyRetentionMs: options.historyRetentionMs ?? 168 * 3_600_000,
      historyRowsMax: options.historyRowsMax ?? 200_000,
      isReadOnly: options.isReadOnly ?? false,
      steps: options.steps ?? schemaSteps,
    },
    dependencies,
  );
  return new PostgresStore(bridge, options.instance);
}

class PostgresStore implements SharedStore {
  readonly recoveredFrom = null;
  readonly instance: string;
  readonly #bridge: Bridge;

  constructor(bridge: Bridge, instance: string) {
    this.#bridge = bridge;
    this.instance = instance;
  }

  append(
    entries: readonly NewEntry[],
    states: readonly NewState[],
    fence?: number,
  ): Result<number, StoreFault> {
    const texts = textsOf(entries, states);
    if (!texts.ok) return texts;
    const { facts, states: stateTexts } = texts.value;
    return this.#bridge.ask("append", {
      entries: entries.map(({ atMs, actor, scope, subject, kind }, at) => {
        const texts = { actor: storable(actor), subject: storable(subject), kind: storable(kind) };
        return { atMs, scope, ...texts, facts: facts[at] as string };
      }),
      states: states.map(({ scope, subject, state, expected }, at) => ({
        scope,
        subject: storable(subject),
        text: state === null ? null : (stateTexts[at] as string),
        expected: expected ?? null,
      })),
      fence: fence ?? null,
    });
  }

  states(scope: JournalScope): Result<readonly StoredState[], StoreFault> {
    return this.#bridge.ask("states", scope);
  }

  read(query: JournalQuery): Result<readonly JournalEntry[], StoreFault> {
    return this.#bridge.ask("read", query);
  }

  addHistory(rows: readonly HistoryRow[], batch?: number): Result<void, StoreFault> {
    const tooLarge = over("rows of history at once", rows.length, historyBatchMax);
    if (tooLarge !== null) return err(tooLarge);
    const kept = rows.map((row) => ({ ...row, series: storable(row.series) }));
    return this.#bridge.ask("addHistory", kept, batch ?? null);
  }

  readHistory(query: HistoryQuery): Result<HistoryPage, StoreFault> {
    return this.#bridge.ask("readHistory", query);
  }

  rollUp(nowMs: number): Result<RollUp, StoreFault> {
    return this.#bridge.ask("rollUp", nowMs);
  }

  historySeries(prefix: string): Result<readonly KnownSeries[], StoreFault> {
    return this.#bridge.ask("historySeries", prefix);
  }

  historyCuts(): Result<HistoryCuts, StoreFault> {
    return this.#bridge.ask("historyCuts");
  }

  countSeries(query: Omit<SeriesQuery, "limit">): Result<number, StoreFault> {
    return this.#bridge.ask("countSeries", query);
  }

  readSeries(query: SeriesQuery): Result<SeriesPage, StoreFault> {
    return this.#bridge.ask("readSeries", query);
  }

  addVerdicts(rows: readonly VerdictRow[]): Result<void, StoreFault> {
    const tooLarge = over("verdicts at once", rows.length, historyBatchMax);
    if (tooLarge !== null) return err(tooLarge);
    const kept = rows.map(({ of, ...row }) => {
      const names = { experiment: storable(of.experiment), guardrail: storable(of.guardrail) };
      return { ...row, of: { ...of, ...names } };
    });
    return this.#bridge.ask("addVerdicts", kept);
  }

  judgedGuardrails(experiment: string): Result<readonly JudgedGuardrail[], StoreFault> {
    return this.#bridge.ask("judgedGuardrails", experiment);
  }

  firstVerdictMs(experiment: string): Result<number | null, StoreFault> {
    return this.#bridge.ask("firstVerdictMs", experiment);
  }

  readVerdicts(query: VerdictQuery): Result<readonly StoredVerdict[], StoreFault> {
    return this.#bridge.ask("readVerdicts", query);
  }

  trimVerdicts(nowMs: number, retention: VerdictRetention): Result<VerdictTrim, StoreFault> {
    return this.#bridge.ask("trimVerdicts", nowMs, retention);
  }

  heartbeat(report: ReplicaReport, wantsLead: boolean): Promise<Result<Standing, StoreFault>> {
    return this.#bridge.askLater("heartbeat", report, wantsLead);
  }

  async publish(sequence: number, body: Uint8Array): Promise<Result<void, StoreFault>> {
    const tooLarge = over(
      "bytes of telemetry at once",
      body.byteLength,
      sharedStoreLimits.telemetryBytesMax,
    );
    return tooLarge === null ? this.#bridge.askLater("publish", sequence, body) : err(tooLarge);
  }

  collect(): Promise<Result<readonly RemotePart[], StoreFault>> {
    return this.#bridge.askLater("collect");
  }

  onChange(listener: (changed: StateVersion) => void): void {
    this.#bridge.onChange = listener;
  }

  isUp(): boolean {
    return this.#bridge.isUp;
  }

  async leave(): Promise<void> {
    await this.#bridge.askLater("leave");
  }

  close(): void {
    this.#bridge.close();
  }
}
