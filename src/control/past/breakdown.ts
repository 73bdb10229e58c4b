import { distributionOf, durationFacts } from "../../core/telemetry/durations.ts";
import type { SparseCounts } from "../../core/telemetry/latency.ts";
import { metricMeans, sumOf } from "../../core/telemetry/merge.ts";
import {
  createArmTotals,
  takeDurations,
  type RangeTotals,
  type RouteTotals,
} from "../../core/telemetry/range-totals.ts";
import { nameOutcomes, outcomes } from "../../core/traffic/outcome.ts";
import type { Breakdown } from "../../wire/history-api.ts";

type Variants = Breakdown["variants"];
type Percentiles = Variants[number]["latency_ms"];

/** Variants in the order given; those without a request have nothing but zeros. */
export function describeBreakdown(
  variants: readonly string[],
  totals: RangeTotals,
  about: {
    readonly isControl: (variant: string) => boolean;
    /** Whether nobody of the range was counted before it. */
    readonly knowsUsers: (variant: string) => boolean;
  },
): Variants {
  const arms = variants.map((variant) => {
    const arm = totals.get(variant) ?? createArmTotals();
    return { variant, arm, durations: takeDurations(arm) };
  });
  const { boundsMs, counts } = distributionOf(arms.map(({ durations }) => durations.duration));
  return arms.map(({ variant, arm, durations }, at) => ({
    variant,
    control: about.isControl(variant),
    requests: sumOf(arm.totals.outcomes),
    outcomes: nameOutcomes(arm.totals.outcomes),
    success_rate: successRate(arm.totals.outcomes),
    users: about.knowsUsers(variant) ? arm.totals.users.estimate() : null,
    latency_ms: percentiles(durations.duration),
    first_byte_ms: percentiles(durations.firstByte),
    metrics: metricMeans(arm.totals),
    failures: Object.fromEntries(arm.totals.failures),
    distribution: { bounds_ms: [...boundsMs], counts: [...(counts[at] ?? [])] },
    routes: Array.from(arm.routes, ([route, of]) => describeRoute(route, of)).toSorted(
      (one, other) => other.requests - one.requests || (one.route < other.route ? -1 : 1),
    ),
  }));
}

function describeRoute(route: string, { outcomes: counts, duration }: RouteTotals) {
  return {
    route,
    requests: sumOf(counts),
    success_rate: successRate(counts),
    latency_ms: percentiles(duration),
  };
}

const successAt = outcomes.indexOf("success");

function successRate(counts: readonly number[]): number | null {
  const requests = sumOf(counts);
  return requests === 0 ? null : (counts[successAt] ?? 0) / requests;
}

function percentiles(counts: SparseCounts): Percentiles {
  const facts = durationFacts(counts);
  if (facts === null) return null;
  return {
    mean: Math.round(facts.mean * 1000) / 1000,
    p50: facts.at(50),
    p75: facts.at(75),
    p90: facts.at(90),
    p95: facts.at(95),
    p99: facts.at(99),
    p99_9: facts.at(99.9),
    max: facts.max,
  };
}
