import {
  epochsSubject,
  fingerprintOf,
  keepEpochs,
  parseEpochs,
  restoreEpochs,
  type Epochs,
  type Experiments,
  type KeptEpochs,
} from "./epochs.ts";
import type { Clock } from "../base/clock.ts";
import { mayLead, type Sharing } from "./replica/sharing.ts";
import type { Store } from "./store/store.ts";

/**
 * Epochs that replicas share are multiples of this, given by the leader. What lies between is a replica's own: it routes
 * something else than the leader does, and what it measures meanwhile is compared with nothing.
 */
export const sharedEpochStep = 1000;

/** Numbers the splits that are routed, and remembers since when each is. */
export type EpochBook = {
  /** To begin with. */
  readonly first: Epochs;
  /** The epochs to route in; `proposed` is one higher than `before` where the split is another one. */
  next(before: Epochs, proposed: Epochs, experiments: Experiments): Epochs;
  /** Writes down the epochs that the workers route by now. */
  keep(epochs: Epochs, experiments: Experiments): void;
  /** As they are kept now. */
  kept(): KeptEpochs;
  /** Since when an epoch is, wall milliseconds; null when it is not the one that was kept. */
  sinceMs(experiment: string, epoch: number | undefined): number | null;
  /** Takes over the epochs that another replica kept. */
  adopt(): void;
  /** Experiments whose epoch is not the one that the replicas share, though they are routed as the leader routes them. */
  behind(epochs: Epochs, experiments: Experiments): readonly string[];
  /** Experiments that are routed in an epoch that is not written down as theirs. */
  unnumbered(epochs: Epochs, experiments: Experiments): readonly string[];
};

export type EpochBookDependencies = {
  readonly store: Pick<Store, "states" | "append"> | null;
  readonly sharing: Sharing | undefined;
  readonly clock: Clock;
};

export function createEpochBook(
  { store, sharing, clock }: EpochBookDependencies,
  experiments: Experiments,
): EpochBook {
  return sharing === undefined
    ? createOwnBook({ store, clock }, experiments)
    : createSharedBook({ store, sharing, clock }, experiments);
}

function createOwnBook(
  { store, clock }: Omit<EpochBookDependencies, "sharing">,
  initial: Experiments,
): EpochBook {
  const nowMs = () => Math.round(clock.wallMs());
  let kept = restoreEpochs(store, initial, nowMs());
  return {
    first: epochsOf(kept),
    next: (_before, proposed) => proposed,
    keep(epochs, experiments) {
      kept = keepEpochs(store, kept, epochs, experiments, nowMs());
    },
    kept: () => kept,
    sinceMs: (experiment, epoch) => sinceOf(kept, experiment, epoch),
    adopt: () => {},
    behind: () => [],
    unnumbered: () => [],
  };
}

function createSharedBook(
  { store, sharing, clock }: EpochBookDependencies & { readonly sharing: Sharing },
  initial: Experiments,
): EpochBook {
  const readShared = () => parseEpochs(sharing.latest("config", epochsSubject));
  let kept = readShared();
  let routed = new Map<string, string>();

  function isShared(key: string, fingerprint: string): boolean {
    return kept[key]?.fingerprint === fingerprint;
  }

  function next(before: Epochs, proposed: Epochs, experiments: Experiments): Epochs {
    const leads = mayLead(sharing);
    const epochs: Record<string, number> = { ...before };
    for (const experiment of Object.values(experiments)) {
      const { key } = experiment;
      const fingerprint = fingerprintOf(experiment);
      const present = before[key] ?? 0;
      const shared = kept[key]?.epoch ?? 0;
      const isNew = (proposed[key] ?? 0) > present;
      const mayJoin = isShared(key, fingerprint) && shared >= present;
      if (mayJoin && !(leads && isNew && shared === present)) epochs[key] = shared;
      else if (leads) epochs[key] = nextShared(Math.max(shared, present));
      else if (isNew || routed.get(key) !== fingerprint) {
        epochs[key] = nextOwn(Math.max(shared, present));
      }
    }
    return epochs;
  }

  return {
    first: next({}, {}, initial),
    next,
    keep(epochs, experiments) {
      routed = new Map(Object.values(experiments).map((each) => [each.key, fingerprintOf(each)]));
      if (!mayLead(sharing)) return;
      const numbered = Object.fromEntries(
        Object.entries(experiments).filter(([key]) => (epochs[key] ?? 1) % sharedEpochStep === 0),
      );
      keepEpochs(store, kept, epochs, numbered, Math.round(clock.wallMs()));
      // What the store did not take is tried again: it is not what the replicas share.
      kept = readShared();
    },
    kept: () => kept,
    sinceMs: (experiment, epoch) => sinceOf(kept, experiment, epoch),
    adopt() {
      kept = readShared();
    },
    behind: (epochs, experiments) =>
      Object.values(experiments).flatMap((experiment) => {
        const { key } = experiment;
        const isBehind = (kept[key]?.epoch ?? 0) > (epochs[key] ?? 0);
        return isBehind && isShared(key, fingerprintOf(experiment)) ? [key] : [];
      }),
    unnumbered: (epochs, experiments) =>
      Object.values(experiments).flatMap((experiment) => {
        const { key } = experiment;
        const fingerprint = fingerprintOf(experiment);
        const isKept = isShared(key, fingerprint) && kept[key]?.epoch === epochs[key];
        // What is not routed yet is numbered when it is.
        return isKept || routed.get(key) !== fingerprint ? [] : [key];
      }),
  };
}

function epochsOf(kept: KeptEpochs): Epochs {
  return Object.fromEntries(Object.entries(kept).map(([key, { epoch }]) => [key, epoch]));
}

function sinceOf(kept: KeptEpochs, key: string, epoch: number | undefined): number | null {
  const one = kept[key];
  return one === undefined || one.epoch !== epoch ? null : one.sinceMs;
}

function nextShared(after: number): number {
  return (Math.floor(after / sharedEpochStep) + 1) * sharedEpochStep;
}

/** The last one stays: it is compared with nothing anyway. */
function nextOwn(after: number): number {
  return (after + 1) % sharedEpochStep === 0 ? after : after + 1;
}
