// How many users have erred, each counted once, in the arm of the first error: what error-rate.ts needs where users
// send more than one request. If assignment has no effect, then the arms of these users are independent coin flips
// with the configured share, however often and however clustered each of them errs.
//
// Memory is bounded by sampling, which keeps that true. When more users than `usersMax` are remembered, every user
// whose hash does not begin with one more zero bit is forgotten and ignored from then on; what they counted stays
// counted. Who is ignored depends on the hash alone, never on the arm (the hash is mixed first, so that it has
// nothing to do with the hash that assigned the arm). So a long run sees fewer of its new errors, but never stops.
//
// Limits: a user is a 32-bit hash: two users in one hash count as one (with 65,536 remembered 1 in 65,536). A
// user must be remembered over the whole run, so that a counter of a window or an epoch must not be used; nor a
// counter by arm where users can change arms, when its share is ramped: the second arm would count them again.
import type { DistinctDelta } from "../../telemetry/distinct.ts";

export type FirstErrors = {
  /** Users by arm, since the start. */
  readonly counts: number[];
  readonly usersMax: number;
  /** The remembered users' mixed hashes. */
  remembered: Set<number>;
  /** Leading zero bits that a mixed hash must have: a share of 2^-sampledBits of the users counts. */
  sampledBits: number;
  /** True once errors could not be told apart by user: the counts stay as they are. */
  isFrozen: boolean;
};

/** 65,536 users: 3 MB at most; enough to bound a rate ratio within 3 % at an even split. */
const usersMaxDefault = 65_536;

/** Counters of first errors for a number of arms. Throws RangeError on arms or usersMax below 1. */
export function createFirstErrors(arms: number, usersMax = usersMaxDefault): FirstErrors {
  if (!(Number.isInteger(arms) && arms >= 1)) {
    throw new RangeError(`arms must be a whole number from 1, got ${arms}`);
  }
  if (!(Number.isInteger(usersMax) && usersMax >= 1)) {
    throw new RangeError(`usersMax must be a whole number from 1, got ${usersMax}`);
  }
  return {
    counts: Array.from({ length: arms }, () => 0),
    usersMax,
    remembered: new Set(),
    sampledBits: 0,
    isFrozen: false,
  };
}

/** Notes an error of the user with this 32-bit hash; true when it counted. */
export function noteError(state: FirstErrors, arm: number, userHash: number): boolean {
  const { counts, remembered } = state;
  if (!(arm in counts)) throw new RangeError(`arm must be one of ${counts.length}, got ${arm}`);
  const mixed = mix(userHash);
  if (state.isFrozen || !isSampled(mixed, state.sampledBits) || remembered.has(mixed)) return false;
  remembered.add(mixed);
  counts[arm] = (counts[arm] as number) + 1;
  while (state.remembered.size > state.usersMax) sampleHalf(state);
  return true;
}

/**
 * Notes the erring users that an arm's distinct counter has newly seen (one counter per arm and worker; the same
 * user in several of them still counts once). Exact deltas only: a counter that has become a sketch (above
 * `distinctExactMax` users) knows their number within 1.6 %, which is coarser than the chance in that number, and
 * not who they are. It freezes the counts, as the errors it hides are those of one arm: p-values remain valid and
 * cease to fall. False when frozen. A user who erred in both arms since the last look counts in the arm noted first:
 * around a change of the share, note the arm that loses users first, as that is where they were before.
 */
export function noteErringUsers(state: FirstErrors, arm: number, delta: DistinctDelta): boolean {
  if (delta.kind === "sketch") state.isFrozen = true;
  else for (const hash of delta.added) noteError(state, arm, hash);
  return !state.isFrozen;
}

function sampleHalf(state: FirstErrors): void {
  state.sampledBits += 1;
  const kept = [...state.remembered].filter((mixed) => isSampled(mixed, state.sampledBits));
  state.remembered = new Set(kept);
}

function isSampled(mixed: number, bits: number): boolean {
  return bits === 0 || Math.clz32(mixed) >= bits;
}

/** MurmurHash3's 32-bit finaliser (A. Appleby): every bit depends on all; one to one. */
function mix(hash: number): number {
  let bits = hash ^ 0x5bd1e995;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}
