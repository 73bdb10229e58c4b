import type { Clock, Timers } from "../base/clock.ts";
import type { Result } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import type { NewEntry } from "../core/experiment/journal.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import {
  addEvidence,
  createEvidence,
  forgetWorker,
  takeTicks,
  treatedOf,
  type Evidence,
} from "../core/rollout/evidence.ts";
import type { QueryTick } from "../core/rollout/guardrail/window.ts";
import type { RolloutPolicy } from "../core/rollout/policy.ts";
import type {
  RolloutCommand,
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../core/rollout/state.ts";
import { createRollout, step } from "../core/rollout/step.ts";
import type { TelemetrySnapshot } from "../core/telemetry/snapshot.ts";
import { forgetProven, isProven, noteProven, type ProvenVariant } from "../core/rollout/proven.ts";
import { restoreProven, restoreRollout, saveRollout } from "../core/rollout/saved.ts";
import { describeWait } from "../core/rollout/wait.ts";
import { createComplaints } from "./complaints.ts";
import type { Gates } from "./gates.ts";
import {
  commandFor,
  isSamePlan,
  isSameSplit,
  marksOf,
  noSplit,
  splitOf,
  withShare,
  type Split,
  type VariantMarks,
} from "./rollout-plan.ts";
import { readJournal, readStates, type JournalLine } from "./kept.ts";
import type { VerdictLog } from "./past/verdict-log.ts";
import type { Store } from "./store/store.ts";
import type { WorkerSource } from "./worker-slot.ts";

/** How often rollouts are judged. */
export const judgeEveryMs = 250;
/** Entries that wait for the store; the oldest go first, the state says all that matters. */
const owedMax = 100;
/** Journal entries that are kept in memory for each rollout. */
export const journalMax = 200;

export type RolloutView = {
  readonly experiment: string;
  readonly policy: RolloutPolicy;
  readonly state: RolloutState;
  /** The share that every worker confirmed; the state's is the one that is wanted. */
  readonly appliedShare: number;
  /** What keeps it from its next step; null when it is not under way. */
  readonly waitsFor: string | null;
  readonly journal: readonly JournalLine[];
};

export type RolloutsDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Keeps journal and states; null keeps them in memory only. */
  readonly store: Pick<Store, "append" | "states" | "read"> | null;
  /** Puts the present shares in force; an error means that the old ones still are. */
  readonly apply: (experiment: string) => Promise<Result<unknown, string>>;
  /** Asks the webhooks of steps. */
  readonly gates: Pick<Gates, "ask" | "cancel">;
  /** Told of every judgement, in the order of the policy's guardrails. */
  readonly onVerdicts?: VerdictLog["note"];
  /** The last answer to a guardrail's query. */
  readonly queries: (experiment: string, guardrail: string) => QueryTick | null;
  readonly log: (
    level: "info" | "warn" | "error",
    message: string,
    facts: Record<string, unknown>,
  ) => void;
};

/** Runs the rollouts of the configuration: judges, climbs, rolls back, and does what people tell it. */
export type Rollouts = {
  /** Takes over a configuration: new rollouts wait, changed ones start anew at 0, removed ones are gone. */
  configure(config: Config): void;
  /** The configuration with the rollouts' shares in it. */
  withShares(config: Config): Config;
  /** Telemetry of one worker; only that of the present epoch counts. */
  take(
    source: WorkerSource,
    telemetry: TelemetrySnapshot,
    epochs: Readonly<Record<string, number>>,
  ): void;
  /** Judges at once: a worker has seen what cannot wait for the next look. */
  judge(): void;
  workerGone(source: WorkerSource): void;
  /** Null when it was done, else why not; undefined when there is no such rollout. */
  command(
    experiment: string,
    name: RolloutCommandName,
    actor: string,
    reason?: string,
  ): string | null | undefined;
  view(): readonly RolloutView[];
  stop(): void;
};

type JournalCommand = Extract<RolloutCommand, { kind: "journal" }>;

type Running = {
  experiment: ExperimentPolicy;
  policy: RolloutPolicy;
  state: RolloutState;
  marks: VariantMarks;
  /** Variants that everybody had of late. */
  proven: readonly ProvenVariant[];
  /** When the first step began, if this process has seen it. */
  startedMs: number | null;
  evidence: Evidence;
  applied: Split;
  isApplying: boolean;
  journal: JournalLine[];
  /** What took effect without being written down, because the store could not; tried again with every tick. */
  owed: NewEntry[];
};

