import { rolloutSchema } from "../../wire/admin-api.ts";
import type { WatchedRollout } from "../rehearsal/canary.ts";
import { ask, reportMsMax, type AdminCall, type Answer } from "./admin-call.ts";

/** A rollout of a Sluice that is reached by its admin port. */
export function watchOver(call: AdminCall, experiment: string): WatchedRollout {
  const path = `/v1/rollouts/${encodeURIComponent(experiment)}`;
  return {
    async start() {
      const command = { command: "start", actor: "sluice rehearse" };
      const answer = await ask(call, path, command);
      return answer.kind === "answered" ? null : why(call, answer);
    },
    async look() {
      const answer = await ask(call, path, null);
      if (answer.kind !== "answered") return why(call, answer);
      const rollout = rolloutSchema.safeParse(answer.body);
      return rollout.success ? rollout.data : `${call.admin} answered something that is no rollout`;
    },
  };
}

function why({ admin }: AdminCall, answer: Exclude<Answer, { kind: "answered" }>): string {
  const { kind, message } = answer;
  return kind === "unreachable" ? `${admin} cannot be reached: ${message}` : message;
}

/** The experiment's report as JSON; null when there is none. */
export async function fetchReport(
  call: AdminCall,
  experiment: string,
  { insights }: { readonly insights: boolean },
): Promise<unknown> {
  const path = `/v1/experiments/${encodeURIComponent(experiment)}/report?format=json&points=2000&insights=${insights}`;
  const answer = await ask({ ...call, timeoutMs: reportMsMax }, path, null);
  return answer.kind === "answered" ? answer.body : null;
}
