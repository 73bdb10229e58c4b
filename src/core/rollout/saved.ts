import { z } from "zod";
import { digest64 } from "../assignment/hash.ts";
import type { ExperimentPolicy, JsonValue } from "../experiment/policy.ts";
import type { PausablePhase, Phase, RolloutState } from "./state.ts";
import { createRollout } from "./step.ts";
import type { RolloutPolicy } from "./policy.ts";
import { provenSchema, type ProvenVariant } from "./proven.ts";

/** How a rollout is kept in the store: where it stands, and of which plan. Suspicions are not kept: they form anew. */

const elapsedMs = z.number().min(0);
const stepping = z.strictObject({
  kind: z.literal("stepping"),
  step: z.int().min(0),
  elapsedMs,
  approved: z.boolean(),
});
const observing = z.strictObject({ kind: z.literal("observing"), elapsedMs });
const phase = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("waiting") }),
  stepping,
  observing,
  z.strictObject({
    kind: z.literal("paused"),
    before: z.discriminatedUnion("kind", [stepping, observing]),
    by: z.enum(["operator", "guardrail"]),
    reason: z.string(),
    elapsedMs,
  }),
  z.strictObject({ kind: z.literal("promoted") }),
  z.strictObject({ kind: z.literal("rolled_back"), reason: z.string() }),
]);
const saved = z.strictObject({
  /** Of the experiment as configured; another one has another rollout. */
  plan: z.string(),
  share: z.number().min(0).max(1),
  shadow: z.number().min(0).max(1).default(0),
  alerted: z.array(z.string()),
  /** Of the experiment, whatever its plan. */
  proven: z.array(provenSchema).default([]),
  phase,
});

type SavedPhase = z.output<typeof phase>;

/** What to store of a rollout. Times become durations: clocks do not outlive a process. */
export function saveRollout(
  experiment: ExperimentPolicy,
  state: RolloutState,
  proven: readonly ProvenVariant[],
  nowMs: number,
): JsonValue {
  const { share, shadow, alerted } = state;
  return {
    plan: markOf(planOf(experiment)),
    share,
    shadow,
    proven: proven.map((one) => ({ ...one })),
    alerted: [...alerted],
    phase: savePhase(state.phase, nowMs),
  };
}

/**
 * The rollout as it was stored, with the time that it had then: what passed since was not watched and does not count.
 * Null when there is nothing stored of this very plan.
 */
export function restoreRollout(
  experiment: ExperimentPolicy,
  policy: RolloutPolicy,
  stored: JsonValue,
  nowMs: number,
): RolloutState | null {
  const read = saved.safeParse(stored);
  if (!read.success || !isPlanOf(experiment, read.data.plan)) return null;
  const { share, shadow, alerted, phase: kept } = read.data;
  return { ...createRollout(policy), share, shadow, alerted, phase: restorePhase(kept, nowMs) };
}

/** What was kept of the variants that everybody had, whatever the plan was. */
export function restoreProven(stored: JsonValue): readonly ProvenVariant[] {
  const read = saved.safeParse(stored);
  return read.success ? read.data.proven : [];
}

function savePhase(from: Phase, nowMs: number): SavedPhase {
  switch (from.kind) {
    case "stepping":
    case "observing":
      return savePausable(from, nowMs);
    case "paused": {
      const { by, reason, sinceMs } = from;
      const before = savePausable(from.before, sinceMs);
      return { kind: "paused", before, by, reason, elapsedMs: Math.max(0, nowMs - sinceMs) };
    }
    case "rolled_back":
      return { kind: "rolled_back", reason: from.reason };
    default:
      return { kind: from.kind };
  }
}

function savePausable(from: PausablePhase, nowMs: number) {
  const passed = Math.max(0, nowMs - from.sinceMs);
  return from.kind === "observing"
    ? { kind: from.kind, elapsedMs: passed }
    : { kind: from.kind, step: from.step, elapsedMs: passed, approved: from.approved };
}

function restorePhase(from: SavedPhase, nowMs: number): Phase {
  switch (from.kind) {
    case "stepping":
    case "observing":
      return restorePausable(from, nowMs);
    case "paused": {
      const { by, reason } = from;
      const sinceMs = nowMs - from.elapsedMs;
      return { kind: "paused", before: restorePausable(from.before, sinceMs), by, reason, sinceMs };
    }
    case "waiting":
      return { kind: "waiting" };
    case "promoted":
      return { kind: "promoted", atMs: nowMs };
    case "rolled_back":
      return { kind: "rolled_back", atMs: nowMs, reason: from.reason };
  }
}

function restorePausable(
  from: Extract<SavedPhase, { kind: "stepping" | "observing" }>,
  nowMs: number,
): PausablePhase {
  const sinceMs = nowMs - from.elapsedMs;
  return from.kind === "observing"
    ? { kind: "observing", sinceMs }
    : { kind: "stepping", step: from.step, sinceMs, approved: from.approved, asked: null };
}

/** What makes it this rollout and no other; nothing that is secret, and not what the file wants done with it. */
export function planOf(experiment: ExperimentPolicy): string {
  const { rollout } = experiment;
  if (rollout === null) return JSON.stringify(experiment);
  const steps = rollout.steps.map((step) =>
    typeof step.gate === "string" ? step : Object.assign({}, step, { gate: step.gate.url }),
  );
  const plan = { ...experiment, measure: null, rollout: { ...rollout, steps, desired: null } };
  return JSON.stringify(plan);
}

/** Tells plans apart without telling what is in them: a variant's headers may be secrets. */
function markOf(plan: string): string {
  return digest64(plan) + digest64(`again ${plan}`);
}

/** Earlier versions kept the plan itself. */
function isPlanOf(experiment: ExperimentPolicy, kept: string): boolean {
  const plan = planOf(experiment);
  return kept === markOf(plan) || kept === plan;
}
