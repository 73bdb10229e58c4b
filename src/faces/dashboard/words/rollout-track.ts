import type { RolloutStatus } from "../../../wire/admin-api.ts";
import { countOf, formatCount, formatShare } from "./numbers.ts";
import { formatSpan } from "./time.ts";

/** Where a rollout stands on its way, and what its next step waits for. Pure. */

/** One thing that the present step waits for. */
export type Need = {
  readonly key: "time" | "requests" | "users" | "guardrails" | "gate";
  readonly label: string;
  readonly says: string;
  /** How much of it is there, 0…1; null where that has no measure. */
  readonly done: number | null;
  readonly isMet: boolean;
};

/** What is there and what is missing for the next step, by the server's time; none while no step is under way. */
export function needsOf(rollout: RolloutStatus, nowMs: number | null): readonly Need[] {
  const { phase, step, steps, requests, users, verdicts, waits_for: waitsFor } = rollout;
  const present = step === null ? undefined : steps[step - 1];
  if (present === undefined || (phase !== "stepping" && phase !== "paused")) return [];
  const needs: Need[] = [timeNeed(rollout, present.hold_seconds, nowMs)];
  if (present.min_requests > 0) {
    needs.push(countNeed("requests", "Requests", requests, present.min_requests));
  }
  if (present.min_users > 0) needs.push(countNeed("users", "Users", users, present.min_users));
  const counting = verdicts.filter(
    ({ dry_run: dryRun, on_breach: onBreach }) => !dryRun && onBreach !== "alert",
  );
  if (counting.length > 0) {
    const content = counting.filter(({ verdict }) => verdict === "ok").length;
    needs.push({
      key: "guardrails",
      label: "Guardrails",
      says: `${content} of ${counting.length} hold`,
      done: content / counting.length,
      isMet: content === counting.length,
    });
  }
  if (present.gate !== "none") {
    const isWaiting = needs.every(({ isMet }) => isMet) && waitsFor !== null;
    const says =
      present.gate === "approval" ? "somebody has to promote it" : "a webhook has to say yes";
    needs.push({
      key: "gate",
      label: "Gate",
      says: isWaiting ? (waitsFor ?? says) : says,
      done: null,
      isMet: false,
    });
  }
  return needs;
}

function timeNeed(rollout: RolloutStatus, holdSeconds: number, nowMs: number | null): Need {
  const heldMs = heldFor(rollout, nowMs);
  const holdMs = holdSeconds * 1000;
  const label = "Time";
  if (heldMs === null) {
    return { key: "time", label, says: `held for ${formatSpan(holdMs)}`, done: null, isMet: false };
  }
  const leftMs = holdMs - heldMs;
  const isMet = leftMs <= 0;
  const says = isMet
    ? `held for ${formatSpan(heldMs)}`
    : `${formatSpan(leftMs)} left of ${formatSpan(holdMs)}`;
  return { key: "time", label, says, done: Math.min(1, Math.max(0, heldMs / holdMs)), isMet };
}

function countNeed(key: "requests" | "users", label: string, have: number, need: number): Need {
  return {
    key,
    label,
    says: `${formatCount(have)} of ${formatCount(need)}`,
    done: Math.min(1, have / need),
    isMet: have >= need,
  };
}

/**
 * How long the present step has been held, pauses left out, as the journal tells it; null where that does not reach back far
 * enough.
 */
export function heldFor(
  { journal, step, phase }: RolloutStatus,
  nowMs: number | null,
): number | null {
  const begun = journal.findLastIndex(
    ({ what, facts }) => what === "step" && facts["step"] === step,
  );
  const entry = journal[begun];
  if (entry === undefined || nowMs === null) return null;
  let pausedMs = 0;
  let pausedAtMs: number | null = null;
  for (const { what, at } of journal.slice(begun + 1)) {
    if (what === "paused") pausedAtMs ??= Date.parse(at);
    if (what === "resumed" && pausedAtMs !== null) {
      pausedMs += Date.parse(at) - pausedAtMs;
      pausedAtMs = null;
    }
  }
  const untilMs = phase === "paused" ? (pausedAtMs ?? nowMs) : nowMs;
  return Math.max(0, untilMs - Date.parse(entry.at) - pausedMs);
}

export type TrackStep = {
  readonly key: string;
  readonly label: string;
  readonly detail: string;
  readonly state: "done" | "present" | "paused" | "failed" | "ahead";
};

/** The whole way, from the first step to promoted, with where the rollout stands on it. */
export function trackOf(rollout: RolloutStatus): readonly TrackStep[] {
  const { steps, phase } = rollout;
  const at = placeOf(rollout);
  const stateAt = (place: number): TrackStep["state"] => {
    if (phase === "promoted" || place < at) return "done";
    if (place > at) return "ahead";
    return phase === "rolled_back" ? "failed" : phase === "paused" ? "paused" : "present";
  };
  const last = steps.length;
  return [
    ...steps.map((step, place) => ({
      key: String(place),
      label: step.share === 0 ? `copies ${formatShare(step.shadow)}` : formatShare(step.share),
      detail: describeStep(step),
      state: stateAt(place),
    })),
    {
      key: "end",
      label: phase === "promoted" ? "promoted" : "watch",
      detail: phase === "promoted" ? "everybody has it" : "then promoted",
      state: stateAt(last),
    },
  ];
}

/** Index of the step it is at, `steps.length` for the watch behind the last; -1 before the first. */
function placeOf({ phase, step, steps, journal }: RolloutStatus): number {
  if (step !== null) return step - 1;
  switch (phase) {
    case "waiting":
    case "stepping":
      return -1;
    case "observing":
    case "paused":
    case "promoted":
      return steps.length;
    case "rolled_back": {
      const last = journal.findLast(
        ({ what }) => what === "step" || what === "observing" || what === "promoted",
      );
      if (last === undefined) return -1;
      const number = last.facts["step"];
      return typeof number === "number" ? number - 1 : steps.length;
    }
  }
}

function describeStep({
  hold_seconds: hold,
  min_requests: requests,
  min_users: users,
  gate,
}: RolloutStatus["steps"][number]): string {
  return [
    formatSpan(hold * 1000),
    requests > 0 ? countOf(requests, "request") : "",
    users > 0 ? countOf(users, "user") : "",
    gate === "none" ? "" : gate,
  ]
    .filter((part) => part !== "")
    .join(" · ");
}
