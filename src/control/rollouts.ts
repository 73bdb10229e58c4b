import type { Clock, Timers } from "../base/clock.ts";
import type { Result } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import { addEvidence, forgetWorker, takeTicks, treatedOf } from "../core/rollout/evidence.ts";
import type { QueryTick } from "../core/rollout/guardrail/window.ts";

import type {
  RolloutCommand,
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../core/rollout/state.ts";
import { createRollout, step } from "../core/rollout/step.ts";
import { adoptRollout, isLoweringCommand, lowersRisk } from "../core/rollout/adoption.ts";
import type { SeriesDelta } from "../core/telemetry/snapshot.ts";
import { isProven, noteProven } from "../core/rollout/proven.ts";
import { restoreProven, restoreRollout } from "../core/rollout/saved.ts";
import { createComplaints } from "./complaints.ts";
import type { Gates } from "./gates.ts";
import { commandFor, isSamePlan, marksOf, withShare } from "./rollout-plan.ts";
import { createShareBringer } from "./rollout-share.ts";
import { viewRollout, type RolloutView } from "./rollout-view.ts";
import {
  changeState,
  createRolloutRecord,
  createRunning,
  factsOf,
  noteFate,
  type JournalCommand,
  type Running,
} from "./rollout-record.ts";
import { journalMax, owedMax, readJournal, readStates } from "./kept.ts";
import type { VerdictLog } from "./past/verdict-log.ts";
import {
  cutOffReason,
  foreignReason,
  isOutdated,
  mayLead,
  outdatedTriesMax,
  type Sharing,
} from "./replica/sharing.ts";
import type { Store } from "./store/store.ts";

/** How often rollouts are judged. */
export const judgeEveryMs = 250;

export type RolloutsDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Keeps journal and states; null keeps them in memory only. */
  readonly store: Pick<Store, "append" | "states" | "read"> | null;
  /** Set where several replicas share the store. */
  readonly sharing?: Sharing;
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
  /** Telemetry of one worker, whose name is unique among those of all replicas; only that of the present epoch counts. */
  take(
    worker: string,
    series: readonly SeriesDelta[],
    epochs: Readonly<Record<string, number>>,
  ): void;
  /** Another replica has brought a rollout on. */
  adopt(experiment: string): void;
  /** This replica leads from now on: what its file wants counts. */
  lead(): void;
  /** Judges at once: a worker has seen what cannot wait for the next look. */
  judge(): void;
  workerGone(worker: string): void;
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

export function createRollouts(config: Config, dependencies: RolloutsDependencies): Rollouts {
  const { clock, timers, apply, log, store, sharing, gates, queries } = dependencies;
  const running = new Map<string, Running>();
  const kept = readStates(sharing === undefined ? store : null, "rollout", log);
  const complain = createComplaints(clock, log);
  const record = createRolloutRecord({ clock, store, sharing, complain });
  const { entryOf, keep, shared, sharedState, isForeign } = record;
  const bringShare = createShareBringer({
    clock,
    apply,
    log,
    complain,
    isRunning: (one) => running.get(one.experiment.key) === one,
  });

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
      // Of a store of its own, only a start takes up what was left: later the process knows better.
      const stored = sharing?.latest("rollout", experiment.key) ?? kept.get(experiment.key);
      kept.delete(experiment.key);
      const restored =
        stored === undefined
          ? null
          : restoreRollout(experiment, experiment.rollout, stored, clock.monotonicMs());
      const one = createRunning(experiment, experiment.rollout, restored);
      one.marks = marksOf(experiment, next.upstreams);
      one.wasShared = restored !== null;
      one.proven = known?.proven ?? (stored === undefined ? [] : restoreProven(stored));
      one.owed = known?.owed ?? [];
      one.journal = known?.journal ?? readJournal(store, "rollout", experiment.key, journalMax);
      running.set(experiment.key, one);
      if (known?.state.phase.kind === "promoted") {
        one.proven = noteProven(one.proven, known.marks.treatment, clock.wallMs());
      }
      // Another replica may have had the new plan before; until then its leader decides what becomes of the old one.
      if (known !== undefined && restored === null && mayLead(sharing)) claim(one, known.state);
      if (one.state.phase.kind === "waiting") obeyFile(one);
    }
  }

  /** Writes down that there is another plan now; nobody has its treatment yet. */
  function claim(one: Running, former: RolloutState | null): void {
    const facts =
      former === null ? {} : { former_share: former.share, former_phase: former.phase.kind };
    const line = { kind: "journal", what: "plan_changed", actor: "reload", facts } as const;
    const entry = entryOf(one, line);
    const unkept = keep(one, one.state, [entry]);
    if (unkept !== null && isOutdated(unkept)) {
      adopt(one);
      return;
    }
    // Nobody has the treatment now, so the store may say what it will.
    if (unkept !== null) one.owed.push(entry);
    tell(one, line);
  }

  /** Does what the file wants, as far as that is possible from where the rollout stands. */
  function obeyFile(one: Running): void {
    const name = commandFor(one.policy.desired, one.state.phase.kind);
    // Where replicas decide together, the leader brings things on; all of them may stop what their file forbids.
    one.isWishOpen = name !== null && !(mayLead(sharing) || isLoweringCommand(name));
    if (name === null || one.isWishOpen) return;
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
    if (sharing?.authority() === "cut_off" && !isLoweringCommand(name)) return cutOffReason;
    if (isForeign(one)) return foreignReason;
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

  function feed(one: Running, event: RolloutEvent, tries = outdatedTriesMax): string | null {
    const nowMs = clock.monotonicMs();
    const authority = mayLead(sharing) ? "full" : "lower";
    const { next, commands, refused } = step(one.policy, one.state, event, nowMs, authority);
    const lines = commands.flatMap((command) => (command.kind === "journal" ? [command] : []));
    const { proven, startedMs } = one;
    for (const line of lines) noteFate(one, line, clock);
    const entries = lines.map((line) => entryOf(one, line));
    const unkept = lines.length === 0 ? null : keep(one, next, entries);
    if (unkept !== null) {
      const isOld = isOutdated(unkept);
      // What cannot be written down may lower the risk, never raise it.
      if (isOld || !mayGoUnkept(one.state, next)) {
        Object.assign(one, { proven, startedMs });
        if (event.kind === "tick") {
          // What the tick brought was seen all the same.
          changeState(one, step(one.policy, one.state, event, nowMs, "watch").next);
        }
        if (!isOld) return `the store cannot keep it: ${unkept.message}`;
        catchUp(one);
        const isAgain = event.kind === "command" && tries > 0;
        return isAgain ? feed(one, event, tries - 1) : unkept.message;
      }
      one.owed = one.owed.concat(entries).slice(-owedMax);
    }
    if (event.kind === "tick" && next.verdicts !== one.state.verdicts && authority === "full") {
      dependencies.onVerdicts?.(one.experiment.key, one.policy.guardrails, next.verdicts);
    }
    changeState(one, next);
    for (const line of lines) tell(one, line);
    for (const command of commands) {
      if (command.kind === "set_share") void bringShare(one);
      else if (command.kind === "ask_gate") askGate(one, command);
    }
    return refused;
  }

  function mayGoUnkept(before: RolloutState, next: RolloutState): boolean {
    return sharing === undefined ? next.share <= before.share : lowersRisk(before, next);
  }

  /** Takes over what another replica has made of a rollout. */
  function adopt(one: Running): void {
    const { key } = one.experiment;
    const stored = shared(one);
    if (stored === undefined) return;
    const read = sharedState(one);
    one.wasShared ||= read !== null;
    // Of another plan than the one of this replica's file: nobody here gets a treatment that it is not about.
    const next = adoptRollout(one.policy, one.state, read ?? createRollout(one.policy));
    const before = one.state;
    one.owed = [];
    one.proven = restoreProven(stored);
    one.journal = readJournal(store, "rollout", key, journalMax);
    changeState(one, next);
    const { phase, share } = next;
    if (phase.kind === "stepping" && phase.step === 0 && before.phase.kind !== "stepping") {
      one.startedMs = clock.monotonicMs();
    }
    if (phase.kind !== before.phase.kind || share !== before.share) {
      // Somebody has decided since the file was read.
      one.isWishOpen = false;
      const why = read === null ? { reason: "its plan is not the one of this configuration" } : {};
      const facts = { experiment: key, phase: phase.kind, share, ...why };
      log("info", "rollout follows another replica", facts);
    }
    void bringShare(one);
  }

  function askGate(one: Running, asked: Extract<RolloutCommand, { kind: "ask_gate" }>): void {
    const { key } = one.experiment;
    const { step: at, share, gate } = asked;
    gates.ask(
      { experiment: key, step: at + 1, share, ...gate },
      factsOf(one),
      ({ kind, detail }) => {
        if (running.get(key) !== one) return;
        feed(one, { kind: "gate", step: at, isOpen: kind === "open", answer: detail });
      },
    );
  }

  /** Writes what took effect without the store. What lowered the risk meanwhile goes before what others decided. */
  function settle(one: Running): void {
    const unkept = keep(one, one.state, []);
    if (unkept === null || !isOutdated(unkept)) return;
    const theirs = sharedState(one);
    // What cannot be written yet is tried again with the next tick.
    if (theirs !== null && lowersRisk(theirs, one.state)) keep(one, one.state, []);
    else adopt(one);
  }

  function catchUp(one: Running): void {
    if (one.owed.length > 0) settle(one);
    else adopt(one);
  }

  function judge(): void {
    for (const one of running.values()) {
      if (one.owed.length > 0) settle(one);
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
    take(worker, series, epochs) {
      for (const delta of series) {
        const { experiment, variant, epoch } = delta.key;
        const one = experiment === null ? undefined : running.get(experiment);
        if (one === undefined || experiment === null || epoch !== epochs[experiment]) continue;
        const control = one.experiment.variants.find((each) => each.control)?.key;
        const arm = variant === control ? "control" : "treatment";
        const { startedMs, policy } = one;
        addEvidence(one.evidence, arm, worker, delta, {
          isShadowStep: one.applied.shadow > 0,
          isWarmingUp: startedMs !== null && clock.monotonicMs() - startedMs < policy.warmUpMs,
        });
      }
    },
    judge,
    adopt(experiment) {
      const one = running.get(experiment);
      if (one !== undefined && one.owed.length === 0) adopt(one);
    },
    lead() {
      for (const one of running.values()) {
        // Whose plan was given up for another one does not bring it back.
        if (isForeign(one) && !one.wasShared) claim(one, null);
        if (one.state.phase.kind === "waiting" || one.isWishOpen) obeyFile(one);
      }
    },
    workerGone(worker) {
      for (const { evidence } of running.values()) forgetWorker(evidence, worker);
    },
    command(experiment, name, actor, reason) {
      const one = running.get(experiment);
      if (one === undefined) return undefined;
      return order(one, name, actor, reason);
    },
    view: () => Array.from(running.values(), (one) => viewRollout(one, clock.monotonicMs())),
    stop: cancel,
  };
}
