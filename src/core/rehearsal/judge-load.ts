import type { Measurements } from "../load/measurements.ts";
import type { LoadReport } from "../load/report.ts";
import type { GuardrailPolicy } from "../rollout/policy.ts";
import { formatNumber, formatPercent } from "../statistics/decision/words.ts";
import { percentileMs } from "../load/measurements.ts";

/** What a load test of one variant alone says against it; empty when nothing does. */
export type LoadJudgement = {
  /** Why its figures cannot be used. */
  readonly unusable: readonly string[];
  /** Broken thresholds, and guardrails that would be broken by everybody having this variant. */
  readonly broken: readonly string[];
};

/** Guardrails that hold a variant against the control are for the canary, which has both at the same time. */
export function judgeLoad(
  report: LoadReport,
  measurements: Measurements,
  guardrails: readonly GuardrailPolicy[],
): LoadJudgement {
  const unusable = [...report.generator.invalid];
  if (report.end.kind === "interrupted") unusable.push("it was interrupted");
  if (report.all.ended === 0) unusable.push("no request has ended");
  const broken = report.thresholds.flatMap(({ text, value, ok }) => {
    if (ok) return [];
    return [`${text}, and it was ${value === null ? "never measured" : formatNumber(value)}`];
  });
  for (const guardrail of guardrails) {
    const breach = guardrail.dryRun ? null : breachOf(guardrail, report, measurements);
    if (breach !== null) broken.push(breach);
  }
  return { unusable, broken };
}

function breachOf(
  { name, metric, max }: GuardrailPolicy,
  { all }: LoadReport,
  { all: seen }: Measurements,
): string | null {
  if (max === null || all.ended === 0) return null;
  if (metric.kind === "outcomes" && metric.bad.includes("upstream_error")) {
    const share = upstreamFailures(all) / all.ended;
    if (share <= max) return null;
    return `${name}: ${formatPercent(share)} of its answers failed, at most ${formatPercent(max)} may`;
  }
  if (metric.kind === "slow") {
    const times = metric.of === "duration" ? seen.responseTime : seen.firstByte;
    const quantileMs = percentileMs(times, (1 - max) * 100);
    if (quantileMs === null || quantileMs <= metric.limitMs) return null;
    return `${name}: ${formatPercent(max)} of its answers took ${formatNumber(quantileMs)} ms or longer, the limit is ${formatNumber(metric.limitMs)} ms`;
  }
  if (metric.kind === "mean" && metric.of === null && all.responseTime !== null) {
    const { meanMs } = all.responseTime;
    return meanMs <= max
      ? null
      : `${name}: ${formatNumber(meanMs)} ms on average, the limit is ${formatNumber(max)} ms`;
  }
  return null;
}

/** As the proxy would count them: lost or late answers, and statuses from 500 on. */
function upstreamFailures({ failures, statuses }: LoadReport["all"]): number {
  const lost = ["refused", "reset", "truncated", "timeout", "tls", "dns", "protocol", "other"]
    .map((kind) => failures[kind] ?? 0)
    .reduce((sum, count) => sum + count, 0);
  return Object.entries(statuses).reduce(
    (sum, [status, count]) => (Number(status) >= 500 ? sum + count : sum),
    lost,
  );
}
