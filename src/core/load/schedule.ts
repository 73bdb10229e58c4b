import type { Uniform } from "../statistics/random.ts";
import { openUniform } from "../statistics/random.ts";

/**
 * When requests of an open model are due. A stage's rate runs linearly from one value to another, so that the number of
 * arrivals until a time t of it is N(t) = from·t + (to − from)·t² / 2D; the k-th request is due where N reaches k,
 * which needs no adding up of gaps and so has no drift, however long the run.
 */

/** A part of the schedule; rates are requests per second ≥ 0. */
export type Stage = {
  readonly durationMs: number;
  readonly fromRate: number;
  readonly toRate: number;
};

/** `constant` spaces requests evenly; `poisson` draws the gaps of users who know nothing of each other. */
export type Arrivals = "constant" | "poisson";

/** Gives due times one after the other, in milliseconds from the start; null after the last. */
export type Schedule = { next(): number | null };

/** What rounding may leave of a whole number of requests. */
const tolerance = 1e-9;

/** Requests that a stage brings on average. */
export function arrivalsOf({ durationMs, fromRate, toRate }: Stage): number {
  return ((fromRate + toRate) / 2) * (durationMs / 1000);
}

/** Requests that evenly spaced stages bring: those due before the end. */
export function countArrivals(stages: readonly Stage[]): number {
  const total = stages.reduce((sum, stage) => sum + arrivalsOf(stage), 0);
  return Math.max(0, Math.ceil(total - tolerance * Math.max(1, total)));
}

/** A schedule over stages, one after the other; `random` is asked for Poisson arrivals only. */
export function createSchedule(
  stages: readonly Stage[],
  arrivals: Arrivals,
  random: Uniform,
): Schedule {
  const total = stages.reduce((sum, stage) => sum + arrivalsOf(stage), 0);
  const last = total - tolerance * Math.max(1, total);
  let at = 0;
  let beginMs = 0;
  /** Arrivals before the present stage. */
  let before = 0;
  let due = arrivals === "poisson" ? -Math.log(openUniform(random)) : 0;
  return {
    next() {
      if (due >= last) return null;
      let stage = stages[at] as Stage;
      while (due - before >= arrivalsOf(stage) - tolerance && at + 1 < stages.length) {
        before += arrivalsOf(stage);
        beginMs += stage.durationMs;
        at += 1;
        stage = stages[at] as Stage;
      }
      const dueMs =
        beginMs + Math.min(reachedMs(stage, Math.max(0, due - before)), stage.durationMs);
      due += arrivals === "poisson" ? -Math.log(openUniform(random)) : 1;
      return dueMs;
    },
  };
}

/** The time at which a stage has brought `count` arrivals, in the form that keeps its digits when the slope is small. */
function reachedMs({ durationMs, fromRate, toRate }: Stage, count: number): number {
  if (count === 0) return 0;
  const slope = (toRate - fromRate) / (durationMs / 1000);
  const root = Math.sqrt(Math.max(0, fromRate * fromRate + 2 * slope * count));
  return ((2 * count) / (fromRate + root)) * 1000;
}
