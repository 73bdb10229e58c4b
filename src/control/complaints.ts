import type { Clock } from "../base/clock.ts";

const quietMs = 60_000;

export type Complain = (
  message: string,
  facts: { readonly experiment: string } & Readonly<Record<string, unknown>>,
) => void;

/** Says once a minute of each experiment what would else be said with every tick. */
export function createComplaints(
  clock: Clock,
  log: (level: "error", message: string, facts: Record<string, unknown>) => void,
): Complain {
  const toldUntilMs = new Map<string, number>();
  return (message, facts) => {
    const about = `${facts.experiment} ${message}`;
    if (clock.monotonicMs() < (toldUntilMs.get(about) ?? -Infinity)) return;
    toldUntilMs.set(about, clock.monotonicMs() + quietMs);
    log("error", message, facts);
  };
}
