import type { RolloutStatus } from "../../wire/admin-api.ts";
import { describeRollout } from "../cli/rollout.ts";

/** An answer that takes longer is a bad one. */
export const slowMs = 250;

/** What the canary adds to the demonstration's configuration: a plan of about two minutes, and what it is judged by. */
export const canaryPlan = `    rollout:
      steps:
        - { share: 25%, hold: 25s, min_requests: 50 }
        - { share: 50%, hold: 25s, min_requests: 50 }
        - { share: 100%, hold: 25s, min_requests: 50 }
      observe: 25s
    guardrails:
      - { metric: error_rate, max: 5% }
      - { metric: latency_p95, max: ${slowMs}ms }
`;

/** The user who starts it. */
export const canaryActor = "npm start";

/** True when nothing more will happen by itself. */
export function isDecided({ phase }: RolloutStatus): boolean {
  return phase === "promoted" || phase === "rolled_back";
}

/** The verdict for the summary, with the time that it took and what users saw until then. */
export function describeVerdict(
  rollout: RolloutStatus,
  bad: { readonly count: number; readonly firstAtMs: number | null },
): string {
  const { journal, phase, reason } = rollout;
  const [first] = journal;
  const last = journal.at(-1);
  const tookMs =
    first === undefined || last === undefined ? 0 : Date.parse(last.at) - Date.parse(first.at);
  const took = `${(tookMs / 1000).toFixed(1)} s after its start`;
  if (phase === "promoted") return `verdict: compact was promoted ${took}\n`;
  if (phase !== "rolled_back") return `verdict: none yet\n${describeRollout(rollout)}`;
  const lines = [`verdict: compact was rolled back ${took}`, `  ${reason ?? ""}`];
  if (bad.firstAtMs !== null && last !== undefined) {
    const afterMs = Math.max(0, Math.round(Date.parse(last.at) - bad.firstAtMs));
    lines.push(`  ${afterMs} ms after the first bad answer; users saw ${bad.count} of them`);
  }
  return `${lines.join("\n")}\n`;
}