export function createRollouts(config: Config, dependencies: RolloutsDependencies): Rollouts {
  const { clock, timers, apply, log, store, gates, queries } = dependencies;
  const running = new Map<string, Running>();
  const kept = readStates(store, "rollout", log);
  const complain = createComplaints(clock, log);

  function configure(next: Config): void {
    for (const key of running.keys()) {
      if (next.experiments[key]?.rollout === undefined || next.experiments[key]?.rollout === null) {
        running.delete(key);
        gates.cancel(key);
      }
    }
    for (const experiment of Object.values(next.experiments)) {
      if (experiment.rollout === null) continue;
      const known = running.get(experiment.key);
      if (known !== undefined && isSamePlan(known.experiment, experiment)) {
        const before = known.policy.desired;
        known.experiment = experiment;
        known.policy = experiment.rollout;
        known.marks = marksOf(experiment, next.upstreams);
        if (before !== known.policy.desired) obeyFile(known);
        continue;
      }
      gates.cancel(experiment.key);
      const stored = kept.get(experiment.key);
      // Only a start takes up what was left; later the process knows better.
      kept.delete(experiment.key);
      const state =
        (stored === undefined
          ? null
          : restoreRollout(experiment, experiment.rollout, stored, clock.monotonicMs())) ??
        createRollout(experiment.rollout);
      const one: Running = {
        experiment,
        policy: experiment.rollout,
        state,
        marks: marksOf(experiment, next.upstreams),
        proven: known?.proven ?? (stored === undefined ? [] : restoreProven(stored)),
        startedMs: null,
        evidence: createEvidence(experiment.rollout),
        // Another plan was routed with nobody in its treatment: see withShare.
        applied: noSplit,
        isApplying: false,
        owed: known?.owed ?? [],
        journal: known?.journal ?? readJournal(store, "rollout", experiment.key, journalMax),
      };
      running.set(experiment.key, one);
      if (known?.state.phase.kind === "promoted") {
        one.proven = noteProven(one.proven, known.marks.treatment, clock.wallMs());
      }
      if (known === undefined) {
        if (state.phase.kind === "waiting") obeyFile(one);
        continue;
      }
      const facts = { former_share: known.state.share, former_phase: known.state.phase.kind };
      const line = { kind: "journal", what: "plan_changed", actor: "reload", facts } as const;
      // Nobody has the treatment now, so the store may say what it will.
      const entry = entryOf(one, line);
      if (keep(one, state, [entry]) !== null) one.owed.push(entry);
      tell(one, line);
      obeyFile(one);
    }
  }

  /** Does what the file wants, as far as that is possible from where the rollout stands. */
  function obeyFile(one: Running): void {
    const name = commandFor(one.policy.desired, one.state.phase.kind);
    if (name === null) return;
    const refused = order(one, name, "configuration");
    if (refused !== null) {
      log("warn", "rollout stays as it is", {
        experiment: one.experiment.key,
        wanted: one.policy.desired,
        reason: refused,
      });
    }
  }

  /** Shows a journal line to those who ask and to those who read the log. */
  function tell(one: Running, { what, actor, facts }: JournalCommand): void {
    one.journal.push({ atMs: clock.wallMs(), what, actor, facts });
    if (one.journal.length > journalMax) one.journal.shift();
    const isBad = what === "rolled_back" || what === "alert" || what === "paused";
    log(isBad ? "warn" : "info", `rollout ${what}`, {
      experiment: one.experiment.key,
      actor,
      ...facts,
    });
  }

  function order(
    one: Running,
    name: RolloutCommandName,
    actor: string,
    reason?: string,
  ): string | null {
    const { restoreWithinMs } = one.policy;
    const said = reason === undefined ? {} : { reason };
    return feed(one, {
      kind: "command",
      name,
      actor,
      ...said,
      isProven: isProven(one.proven, one.marks.treatment, restoreWithinMs, clock.wallMs()),
    });
  }

  /** When it began, and what becomes of the variants' good name. */
  function noteFate(one: Running, { what, actor, facts }: JournalCommand): void {
    if (what === "step" && facts["step"] === 1) one.startedMs = clock.monotonicMs();
    const isFailed = what === "rolled_back" && actor === "controller";
    if (isFailed) one.proven = forgetProven(one.proven, one.marks.treatment);
    if (what !== "promoted") return;
    for (const mark of Object.values(one.marks)) {
      one.proven = noteProven(one.proven, mark, clock.wallMs());
    }
  }

  function feed(one: Running, event: RolloutEvent): string | null {
    const { next, commands, refused } = step(one.policy, one.state, event, clock.monotonicMs());
    const lines = commands.flatMap((command) => (command.kind === "journal" ? [command] : []));
    const { proven, startedMs } = one;
    for (const line of lines) noteFate(one, line);
    const entries = lines.map((line) => entryOf(one, line));
    const unkept = lines.length === 0 ? null : keep(one, next, entries);
    if (unkept !== null) {
      // What cannot be written down may lower the risk, never raise it.
      if (next.share > one.state.share) {
        Object.assign(one, { proven, startedMs });
        return `the store cannot keep it: ${unkept}`;
      }
      one.owed = one.owed.concat(entries).slice(-owedMax);
    }
    if (event.kind === "tick" && next.verdicts !== one.state.verdicts) {
      dependencies.onVerdicts?.(one.experiment.key, one.policy.guardrails, next.verdicts);
    }
    one.state = next;
    for (const line of lines) tell(one, line);
    for (const command of commands) {
      if (command.kind === "set_share") void bringShare(one);
      else if (command.kind === "ask_gate") askGate(one, command);
    }
    return refused;
  }

  function askGate(one: Running, asked: Extract<RolloutCommand, { kind: "ask_gate" }>): void {
    const { key } = one.experiment;
    const { step: at, share, gate } = asked;
    const facts = one.state.verdicts.map(({ guardrail, verdict, value, limit, n, reason }) => {
      return { guardrail, verdict, value, limit, requests: n, reason };
    });
    gates.ask({ experiment: key, step: at + 1, share, ...gate }, facts, ({ kind, detail }) => {
      if (running.get(key) !== one) return;
      feed(one, { kind: "gate", step: at, isOpen: kind === "open", answer: detail });
    });
  }

  function entryOf(one: Running, { what, actor, facts }: JournalCommand): NewEntry {
    const atMs = Math.round(clock.wallMs());
    const subject = one.experiment.key;
    return { atMs, actor, scope: "rollout", subject, kind: what, facts };
  }

  /** Writes what is owed, the journal and the new state, durably; the answer is why that was not possible. */
  function keep(one: Running, next: RolloutState, fresh: readonly NewEntry[]): string | null {
    if (store === null) return null;
    const subject = one.experiment.key;
    const entries = one.owed.concat(fresh);
    const state = saveRollout(one.experiment, next, one.proven, clock.monotonicMs());
    const kept = store.append(entries, [{ scope: "rollout", subject, state }]);
    if (kept.ok) {
      one.owed = [];
      return null;
    }
    const { code, message } = kept.error;
    complain("rollout not written down", { experiment: subject, code, reason: message });
    return message;
  }

  /** Puts the wanted share in force; what a worker refuses is tried again with the next tick. */
  async function bringShare(one: Running): Promise<void> {
    const split = splitOf(one.state);
    if (one.isApplying || isSameSplit(split, one.applied)) return;
    one.isApplying = true;
    const { share } = split;
    // Requests of the split that ends are told by their epoch; what is still in flight is not held against the next.
    const sinceMs = clock.monotonicMs();
    const applied = await apply(one.experiment.key);
    one.isApplying = false;
    if (running.get(one.experiment.key) !== one) return;
    if (applied.ok) {
      one.applied = split;
      const tookMs = Math.round(10 * (clock.monotonicMs() - sinceMs)) / 10;
      log("info", "share in force", { experiment: one.experiment.key, share, tookMs });
    } else
      complain("share not applied", {
        experiment: one.experiment.key,
        share,
        reason: applied.error,
      });
    // A rollback that came meanwhile does not wait for the next tick.
    if (applied.ok && !isSameSplit(splitOf(one.state), split)) await bringShare(one);
  }

  function judge(): void {
    for (const one of running.values()) {
      if (one.owed.length > 0) keep(one, one.state, []);
      const { shadow } = one.applied;
      // The same users are behind both the copies and the answers.
      const byUser = one.experiment.assignment.strategy === "hash" && shadow === 0;
      const share = shadow > 0 ? shadow / (1 + shadow) : one.applied.share;
      const { key } = one.experiment;
      const ticks = takeTicks(one.evidence, share, byUser, (name) => queries(key, name));
      feed(one, { kind: "tick", ticks, treated: treatedOf(one.evidence) });
      void bringShare(one);
    }
  }

  configure(config);
  const cancel = timers.every(judgeEveryMs, judge);
  return {
    configure,
    withShares: (wanted) => ({
      ...wanted,
      experiments: Object.fromEntries(
        Object.entries(wanted.experiments).map(([key, experiment]) => [
          key,
          withShare(experiment, running.get(key)),
        ]),
      ),
    }),
    take(source, { series }, epochs) {
      for (const delta of series) {
        const { experiment, variant, epoch } = delta.key;
        const one = experiment === null ? undefined : running.get(experiment);
        if (one === undefined || experiment === null || epoch !== epochs[experiment]) continue;
        const control = one.experiment.variants.find((each) => each.control)?.key;
        const arm = variant === control ? "control" : "treatment";
        const { startedMs, policy } = one;
        addEvidence(one.evidence, arm, nameOf(source), delta, {
          isShadowStep: one.applied.shadow > 0,
          isWarmingUp: startedMs !== null && clock.monotonicMs() - startedMs < policy.warmUpMs,
        });
      }
    },
    judge,
    workerGone(source) {
      for (const { evidence } of running.values()) forgetWorker(evidence, nameOf(source));
    },
    command(experiment, name, actor, reason) {
      const one = running.get(experiment);
      if (one === undefined) return undefined;
      return order(one, name, actor, reason);
    },
    view: () =>
      Array.from(running, ([experiment, { policy, state, applied, journal }]) => ({
        experiment,
        policy,
        state,
        appliedShare: applied.share,
        waitsFor: describeWait(policy, state, clock.monotonicMs()),
        journal,
      })),
    stop: cancel,
  };
}

function nameOf({ index, incarnation }: WorkerSource): string {
  return `${index}.${incarnation}`;
}
