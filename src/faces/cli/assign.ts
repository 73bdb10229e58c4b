import { assignUser } from "../../core/assignment/user-assignment.ts";
import { suggest } from "../../core/config/suggestion.ts";
import type { ExperimentPolicy } from "../../core/experiment/policy.ts";
import { exitCodes, formatIssues, readConfigFile } from "./io.ts";
import type { CliIo } from "./io.ts";

export type AssignArguments = {
  readonly file: string;
  readonly user: string;
  /** Key of one experiment; null is every one. */
  readonly experiment: string | null;
};

/** `sluice assign FILE --user ID [--experiment KEY]`: which variant a user gets, and why. */
export function runAssign({ file, user, experiment }: AssignArguments, io: CliIo): number {
  const config = readConfigFile(file, io);
  if (!config.ok) {
    io.stderr(formatIssues(file, config.error));
    return exitCodes.invalid;
  }
  const { experiments } = config.value;
  const keys = Object.keys(experiments);
  if (experiment !== null && !Object.hasOwn(experiments, experiment)) {
    const known = suggest(experiment, keys) || `; known: ${keys.join(", ") || "none"}`;
    io.stderr(`${file}: no experiment is named ${experiment}${known}\n`);
    return exitCodes.invalid;
  }
  if (keys.length === 0) {
    io.stderr(`${file}: there is no experiment\n`);
    return exitCodes.invalid;
  }
  const asked = Object.values(experiments).filter(
    ({ key }) => experiment === null || key === experiment,
  );
  io.stdout(asked.map((policy) => describeAssignment(policy, user)).join("\n"));
  return exitCodes.success;
}

function describeAssignment(policy: ExperimentPolicy, user: string): string {
  const { variant, says } = assignUser(policy, user);
  const lines = variant === null ? says : [`${policy.key}: ${variant}`, ...says.map(indent)];
  return `${lines.join("\n")}\n`;
}

function indent(line: string): string {
  return `  ${line}`;
}
