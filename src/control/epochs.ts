import { createHash } from "node:crypto";
import { z } from "zod";
import type { ExperimentPolicy, JsonValue } from "../core/experiment/policy.ts";
import type { Store } from "./store/store.ts";

/** The present epoch of each experiment. */
export type Epochs = Readonly<Record<string, number>>;

export type Experiments = Readonly<Record<string, ExperimentPolicy>>;

const entry = z.strictObject({
  epoch: z.int().min(1),
  /** Wall time at which it began, milliseconds. */
  sinceMs: z.number(),
  /** What is compared in it: another comparison is another epoch. */
  fingerprint: z.string(),
});
const saved = z.record(z.string(), entry);
export type KeptEpochs = Readonly<Record<string, z.output<typeof entry>>>;

/** Under which the epochs are kept, in the scope `config`. */
export const epochsSubject = "epochs";

/**
 * The epochs to begin with: an experiment that is routed as it was when they were kept goes on in its epoch, so that what
 * was measured in it still counts; any other begins a new one, whose number was never given before. Experiments that are gone
 * keep theirs, so that they do not count twice should they return.
 */
export function restoreEpochs(
  store: Pick<Store, "states" | "append"> | null,
  experiments: Experiments,
  nowMs: number,
): KeptEpochs {
  const kept: Record<string, z.output<typeof entry>> = { ...readKept(store) };
  let isSame = true;
  for (const experiment of Object.values(experiments)) {
    const before = kept[experiment.key];
    const fingerprint = fingerprintOf(experiment);
    if (before?.fingerprint === fingerprint) continue;
    isSame = false;
    kept[experiment.key] = { epoch: (before?.epoch ?? 0) + 1, sinceMs: nowMs, fingerprint };
  }
  if (!isSame) store?.append([], [{ scope: "config", subject: epochsSubject, state: kept }]);
  return kept;
}

/** Writes down the epochs of what is routed now; the answer is what is kept from here on. */
export function keepEpochs(
  store: Pick<Store, "append"> | null,
  before: KeptEpochs,
  epochs: Epochs,
  experiments: Experiments,
  nowMs: number,
): KeptEpochs {
  const next: Record<string, z.output<typeof entry>> = { ...before };
  let isSame = true;
  for (const experiment of Object.values(experiments)) {
    const { key } = experiment;
    const epoch = epochs[key] ?? 1;
    const fingerprint = fingerprintOf(experiment);
    const known = before[key];
    if (known?.epoch === epoch && known.fingerprint === fingerprint) continue;
    isSame = false;
    next[key] = { epoch, sinceMs: known?.epoch === epoch ? known.sinceMs : nowMs, fingerprint };
  }
  if (!isSame) store?.append([], [{ scope: "config", subject: epochsSubject, state: next }]);
  return next;
}

function readKept(store: Pick<Store, "states"> | null): KeptEpochs {
  const states = store?.states("config");
  if (states === undefined || !states.ok) return {};
  return parseEpochs(states.value.find(({ subject }) => subject === epochsSubject)?.state);
}

/** What was kept of epochs; none of what nobody wrote. */
export function parseEpochs(stored: JsonValue | undefined): KeptEpochs {
  const read = saved.safeParse(stored);
  return read.success ? read.data : {};
}

/** What is compared in an epoch of the experiment; a hash, because variants may change headers that are secrets. */
export function fingerprintOf(experiment: ExperimentPolicy): string {
  const { rollout } = experiment;
  const compared = {
    ...experiment,
    onUnavailable: null,
    lifecycle: null,
    measure: null,
    primary: null,
    rollout: rollout === null ? null : { ...rollout, desired: null },
  };
  return createHash("sha256").update(JSON.stringify(compared)).digest("base64url");
}
