import {
  sharedStoreLimits,
  type ReplicaReport,
  type SeenReplica,
  type Standing,
  type StateVersion,
} from "../shared-store.ts";
import { inTransaction, type Session } from "./connection.ts";
import { lockClass } from "./schema.ts";

const { leaseMs, replicaGoneMs, telemetryMs } = sharedStoreLimits;
/** An epoch's lock is the pair of this and the epoch. */
const epochLockClass = lockClass + 1;
/** A batch that is tried again after so long is a new one. */
const batchMs = 24 * 3_600_000;

type Leader = { readonly epoch: number; readonly instance: string | null; readonly agoMs: number };

/**
 * Who leads: the row says it, with an epoch that rises with each leader and with which decisions are fenced. Whether the
 * leader is still there is told by two things: it holds the advisory lock of its epoch as long as its session lives, and it
 * renews its row. The first is fast when a process ends, the second sees one that stands still. All ages are the server's.
 * It lives as long as its connection.
 */
export class Membership {
  readonly #instance: string;
  /** The epoch whose lock this session holds. */
  #epoch: number | null = null;

  constructor(instance: string) {
    this.#instance = instance;
  }

  async heartbeat(session: Session, report: ReplicaReport, wantsLead: boolean): Promise<Standing> {
    const standing = await inTransaction(session, async () => {
      await this.#register(session, report);
      const leader = await this.#contend(session, wantsLead);
      return {
        epoch: this.#epoch,
        leader: leader.agoMs <= leaseMs ? leader.instance : null,
        replicas: await readReplicas(session),
        states: await readVersions(session),
      };
    });
    if (standing.epoch !== null) await cleanUp(session);
    return standing;
  }

  async leave(session: Session): Promise<void> {
    await this.#giveUp(session);
    await session.run("DELETE FROM replica WHERE instance = $1", [this.#instance]);
  }

  async #register(session: Session, report: ReplicaReport): Promise<void> {
    await session.run(
      `INSERT INTO replica (instance, name, version, started_ms, admin_url, config_hash, seen_at)
       VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
       ON CONFLICT (instance) DO UPDATE SET name = excluded.name, version = excluded.version,
         started_ms = excluded.started_ms, admin_url = excluded.admin_url,
         config_hash = excluded.config_hash, seen_at = excluded.seen_at`,
      [
        this.#instance,
        report.name,
        report.version,
        Math.round(report.startedMs),
        report.adminUrl,
        report.configHash,
      ],
    );
  }

  /** The leader after this heartbeat. Only who leads or may begin to holds the row up to those who decide. */
  async #contend(session: Session, wantsLead: boolean): Promise<Leader> {
    const seen = await readLeader(session, false);
    const ledBefore = this.#isLeader(seen);
    // Another has led since: it woke up too late.
    if (!ledBefore) await this.#unlock(session);
    if (!wantsLead) {
      if (!ledBefore) return seen;
      await this.#giveUp(session);
      return { ...seen, instance: null };
    }
    if (!ledBefore && !(await isVacant(session, seen))) return seen;
    const leader = await readLeader(session, true);
    const leads = this.#isLeader(leader);
    // Somebody was faster between the two looks.
    if (!leads && leader.epoch !== seen.epoch) return leader;
    const epoch = leads ? leader.epoch : leader.epoch + 1;
    await session.run(
      "UPDATE leader SET epoch = $1, instance = $2, renewed_at = clock_timestamp()",
      [epoch, this.#instance],
    );
    if (!leads) await this.#lock(session, epoch);
    return { epoch, instance: this.#instance, agoMs: 0 };
  }

  #isLeader({ epoch, instance }: Leader): boolean {
    return instance === this.#instance && epoch === this.#epoch;
  }

  async #giveUp(session: Session): Promise<void> {
    await session.run("UPDATE leader SET instance = NULL WHERE instance = $1 AND epoch = $2", [
      this.#instance,
      this.#epoch ?? -1,
    ]);
    await this.#unlock(session);
  }

  /** Nobody else can hold it: whoever takes an epoch holds the row. */
  async #lock(session: Session, epoch: number): Promise<void> {
    await session.run("SELECT pg_advisory_lock($1, $2)", [epochLockClass, epoch]);
    this.#epoch = epoch;
  }

  async #unlock(session: Session): Promise<void> {
    if (this.#epoch === null) return;
    this.#epoch = null;
    await session.run("SELECT pg_advisory_unlock_all()");
  }
}

async function readLeader(session: Session, isLocked: boolean): Promise<Leader> {
  const [leader] = await session.rows<Leader>(
    `SELECT epoch, instance,
       extract(epoch FROM clock_timestamp() - renewed_at)::float8 * 1000 AS "agoMs"
     FROM leader ${isLocked ? "FOR UPDATE" : ""}`,
  );
  if (leader === undefined) throw new Error("the table leader is empty");
  return leader;
}

/** Nobody leads, or whoever does is gone or silent. */
async function isVacant(session: Session, { epoch, instance, agoMs }: Leader): Promise<boolean> {
  if (instance === null || agoMs > leaseMs) return true;
  const [probe] = await session.rows<{ isFree: boolean }>(
    `SELECT pg_try_advisory_xact_lock($1, $2) AS "isFree"`,
    [epochLockClass, epoch],
  );
  return probe?.isFree === true;
}

async function readReplicas(session: Session): Promise<readonly SeenReplica[]> {
  return session.rows<SeenReplica>(
    `SELECT instance, name, version, started_ms AS "startedMs", admin_url AS "adminUrl",
       config_hash AS "configHash",
       extract(epoch FROM clock_timestamp() - seen_at)::float8 * 1000 AS "seenAgoMs"
     FROM replica WHERE seen_at > clock_timestamp() - $1 * interval '1 millisecond'
     ORDER BY name, instance`,
    [replicaGoneMs],
  );
}

async function readVersions(session: Session): Promise<readonly StateVersion[]> {
  return session.rows<StateVersion>(
    "SELECT scope, subject, version FROM state ORDER BY scope, subject",
  );
}

/** What nobody needs any more; the leader does it for all, a part with each heartbeat. */
async function cleanUp(session: Session): Promise<void> {
  const tables = [
    ["telemetry", "at", telemetryMs],
    ["replica", "seen_at", replicaGoneMs],
    ["history_batch", "added_at", batchMs],
  ] as const;
  for (const [table, column, keptMs] of tables) {
    await session.run(
      `DELETE FROM ${table} WHERE ${column} < clock_timestamp() - $1 * interval '1 millisecond'`,
      [keptMs],
    );
  }
}
