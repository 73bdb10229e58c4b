import type { Assignment } from "./assign.ts";
import type { CompiledExperiment } from "./compile.ts";

/** Says in plain words which variant a user gets and why, one fact a line. */
export function explainAssignment(
  experiment: CompiledExperiment,
  user: string | null,
  assignment: Assignment,
): string[] {
  throw new Error(`stub ${experiment.control} ${user} ${assignment.reason}`);
}
