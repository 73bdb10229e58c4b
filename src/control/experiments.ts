import type { Clock, Timers } from "../base/clock.ts";
import { unreachable, type Result } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import { effectiveExperiment } from "../core/experiment/effective.ts";
import type { NewEntry } from "../core/experiment/journal.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import { restoreExperiment, saveExperiment } from "../core/experiment/saved.ts";
import type {
  ExperimentCommandName,
  ExperimentEvent,
  ExperimentState,
} from "../core/experiment/state.ts";
import { createExperiment, ranMs, stepExperiment } from "../core/experiment/step.ts";
import type { ExperimentWatch, WatchedArms } from "./experiment-watch.ts";
import { createExperimentWatch } from "./experiment-watch.ts";
import { journalMax, owedMax, readJournal, readStates, type JournalLine } from "./kept.ts";
import {
  cutOffReason,
  isOutdated,
  mayLead,
  outdatedTriesMax,
  type Sharing,
} from "./replica/sharing.ts";
import type { Store, StoreFault } from "./store/store.ts";

/** How often running experiments are looked at. */
export const lookEveryMs = 1000;

export type ExperimentLifecycle = {
  readonly experiment: string;
  readonly policy: ExperimentPolicy;
  readonly state: ExperimentState;
  /** Running time of this run, milliseconds. */
  readonly ranMs: number;
  /** Null before the first look and for one without analysis. */
  readonly watch: ExperimentWatch;
  readonly journal: readonly JournalLine[];
};

export type ExperimentsDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Keeps journal and states; null keeps them in memory only. */
  readonly store: Pick<Store, "append" | "states" | "read"> | null;
  /** Set where several replicas share the store. */
  readonly sharing?: Sharing;
  /** What was measured of an experiment since its split began; null before the first request. */
  readonly measured: (experiment: string) => WatchedArms | null;
  /** Routes the experiment by its new state; `isNewRun` begins a new epoch. */
  readonly apply: (experiment: string, isNewRun: boolean) => Promise<Result<unknown, string>>;
  readonly log: (
    level: "info" | "warn" | "error",
    message: string,
    facts: Record<string, unknown>,
  ) => void;
};

/** Runs the A/B experiments of the configuration through their lives. */
export type Experiments = {
  /** Takes over a configuration: known experiments stay where they are, new ones begin, removed ones are gone. */
  configure(config: Config): void;
  /** The configuration as it is to be routed: paused and ended experiments give everybody their due. */
  effective(config: Config): Config;
  /** Null when it was done, else why not; undefined when there is no such A/B experiment. */
  command(
    experiment: string,
    name: ExperimentCommandName,
    actor: string,
    options?: { readonly reason?: string; readonly keepUsers?: boolean },
  ): string | null | undefined;
  /** Another replica has brought an experiment on. */
  adopt(experiment: string): void;
  /** This replica leads from now on: what its file wants counts. */
  lead(): void;
  view(): readonly ExperimentLifecycle[];
  stop(): void;
};

type Kept = {
  policy: ExperimentPolicy;
  state: ExperimentState;
  watch: ReturnType<typeof createExperimentWatch>;
  journal: JournalLine[];
  /** What the file wants is left to the leader, and not done yet. */
  isWishOpen: boolean;
  /** What took effect without being written down, because the store could not; tried again with every look. */
  owed: NewEntry[];
};

