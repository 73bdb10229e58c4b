import { isDurationMetric } from "../../telemetry/metric-names.ts";
import type { GuardrailPolicy } from "../policy.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Where several verdicts are told as one, the gravest speaks: a breach (2), else a metric that is blind (1). Content and
 * waiting for evidence are no harm (0): of them the later speaks.
 */
export function gravityOf(verdict: Verdict["verdict"]): number {
  return gravities[verdict];
}

const gravities = { ok: 0, wait: 0, error: 1, breach: 2 } as const;

/** What a guardrail's value, control and limit are counted in. */
export function unitOf(policy: GuardrailPolicy | undefined): "share" | "ms" | "number" {
  const metric = policy?.metric;
  if (metric?.kind === "quantile") return "ms";
  if (metric?.kind === "mean") {
    return metric.of === null || isDurationMetric(metric.of) ? "ms" : "number";
  }
  return metric?.kind === "promql" ? "number" : "share";
}
