import { unreachable } from "../../base/result.ts";
import type { Assignment } from "./assign.ts";
import type { CompiledExperiment } from "./compile.ts";

/** Says in plain words which variant a user gets and why, one fact a line. */
export function explainAssignment(
  experiment: CompiledExperiment,
  user: string | null,
  assignment: Assignment,
): string[] {
  const { policy } = experiment;
  const variant = keyAt(experiment, assignment.variant);
  const who = user === null ? "a request without a user key" : `user ${JSON.stringify(user)}`;
  const analysed = assignment.enrolled ? "enrolled, analysed" : "not enrolled, not analysed";
  return [
    `${policy.key}: ${who} gets ${variant} (${analysed})`,
    `why: ${reasonText(experiment, assignment)}`,
    ...drawLines(experiment, assignment),
  ];
}

function reasonText(experiment: CompiledExperiment, { reason, variant }: Assignment): string {
  const { policy } = experiment;
  const { assignment } = policy;
  const key = keyAt(experiment, variant);
  switch (reason) {
    case "disabled":
      return "the experiment is disabled, everybody gets the control";
    case "forced":
      return `the request asks for ${key} by ${forcedBy(assignment.forced)}, and may`;
    case "rule":
      return `a targeting rule sends it to ${key}`;
    case "rule_excluded":
      return "a targeting rule leaves it out, so it gets the control";
    case "namespace": {
      const range = assignment.namespace?.range ?? [0, 1];
      return `outside the namespace ${assignment.namespace?.id} [${range.join(", ")}), so the control`;
    }
    case "coverage":
      return `outside the coverage of ${percent(assignment.coverage)}, so the control`;
    case "hash":
      return `its bucket lies in the range of ${key}`;
    case "random":
      return "each request is drawn at random";
    case "round_robin":
      return "each request takes the next turn";
    case "no_user":
      return "no user key was found, so the control";
    default:
      return unreachable(reason);
  }
}

function drawLines(experiment: CompiledExperiment, { reason, bucket }: Assignment): string[] {
  if (!["hash", "coverage", "random"].includes(reason)) return [];
  const { seed, hashVersion } = experiment.policy.assignment;
  const lines = experiment.ranges.map(
    ([start, end], at) => `${keyAt(experiment, at)}: [${decimal(start)}, ${decimal(end)})`,
  );
  const ranges = `ranges: ${lines.join(", ")}`;
  return bucket === null
    ? [ranges]
    : [
        `bucket: ${decimal(bucket)} (hash version ${hashVersion}, seed ${JSON.stringify(seed)})`,
        ranges,
      ];
}

function keyAt(experiment: CompiledExperiment, at: number): string {
  return experiment.policy.variants[at]?.key ?? `variant ${at}`;
}

function forcedBy(forced: CompiledExperiment["policy"]["assignment"]["forced"]): string {
  const ways = [
    ...(forced?.header ? [`header ${forced.header}`] : []),
    ...(forced?.cookie ? [`cookie ${forced.cookie}`] : []),
  ];
  return ways.join(" or ");
}

function percent(share: number): string {
  return `${decimal(share * 100)}%`;
}

function decimal(value: number): string {
  return String(Number(value.toFixed(6)));
}
