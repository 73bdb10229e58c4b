import { z } from "zod";
import type { JsonValue } from "./policy.ts";
import type { ExperimentState } from "./state.ts";
import { ranMs } from "./step.ts";

/** How an experiment's state is kept in the store; times are durations, because clocks do not outlive a process. */

const over = { reason: z.string(), winner: z.string().nullable() };
const saved = z.strictObject({
  phase: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("draft") }),
    z.strictObject({ kind: z.literal("running") }),
    z.strictObject({ kind: z.literal("paused") }),
    z.strictObject({ kind: z.literal("ended"), ...over }),
    z.strictObject({ kind: z.literal("archived"), ...over }),
  ]),
  run: z.int().min(0),
  assignmentRun: z.int().min(0),
  ranMs: z.number().min(0),
});

export function saveExperiment(state: ExperimentState, nowMs: number): JsonValue {
  const { phase, run, assignmentRun } = state;
  const kept = phase.kind === "running" ? { kind: phase.kind } : phase;
  return { phase: { ...kept }, run, assignmentRun, ranMs: ranMs(state, nowMs) };
}

/** The state as it was kept, on the new clock; null for what nobody wrote. */
export function restoreExperiment(stored: JsonValue, nowMs: number): ExperimentState | null {
  const read = saved.safeParse(stored);
  if (!read.success) return null;
  const { phase, ...rest } = read.data;
  return { ...rest, phase: phase.kind === "running" ? { ...phase, sinceMs: nowMs } : phase };
}
