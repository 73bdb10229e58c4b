import type { Clock } from "../base/clock.ts";
import type { NewEntry } from "../core/experiment/journal.ts";
import type { ExperimentPolicy, JsonValue } from "../core/experiment/policy.ts";
import { createEvidence, type Evidence } from "../core/rollout/evidence.ts";
import type { RolloutPolicy } from "../core/rollout/policy.ts";
import { forgetProven, noteProven, type ProvenVariant } from "../core/rollout/proven.ts";
import { restoreRollout, saveRollout } from "../core/rollout/saved.ts";
import type { RolloutCommand, RolloutState } from "../core/rollout/state.ts";
import { createRollout } from "../core/rollout/step.ts";
import type { Complain } from "./complaints.ts";
import type { JournalLine } from "./kept.ts";
import { isOutdated, type Sharing } from "./replica/sharing.ts";
import { isSameSplit, noSplit, splitOf, type Split, type VariantMarks } from "./rollout-plan.ts";
import type { Store, StoreFault } from "./store/store.ts";

export type JournalCommand = Extract<RolloutCommand, { kind: "journal" }>;

/** A rollout of the configuration, as this process knows it. */
export type Running = {
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
  /** Rises with every other split that is wanted. */
  splits: number;
  /** The replicas had this very plan, since this process has it. */
  wasShared: boolean;
  /** What the file wants is left to the leader, and not done yet. */
  isWishOpen: boolean;
  journal: JournalLine[];
  /** What took effect without being written down, because the store could not; tried again with every tick. */
  owed: NewEntry[];
};

/** A rollout where it was left, or not started; nothing of it is routed yet. */
export function createRunning(
  experiment: ExperimentPolicy,
  policy: RolloutPolicy,
  state: RolloutState | null,
): Running {
  return {
    experiment,
    policy,
    state: state ?? createRollout(policy),
    marks: { control: "", treatment: "" },
    proven: [],
    startedMs: null,
    evidence: createEvidence(policy),
    // Another plan was routed with nobody in its treatment: see withShare.
    applied: noSplit,
    isApplying: false,
    splits: 0,
    wasShared: false,
    isWishOpen: false,
    owed: [],
    journal: [],
  };
}

/** Takes over a state, and notes when it wants another split. */
export function changeState(one: Running, next: RolloutState): void {
  if (!isSameSplit(splitOf(one.state), splitOf(next))) one.splits += 1;
  one.state = next;
}

/** What the guardrails said last, for those who are asked about the next step. */
export function factsOf({ state }: Running) {
  return state.verdicts.map(({ guardrail, verdict, value, limit, n, reason }) => {
    return { guardrail, verdict, value, limit, requests: n, reason };
  });
}

/** When it began, and what becomes of the variants' good name. */
export function noteFate(one: Running, { what, actor, facts }: JournalCommand, clock: Clock): void {
  if (what === "step" && facts["step"] === 1) one.startedMs = clock.monotonicMs();
  const isFailed = what === "rolled_back" && actor === "controller";
  if (isFailed) one.proven = forgetProven(one.proven, one.marks.treatment);
  if (what !== "promoted") return;
  for (const mark of Object.values(one.marks)) {
    one.proven = noteProven(one.proven, mark, clock.wallMs());
  }
}

/** What is written down of rollouts, and what the store says of them. */
export type RolloutRecord = {
  readonly entryOf: (one: Running, line: JournalCommand) => NewEntry;
  /** Writes what is owed, the journal and the new state, durably; the answer is why that was not possible. */
  readonly keep: (
    one: Running,
    next: RolloutState,
    fresh: readonly NewEntry[],
  ) => StoreFault | null;
  /** What the replicas share of the rollout, whatever its plan; undefined without any. */
  readonly shared: (one: Running) => JsonValue | undefined;
  /** The shared state; null when it is of another plan than this replica's, or there is none. */
  readonly sharedState: (one: Running) => RolloutState | null;
  /** The replicas' rollout is of another plan than the one of this replica's file. */
  readonly isForeign: (one: Running) => boolean;
};

export function createRolloutRecord({
  clock,
  store,
  sharing,
  complain,
}: {
  readonly clock: Clock;
  readonly store: Pick<Store, "append"> | null;
  readonly sharing: Sharing | undefined;
  readonly complain: Complain;
}): RolloutRecord {
  const shared = (one: Running) => sharing?.latest("rollout", one.experiment.key);
  const sharedState = (one: Running) => {
    const stored = shared(one);
    return stored === undefined
      ? null
      : restoreRollout(one.experiment, one.policy, stored, clock.monotonicMs());
  };
  return {
    shared,
    sharedState,
    isForeign: (one) => shared(one) !== undefined && sharedState(one) === null,
    entryOf(one, { what, actor, facts }) {
      const atMs = Math.round(clock.wallMs());
      const subject = one.experiment.key;
      return { atMs, actor, scope: "rollout", subject, kind: what, facts };
    },
    keep(one, next, fresh) {
      if (store === null) return null;
      const subject = one.experiment.key;
      const entries = one.owed.concat(fresh);
      const state = saveRollout(one.experiment, next, one.proven, clock.monotonicMs());
      const kept = store.append(entries, [{ scope: "rollout", subject, state }]);
      if (kept.ok) {
        one.owed = [];
        one.wasShared = true;
        return null;
      }
      const { code, message } = kept.error;
      if (!isOutdated(kept.error)) {
        complain("rollout not written down", { experiment: subject, code, reason: message });
      }
      return kept.error;
    },
  };
}