export function createExperiments(
  config: Config,
  dependencies: ExperimentsDependencies,
): Experiments {
  const { clock, timers, store, sharing, measured, apply, log } = dependencies;
  const all = new Map<string, Kept>();
  const stored = readStates(sharing === undefined ? store : null, "experiment", log);
  let experimentsMax = Infinity;

  function configure(next: Config): void {
    ({ experimentsMax } = next);
    for (const key of all.keys()) {
      if (isLived(next.experiments[key]) === null) all.delete(key);
    }
    for (const written of Object.values(next.experiments)) {
      const policy = isLived(written);
      if (policy === null) continue;
      const { key } = policy;
      const known = all.get(key);
      if (known !== undefined) {
        const before = known.policy.lifecycle?.initial;
        known.policy = policy;
        if (before !== policy.lifecycle.initial) obeyFile(known, policy.lifecycle.initial);
        continue;
      }
      const kept = sharing?.latest("experiment", key) ?? stored.get(key);
      stored.delete(key);
      const nowMs = clock.monotonicMs();
      all.set(key, {
        policy,
        state:
          (kept === undefined ? null : restoreExperiment(kept, nowMs)) ??
          createExperiment(policy.lifecycle, nowMs),
        watch: createExperimentWatch(),
        isWishOpen: false,
        owed: [],
        journal: readJournal(store, "experiment", key, journalMax),
      });
    }
  }

  /** A draft that the file wants to run is started; what it wants to be a draft again is stopped. */
  function obeyFile(one: Kept, wanted: "running" | "draft"): void {
    // Where replicas decide together, the leader does what the file wants.
    one.isWishOpen = !mayLead(sharing);
    if (one.isWishOpen) return;
    const { kind } = one.state.phase;
    const isDraft = kind === "draft";
    const isOpenNow = kind === "running" || kind === "paused";
    if (wanted === "running" ? !isDraft : !isOpenNow) return;
    const name = wanted === "running" ? "start" : "stop";
    const refused =
      (name === "start" ? refuseStart(one.policy.key) : null) ??
      feed(one, { kind: "command", name, actor: "configuration" });
    if (refused === null) return;
    log("warn", "experiment stays as it is", {
      experiment: one.policy.key,
      wanted,
      reason: refused,
    });
  }

  function feed(one: Kept, event: ExperimentEvent, tries = outdatedTriesMax): string | null {
    const { policy, state } = one;
    if (policy.lifecycle === null) return null;
    const { next, journal, refused } = stepExperiment(
      policy.lifecycle,
      state,
      event,
      clock.monotonicMs(),
    );
    if (journal.length === 0) return refused;
    const subject = policy.key;
    const atMs = Math.round(clock.wallMs());
    const entries = journal.map(({ what, actor, facts }): NewEntry => {
      return { atMs, actor, scope: "experiment", subject, kind: what, facts };
    });
    const unkept = keep(one, next, entries);
    if (unkept !== null && isOutdated(unkept)) {
      adopt(one);
      const isAgain = event.kind === "command" && tries > 0;
      return isAgain ? feed(one, event, tries - 1) : unkept.message;
    }
    if (unkept !== null) {
      log("error", "experiment not written down", { experiment: subject, reason: unkept.message });
      // Back to the control is always allowed; a treatment for anybody is not.
      if (givesTreatment(policy, next)) return `the store cannot keep it: ${unkept.message}`;
      one.owed = one.owed.concat(entries).slice(-owedMax);
    }
    one.state = next;
    for (const { what, actor, facts } of journal) {
      one.journal.push({ atMs, what, actor, facts });
      if (one.journal.length > journalMax) one.journal.shift();
      log("info", `experiment ${what}`, { experiment: subject, actor, ...facts });
    }
    put(one, state);
    return refused;
  }

  /** Routes the experiment as it stands now. */
  function put(one: Kept, before: ExperimentState): void {
    const { key: experiment } = one.policy;
    const isNewRun = one.state.run !== before.run || one.state.phase.kind === "ended";
    if (one.state.run !== before.run) one.watch = createExperimentWatch();
    void apply(experiment, isNewRun).then((applied) => {
      if (applied.ok) return;
      log("error", "experiment not applied", { experiment, reason: applied.error });
    });
  }

  /** Takes over what another replica has made of an experiment. */
  function adopt(one: Kept): void {
    const { key: experiment } = one.policy;
    const shared = sharing?.latest("experiment", experiment);
    const next = shared === undefined ? null : restoreExperiment(shared, clock.monotonicMs());
    if (next === null) return;
    const before = one.state;
    one.owed = [];
    one.state = next;
    one.journal = readJournal(store, "experiment", experiment, journalMax);
    if (next.phase.kind === before.phase.kind && next.run === before.run) return;
    // Somebody has decided since the file was read.
    one.isWishOpen = false;
    const { phase, run } = next;
    log("info", "experiment follows another replica", { experiment, phase: phase.kind, run });
    put(one, before);
  }

  /** Writes what is owed, the journal and the state, durably; the answer is why that was not possible. */
  function keep(one: Kept, next: ExperimentState, fresh: readonly NewEntry[]): StoreFault | null {
    const state = saveExperiment(next, clock.monotonicMs());
    const subject = one.policy.key;
    const entries = one.owed.concat(fresh);
    const kept = store?.append(entries, [{ scope: "experiment", subject, state }]);
    if (kept !== undefined && !kept.ok) return kept.error;
    one.owed = [];
    return null;
  }

  /** Writes what took effect without the store, unless another replica has gone on from where it was. */
  function settle(one: Kept): void {
    const unkept = keep(one, one.state, []);
    if (unkept !== null && isOutdated(unkept)) adopt(one);
  }

  function look(): void {
    for (const one of all.values()) {
      if (one.owed.length > 0) settle(one);
      if (!mayLead(sharing)) continue;
      if (one.state.phase.kind !== "running" || one.policy.lifecycle === null) continue;
      const arms = measured(one.policy.key);
      if (arms === null) continue;
      feed(one, { kind: "look", facts: one.watch.look(one.policy, arms) });
    }
  }

  function refuseStart(key: string): string | null {
    const running = [...all.values()].filter(({ state }) => isOpen(state)).length;
    const one = all.get(key);
    if (one === undefined || isOpen(one.state) || running < experimentsMax) return null;
    return `${running} experiments are running, at most ${experimentsMax} may (SLUICE_MAX_CONCURRENT_EXPERIMENTS): stop one first`;
  }

  configure(config);
  const cancel = timers.every(lookEveryMs, look);
  return {
    configure,
    effective: (wanted) => ({
      ...wanted,
      experiments: Object.fromEntries(
        Object.entries(wanted.experiments).map(([key, policy]) => {
          const one = all.get(key);
          const lived = isLived(policy);
          if (lived === null) return [key, policy];
          // Before the replicas' states are known, nobody gets a treatment that people may have ended.
          if (sharing?.isKnown() === false) return [key, { ...policy, disabled: true }];
          const state = one?.state ?? createExperiment(lived.lifecycle, clock.monotonicMs());
          return [key, effectiveExperiment(policy, state)];
        }),
      ),
    }),
    command(experiment, name, actor, options = {}) {
      const one = all.get(experiment);
      if (one === undefined) return undefined;
      const raises = name === "start" || name === "resume";
      if (raises && sharing?.authority() === "cut_off") return cutOffReason;
      const refused = name === "start" ? refuseStart(experiment) : null;
      return refused ?? feed(one, { kind: "command", name, actor, ...options });
    },
    lead() {
      for (const one of all.values()) {
        const wanted = one.policy.lifecycle?.initial;
        if (one.isWishOpen && wanted !== undefined) obeyFile(one, wanted);
      }
    },
    adopt(experiment) {
      const one = all.get(experiment);
      if (one !== undefined && one.owed.length === 0) adopt(one);
    },
    view: () =>
      Array.from(all, ([experiment, { policy, state, watch, journal }]) => ({
        experiment,
        policy,
        state,
        ranMs: ranMs(state, clock.monotonicMs()),
        watch: watch.state(),
        journal,
      })),
    stop: cancel,
  };
}

/** Somebody gets a treatment by it: it runs, or one has won and is what everybody gets at the end. */
function givesTreatment(
  { variants, lifecycle }: ExperimentPolicy,
  { phase }: ExperimentState,
): boolean {
  if (phase.kind === "running") return true;
  if (phase.kind !== "ended" || phase.winner === null) return false;
  const isControl = variants.some(({ key, control }) => control && key === phase.winner);
  const isFollowed = lifecycle?.onEnd === "winner" || (lifecycle?.autoRollout ?? null) !== null;
  return isFollowed && !isControl;
}

/** Running or paused: it takes one of the places. */
function isOpen({ phase }: ExperimentState): boolean {
  switch (phase.kind) {
    case "running":
    case "paused":
      return true;
    case "draft":
    case "ended":
    case "archived":
      return false;
    default:
      return unreachable(phase);
  }
}

type Lived = ExperimentPolicy & {
  readonly lifecycle: NonNullable<ExperimentPolicy["lifecycle"]>;
};

/** The experiment when it is an A/B experiment; null for rollouts, which have lives of their own. */
function isLived(policy: ExperimentPolicy | undefined): Lived | null {
  return policy === undefined || policy.lifecycle === null ? null : (policy as Lived);
}
