import { configuredShares } from "../core/assignment/shares.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import {
  addUsers,
  createSampleRatioTest,
  type SampleRatioTest,
} from "../core/statistics/sequential/sample-ratio.ts";
import type { WatchedArms } from "./experiment-watch.ts";

/** Tests at every look whether an experiment's arms get the users that were configured, and remembers what it needs between. */
export function createSampleRatioWatch() {
  let ratio: { readonly epoch: number; test: SampleRatioTest } | null = null;

  /** Null where it cannot be tested. */
  function look(policy: ExperimentPolicy, { epoch, arms }: WatchedArms): SampleRatioTest | null {
    const shares = configuredShares(policy);
    const users = policy.variants.map(({ key }) => arms.get(key)?.users ?? 0);
    // Where requests are randomised a user is in every arm; an arm without users to come cannot be tested.
    if (policy.assignment.strategy !== "hash" || shares.length < 2 || shares.includes(0)) {
      return null;
    }
    if (ratio?.epoch !== epoch) ratio = { epoch, test: createSampleRatioTest({ shares }) };
    // A sketch's error would look like a wrong ratio: what was found with exact counts stands.
    if ([...arms.values()].some(({ isExact }) => !isExact)) return ratio.test;
    const before = ratio.test.users;
    const added = users.map((count, at) => Math.max(0, count - (before[at] ?? 0)));
    ratio.test = addUsers(ratio.test, added);
    return ratio.test;
  }

  return { look };
}
