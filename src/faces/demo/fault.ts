import type { Clock, Random, Timers } from "../../base/clock.ts";

/** How the compact service can be made to misbehave. */
export const faults = ["errors", "slow", "hang"] as const;
export type Fault = (typeof faults)[number];

const errorShare = 0.3;
const slowMs = 300;

/** A fault, and how long everything is well before it. */
export type PlannedFault = { readonly kind: Fault; readonly afterMs: number };

/** Resolves to whether the request fails; `hang` never resolves. */
export type Misbehave = () => Promise<"answer" | "fail">;

export function createMisbehave(
  planned: PlannedFault | null,
  { random, timers, clock }: FaultDependencies,
): Misbehave {
  if (planned === null) return async () => "answer";
  const { kind, afterMs } = planned;
  const misbehave = createFault(kind, { random, timers });
  let firstMs: number | null = null;
  return async () => {
    firstMs ??= clock.monotonicMs();
    return clock.monotonicMs() - firstMs < afterMs ? "answer" : misbehave();
  };
}

export type FaultDependencies = {
  readonly random: Random;
  readonly timers: Timers;
  readonly clock: Pick<Clock, "monotonicMs">;
};

function createFault(
  fault: Fault,
  { random, timers }: Pick<FaultDependencies, "random" | "timers">,
): Misbehave {
  switch (fault) {
    case "errors":
      return async () => (random.next() < errorShare ? "fail" : "answer");
    case "slow":
      return () =>
        new Promise((resolve) => {
          timers.after(slowMs, () => resolve("answer"));
        });
    case "hang":
      return () => new Promise(() => undefined);
  }
}
