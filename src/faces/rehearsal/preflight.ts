import { formatDurationMs } from "../../base/units.ts";
import type { Clock, Timers } from "../../base/clock.ts";
import { createCompatibility } from "../../control/compatibility.ts";
import type { Config } from "../../core/config/model.ts";
import type { ExperimentPolicy, VariantPolicy } from "../../core/experiment/policy.ts";
import type { LoadPlan } from "../../core/load/plan.ts";
import type { StageOutcome } from "../../core/rehearsal/stage.ts";
import { strayRequests } from "../../core/rehearsal/traffic.ts";
import type { RolloutPolicy } from "../../core/rollout/policy.ts";
import { prepare } from "../../core/rollout/preparation.ts";
import { formatNumber } from "../../core/statistics/decision/words.ts";
import { askHealth } from "./health.ts";

/** Asks beforehand what would make the rehearsal pointless. */

export type PreflightSubject = {
  readonly config: Config;
  readonly experiment: ExperimentPolicy;
  readonly rollout: RolloutPolicy;
  readonly control: VariantPolicy;
  readonly treatment: VariantPolicy;
  readonly plan: LoadPlan;
  /** Planned, of both variants together; null with live traffic. */
  readonly requestsPerSecond: number | null;
  /** How long the canary may take. */
  readonly withinMs: number;
};

export type Check = {
  readonly check: "traffic" | "health" | "compatibility" | "power";
  readonly level: "ok" | "info" | "warning" | "error";
  readonly message: string;
};

type PreflightTime = { readonly clock: Clock; readonly timers: Timers };

/** For the variants' answers about themselves. */
const compatibilityMsMax = 15_000;

export async function runPreflight(
  subject: PreflightSubject,
  time: PreflightTime,
): Promise<StageOutcome> {
  const health = await checkHealth(subject, time.timers);
  const checks = [...checkTraffic(subject), ...health];
  // Whoever is down cannot tell about itself.
  if (health.every(({ level }) => level !== "error")) {
    checks.push(...(await checkCompatibility(subject, time)));
  }
  checks.push(...checkPower(subject));
  const errors = checks.filter(({ level }) => level === "error");
  const warnings = checks.filter(({ level }) => level === "warning").length;
  if (errors.length > 0) {
    const reason = errors.map(({ message }) => message).join("; ");
    return { status: "failed", reason, details: { checks } };
  }
  const power = checks.find(({ check }) => check === "power")?.message ?? "";
  const warned = warnings === 0 ? "" : `, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  return {
    status: "passed",
    reason: `both sides are healthy and go together${warned}; ${power}`,
    details: { checks },
  };
}

function checkTraffic({ plan, config, experiment, requestsPerSecond }: PreflightSubject): Check[] {
  if (requestsPerSecond === null) return [];
  const stray = strayRequests(plan, config, experiment.key);
  if (stray.length === 0) return [];
  const all = stray.length === plan.endpoints.length;
  const message = `${stray.join(", ")} is not split by ${experiment.key}, see sluice routes`;
  return [{ check: "traffic", level: all ? "error" : "warning", message }];
}

async function checkHealth(subject: PreflightSubject, timers: Timers): Promise<Check[]> {
  const sides = [subject.control, subject.treatment];
  const checks = await Promise.all(
    sides.map(async (variant): Promise<Check[]> => {
      const upstream = subject.config.upstreams[variant.upstream];
      if (upstream === undefined) return [];
      const faults = await askHealth(upstream, timers);
      const level = faults.length < upstream.endpoints.length ? "warning" : "error";
      if (faults.length === 0) {
        return [{ check: "health", level: "ok", message: `${variant.key} is healthy` }];
      }
      return faults.map((fault) => ({
        check: "health",
        level,
        message: `${variant.key} is not healthy: ${fault}`,
      }));
    }),
  );
  return checks.flat();
}

async function checkCompatibility(
  { config, experiment }: PreflightSubject,
  time: PreflightTime,
): Promise<Check[]> {
  const compatibility = createCompatibility({ ...time, log: () => {} });
  try {
    const known = Promise.withResolvers<void>();
    const cancel = time.timers.after(compatibilityMsMax, known.resolve);
    const look = () => {
      const status = compatibility.status().find((each) => each.experiment === experiment.key);
      // One that depends on no model or build is not asked.
      if (status === undefined || status.facts.length === experiment.variants.length)
        known.resolve();
    };
    compatibility.onChange(look);
    const { upstreams, routes } = config;
    compatibility.apply({ upstreams, routes, experiments: { [experiment.key]: experiment } });
    await known.promise;
    cancel();
    const [status] = compatibility.status();
    return (status?.findings ?? []).map(({ severity, message }) => ({
      check: "compatibility",
      level: severity === "refuse" ? "error" : "warning",
      message,
    }));
  } finally {
    await compatibility.stop();
  }
}

/** Whether so much traffic is enough for the plan, in the time that there is. */
function checkPower(subject: PreflightSubject): Check[] {
  const { rollout, requestsPerSecond, withinMs, control, treatment } = subject;
  if (requestsPerSecond === null) {
    return [
      { check: "power", level: "info", message: "how much traffic there will be is not known" },
    ];
  }
  const isSame = control.upstream === treatment.upstream;
  const { findings, expectedMs } = prepare(rollout, {
    requestsPerSecond,
    controlHealthy: true,
    treatmentHealthy: true,
    sameUpstream: isSame && changesOf(control) === changesOf(treatment),
  });
  const checks = findings.map(({ level, message }): Check => ({ check: "power", level, message }));
  const rate = `${formatNumber(requestsPerSecond)} requests/s`;
  if (expectedMs === null || expectedMs > withinMs) {
    const takes = expectedMs === null ? "never ends" : `takes about ${about(expectedMs)}`;
    const slow = findings.find(({ level }) => level === "warning")?.message;
    const message = `the traffic is not enough: at ${rate} the rollout ${takes}, and it may take ${formatDurationMs(withinMs)}${slow === undefined ? "" : ` (${slow})`}; raise --rate or --within`;
    return [{ check: "power", level: "error", message }, ...checks];
  }
  const message = `at ${rate} the rollout takes about ${about(expectedMs)}`;
  return [{ check: "power", level: "ok", message }, ...checks];
}

/** What a variant makes of a request. */
function changesOf({ headers, body, path }: VariantPolicy): string {
  return JSON.stringify({ headers, body, path });
}

/** In seconds up to two minutes, in minutes beyond. */
function about(ms: number): string {
  const unitMs = ms <= 120_000 ? 1000 : 60_000;
  return formatDurationMs(Math.ceil(ms / unitMs) * unitMs);
}
