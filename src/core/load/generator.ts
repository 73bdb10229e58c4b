/** Whether the load generator itself was the bottleneck: then its figures are about it, and not about the target. */

export const generatorLimits = {
  /** A request that could not start for so long is not started any more, and counts as missed. */
  missedAfterMs: 1000,
  /** Of how late requests start, at p99. */
  startErrorMs: 10,
  /** Requests that the generator missed, of those due. */
  missedShare: 0.001,
  /** Of how late the event loop is, at p99; a closed model has no other sign of it. */
  eventLoopLagMs: 20,
  /** Of one core; more than that, and a closed model measures how fast the generator can ask. */
  cpuShare: 0.95,
} as const;

/** What the generator saw of itself. */
export type GeneratorFacts = {
  readonly model: "open" | "closed";
  readonly due: number;
  readonly missed: number;
  readonly startErrorP99Ms: number | null;
  readonly eventLoopLagP99Ms: number | null;
  /** CPU time over time, 1 is a whole core. */
  readonly cpuShare: number | null;
  /** Requests that failed for want of descriptors, ports or memory here. */
  readonly ownFailures: number;
};

/** Why the result is not valid; empty when it is. */
export function judgeGenerator(facts: GeneratorFacts): readonly string[] {
  const reasons: string[] = [];
  const limits = generatorLimits;
  if (facts.ownFailures > 0) {
    reasons.push(`${facts.ownFailures} requests failed here, for want of descriptors or ports`);
  }
  if (facts.missed > facts.due * limits.missedShare) {
    reasons.push(`${facts.missed} of ${facts.due} requests could not be started in time`);
  }
  if (facts.model === "open" && (facts.startErrorP99Ms ?? 0) > limits.startErrorMs) {
    const late = (facts.startErrorP99Ms as number).toFixed(1);
    reasons.push(
      `one in 100 requests started ${late} ms late or more (limit ${limits.startErrorMs} ms)`,
    );
  }
  if (facts.model === "closed") {
    if ((facts.eventLoopLagP99Ms ?? 0) > limits.eventLoopLagMs) {
      const lag = (facts.eventLoopLagP99Ms as number).toFixed(1);
      reasons.push(`the event loop was ${lag} ms late at p99 (limit ${limits.eventLoopLagMs} ms)`);
    }
    if ((facts.cpuShare ?? 0) > limits.cpuShare) {
      reasons.push("the generator used its whole core: the target could have answered faster");
    }
  }
  return reasons;
}
