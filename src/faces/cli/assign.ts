import { assign } from "../../core/assignment/assign.ts";
import { compileExperiment } from "../../core/assignment/compile.ts";
import { explainAssignment } from "../../core/assignment/explain.ts";
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

/** Of a request that carries nothing but the user's key: no forced variant, no rule holds by a header. */
function describeAssignment(policy: ExperimentPolicy, user: string): string {
  const compiled = compileExperiment(policy);
  const { strategy, rules } = policy.assignment;
  const head = { method: "GET", target: "/", headers: [] };
  const assignment = assign(compiled, { head, user, trusted: false }, 0);
  const lines: string[] = [];
  if (strategy !== "hash" && !policy.disabled) {
    lines.push(`${policy.key}: strategy ${strategy} decides per request, not per user`);
  } else {
    const variant = policy.variants[assignment.variant];
    lines.push(`${policy.key}: ${variant?.key ?? "?"}`);
    lines.push(...explainAssignment(compiled, user, assignment).map((line) => `  ${line}`));
    if (rules.length > 0) {
      lines.push(
        "  a targeting rule may decide otherwise, by a request's headers, cookies or path",
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
