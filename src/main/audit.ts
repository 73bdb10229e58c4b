import type { Clock } from "../base/clock.ts";
import type { JournalStore } from "../control/past/memory-journal.ts";
import type { ReloadOutcome } from "../control/reload.ts";
import type { SupervisorLog } from "../control/worker-slot.ts";
import type { NewEntry } from "../core/experiment/journal.ts";
import type { AdminChange, DeniedRequest } from "../faces/admin/audit.ts";

/** What is written down of changes that a person or a file made, and counted of requests that were denied. */
export type Audit = {
  /** A reload; only one that is in force leaves an entry. */
  readonly reloaded: (actor: string, reason: string, outcome: ReloadOutcome) => void;
  /** A change through the admin port that was done. */
  readonly changed: (change: AdminChange) => void;
  readonly denied: (request: DeniedRequest) => void;
  /** Denied requests by code since the start. */
  readonly denials: () => Readonly<Record<DeniedRequest["code"], number>>;
};

/** Changes of a reload that an entry names; the rest is counted. */
const changesMax = 100;
const changeLengthMax = 300;
/** Denials are told once in this time for each code, with how many there were. */
const quietMs = 60_000;

export function createAudit({
  journal,
  clock,
  log,
  file,
}: {
  readonly journal: Pick<JournalStore, "append">;
  readonly clock: Clock;
  readonly log: SupervisorLog;
  /** What the configuration is called. */
  readonly file: string;
}): Audit {
  const denials = {
    unauthorized: 0,
    too_many_failed_tries: 0,
    host_not_allowed: 0,
    read_only: 0,
    cross_site_request: 0,
  };
  const told = new Map<string, { readonly atMs: number; readonly count: number }>();

  function keep(entry: Omit<NewEntry, "atMs">): void {
    const kept = journal.append([{ ...entry, atMs: Math.round(clock.wallMs()) }], []);
    if (kept.ok) return;
    const { scope, kind, actor } = entry;
    log("error", "not written in the journal", { scope, kind, actor, reason: kept.error.message });
  }

  return {
    reloaded(actor, reason, outcome) {
      if (outcome.kind !== "applied") return;
      const { generation, etag, changes, notSaved } = outcome;
      const facts = {
        generation,
        etag,
        reason,
        changes: changes.slice(0, changesMax).map((change) => change.slice(0, changeLengthMax)),
        more_changes: Math.max(0, changes.length - changesMax),
        not_saved: notSaved,
      };
      keep({ scope: "config", subject: file, kind: "reloaded", actor, facts });
    },
    changed({ actor, method, path, role, proof, address }) {
      const facts = { method, role, proof, address };
      keep({ scope: "admin", subject: path, kind: "changed", actor, facts });
    },
    denied({ code, address, path }) {
      denials[code] += 1;
      const before = told.get(code) ?? { atMs: -Infinity, count: 0 };
      const nowMs = clock.monotonicMs();
      if (nowMs - before.atMs < quietMs) return;
      told.set(code, { atMs: nowMs, count: denials[code] });
      const times = denials[code] - before.count;
      log("warn", "denied at the admin port", { code, address, path, times });
    },
    denials: () => denials,
  };
}
