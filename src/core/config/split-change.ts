import { compileExperiment } from "../assignment/compile.ts";
import { rangeIndex } from "../assignment/ranges.ts";
import type { ExperimentPolicy } from "../experiment/policy.ts";

/**
 * The share of users (0…1) that get another variant under `next` than under `old`, both split by hash
 * with the same seed: the summed length of the buckets that belong to another variant. Users left out
 * have the control.
 */
export function movedShare(old: ExperimentPolicy, next: ExperimentPolicy): number {
  const [before, after] = [compileExperiment(old), compileExperiment(next)];
  const bounds = [0, 1, ...before.ranges.flat(), ...after.ranges.flat()].toSorted((a, b) => a - b);
  let moved = 0;
  for (let at = 1; at < bounds.length; at += 1) {
    const [start, end] = [bounds[at - 1] as number, bounds[at] as number];
    const middle = (start + end) / 2;
    if (variantAt(before, middle) !== variantAt(after, middle)) moved += end - start;
  }
  // Bounds such as 0.1 + 0.2 differ in the last digit without moving anybody.
  return moved < 1e-9 ? 0 : moved;
}

function variantAt(
  { policy, ranges, control }: ReturnType<typeof compileExperiment>,
  bucket: number,
): string | undefined {
  if (policy.disabled) return policy.variants[control]?.key;
  const index = rangeIndex(ranges, bucket);
  return policy.variants[index === -1 ? control : index]?.key;
}
