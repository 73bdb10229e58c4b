import type { Random, Timers } from "../../base/clock.ts";

/** How the compact service can be made to misbehave. */
export const faults = ["errors", "slow", "hang"] as const;
export type Fault = (typeof faults)[number];

const errorShare = 0.3;
const slowMs = 300;

/** Resolves to whether the request fails; `hang` never resolves. */
export type Misbehave = () => Promise<"answer" | "fail">;

export function createMisbehave(
  fault: Fault | null,
  { random, timers }: { readonly random: Random; readonly timers: Timers },
): Misbehave {
  switch (fault) {
    case null:
      return async () => "answer";
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
