import type { Clock, Timers } from "../../base/clock.ts";
import { gravityOf, unitOf } from "../../core/rollout/guardrail/gravity.ts";
import type { Verdict } from "../../core/rollout/guardrail/verdict.ts";
import type { GuardrailPolicy } from "../../core/rollout/policy.ts";
import type { HistoryState } from "../history-writer.ts";
import type { JudgedGuardrail, Store, VerdictRow } from "../store/store.ts";
import type { SupervisorLog } from "../worker-slot.ts";

export const verdictLimits = {
  /** In memory: stretches of one second, for so long. */
  recentMs: 15 * 60_000,
  /** Rows in memory, all rollouts together; beyond, the oldest go. */
  recentRowsMax: 100_000,
  /** Rows that wait for the store; beyond, the oldest go. */
  waitingMax: 20_000,
  batchMax: 500,
  /** Rows in the store. */
  storedMax: 500_000,
  storedMs: 7 * 24 * 3_600_000,
  writeEveryMs: 1000,
  trimEveryMs: 60_000,
} as const;

/** Stretches in memory and in the store. */
export const verdictResolutionsMs = { recent: 1000, stored: 10_000 } as const;

export type VerdictLogState = HistoryState & {
  readonly recent: { readonly rows: number; readonly dropped: number };
};

/** What guardrails said: of late in memory, in the store for days. In each stretch the gravest verdict counts. */
export type VerdictLog = {
  note(
    experiment: string,
    guardrails: readonly GuardrailPolicy[],
    verdicts: readonly Verdict[],
  ): void;
  /** By time, oldest first: what is in memory, and what waits for the store. */
  rows(experiment: string): readonly VerdictRow[];
  /** Since when every verdict is in memory. */
  completeFromMs(): number;
  state(): VerdictLogState;
  /** Writes what is held, and ends. */
  stop(): void;
};

export type VerdictLogDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Null keeps verdicts in memory only. */
  readonly store: Pick<Store, "addVerdicts" | "trimVerdicts"> | null;
  /** Whether this process deletes old verdicts; of several that share a store, one does. Default: yes. */
  readonly trims?: () => boolean;
  /** How long the store keeps telemetry; verdicts go after a week if that is earlier. */
  readonly retentionMs: number;
  readonly log: SupervisorLog;
};

function isAlways(): boolean {
  return true;
}

export function createVerdictLog(dependencies: VerdictLogDependencies): VerdictLog {
  const { clock, timers, store, retentionMs, log, trims = isAlways } = dependencies;
  /** By time, experiment and guardrail, in the order in which they came. */
  const recent = new Map<string, VerdictRow>();
  const waiting = new Map<string, VerdictRow>();
  const counts = { written: 0, dropped: 0 };
  let recentDropped = 0;
  let completeFromMs = clock.wallMs();
  let toldMs = -Infinity;
  let trimmedMs = clock.monotonicMs();
  let isTrimming = false;

  function note(experiment: string, policy: GuardrailPolicy, verdict: Verdict): void {
    const { name: guardrail, onBreach, dryRun } = policy;
    const of: JudgedGuardrail = { experiment, guardrail, unit: unitOf(policy), onBreach, dryRun };
    const nowMs = clock.wallMs();
    const row = rowOf(of, verdict);
    const { recent: recentMs, stored: storedMs } = verdictResolutionsMs;
    put(recent, { ...row, atMs: Math.floor(nowMs / recentMs) * recentMs });
    if (store === null) return;
    put(waiting, { ...row, atMs: Math.floor(nowMs / storedMs) * storedMs });
  }

  function makeRoom(): void {
    const untilMs = clock.wallMs() - verdictLimits.recentMs;
    for (const [id, { atMs }] of recent) {
      const isSurplus = recent.size > verdictLimits.recentRowsMax;
      if (atMs >= untilMs && !isSurplus) break;
      recent.delete(id);
      if (isSurplus) recentDropped += 1;
      completeFromMs = Math.max(completeFromMs, atMs + verdictResolutionsMs.recent);
    }
    for (const id of waiting.keys()) {
      if (waiting.size <= verdictLimits.waitingMax) break;
      waiting.delete(id);
      counts.dropped += 1;
    }
  }

  /** Over, or of a time that the clock has gone back from. */
  function isOver({ atMs }: VerdictRow): boolean {
    const nowMs = clock.wallMs();
    return nowMs >= atMs + verdictResolutionsMs.stored || atMs > nowMs;
  }

  /** Writes a batch; false when the store did not take it. */
  function write(which: (row: VerdictRow) => boolean): boolean {
    const batch: [string, VerdictRow][] = [];
    for (const entry of waiting) {
      if (!which(entry[1])) continue;
      batch.push(entry);
      if (batch.length === verdictLimits.batchMax) break;
    }
    if (store === null || batch.length === 0) return true;
    const added = store.addVerdicts(batch.map(([, row]) => row));
    if (!added.ok) {
      complain(added.error.message);
      return false;
    }
    for (const [id] of batch) waiting.delete(id);
    counts.written += batch.length;
    return true;
  }

  function trim(): void {
    const nowMs = clock.monotonicMs();
    if (store === null || !trims()) return;
    if (!isTrimming && nowMs - trimmedMs < verdictLimits.trimEveryMs) return;
    trimmedMs = nowMs;
    const trimmed = store.trimVerdicts(Math.round(clock.wallMs()), {
      retentionMs: Math.min(retentionMs, verdictLimits.storedMs),
      rowsMax: verdictLimits.storedMax,
    });
    // What is left comes with the next turn, so that no turn is long.
    isTrimming = trimmed.ok && !trimmed.value.isDone;
    if (!trimmed.ok) complain(trimmed.error.message);
  }

  function complain(reason: string): void {
    if (clock.monotonicMs() - toldMs < 60_000) return;
    toldMs = clock.monotonicMs();
    log("error", "verdict history not written", { reason, waiting: waiting.size });
  }

  const cancel = timers.every(verdictLimits.writeEveryMs, () => {
    if (write(isOver)) trim();
  });
  return {
    note(experiment, guardrails, verdicts) {
      for (const [at, verdict] of verdicts.entries()) {
        const policy = guardrails[at];
        if (policy !== undefined) note(experiment, policy, verdict);
      }
      makeRoom();
    },
    rows: (experiment) =>
      [...waiting.values(), ...recent.values()].filter(({ of }) => of.experiment === experiment),
    completeFromMs: () => Math.max(completeFromMs, clock.wallMs() - verdictLimits.recentMs),
    state: () => ({
      ...counts,
      waiting: waiting.size,
      recent: { rows: recent.size, dropped: recentDropped },
    }),
    stop() {
      cancel();
      while (waiting.size > 0 && write(() => true));
    },
  };
}

function rowOf(of: JudgedGuardrail, verdict: Verdict): Omit<VerdictRow, "atMs"> {
  const { value, control, limit, n, interval, pValue } = verdict;
  const [low, high] = [interval?.low ?? null, interval?.high ?? null];
  return { of, verdict: verdict.verdict, value, control, limit, low, high, requests: n, pValue };
}

/** Where there is a row of the same guardrail and time, the graver one stays, and of equals the later. */
function put(rows: Map<string, VerdictRow>, row: VerdictRow): void {
  const id = `${row.atMs} ${row.of.experiment} ${row.of.guardrail}`;
  const known = rows.get(id);
  if (known === undefined || gravityOf(row.verdict) >= gravityOf(known.verdict)) rows.set(id, row);
}
