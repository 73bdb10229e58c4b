import type { ExperimentPolicy } from "../experiment/policy.ts";
import { compileExperiment } from "./compile.ts";

/** Each variant's share of the enrolled users, 0…1, in the order of `variants`; where nobody is enrolled, all have none. */
export function configuredShares(policy: ExperimentPolicy): number[] {
  const widths = compileExperiment(policy).ranges.map(([start, end]) => end - start);
  const enrolled = widths.reduce((sum, width) => sum + width, 0);
  // Twelve digits hide what binary fractions leave of 0.1 + 0.2.
  return widths.map((width) => (enrolled === 0 ? 0 : Number((width / enrolled).toPrecision(12))));
}
