import type { ExperimentPolicy } from "../experiment/policy.ts";

/** An experiment ready for the request path; the round-robin state inside is the only thing that changes. */
export type CompiledExperiment = {
  readonly policy: ExperimentPolicy;
  /** Index of the control in `policy.variants`. */
  readonly control: number;
};

export function compileExperiment(policy: ExperimentPolicy): CompiledExperiment {
  throw new Error(`stub ${policy.key}`);
}
