import { assignUser } from "../core/assignment/user-assignment.ts";
import type { UserAssignment } from "../wire/assignment-api.ts";
import type { Control } from "./control.ts";

/** What a user gets as an experiment is routed now; undefined when there is none of this key. */
export function describeAssignment(
  control: Pick<Control, "routed" | "experiments" | "compatibility">,
  experiment: string,
  user: string,
): UserAssignment | undefined {
  const policy = control.routed(experiment);
  if (policy === undefined) return undefined;
  const { says, ...assigned } = assignUser(policy, user);
  const why = assigned.reason === "disabled" ? reasonsOf(control, experiment) : [];
  return { experiment, ...assigned, says: [...says, ...why] };
}

/** Why everybody gets the control, as far as the file did not ask for it. */
function reasonsOf(
  { experiments, compatibility }: Pick<Control, "experiments" | "compatibility">,
  experiment: string,
): string[] {
  const phase = experiments.view().find((each) => each.experiment === experiment)?.state.phase.kind;
  const refused = compatibility()
    .filter((each) => each.experiment === experiment)
    .flatMap(({ findings }) => findings.filter(({ severity }) => severity === "refuse"));
  return [
    ...(phase === undefined || phase === "running" ? [] : [`the experiment's phase: ${phase}`]),
    ...refused.map(({ message }) => message),
  ];
}
