import { formatDurationMs } from "../../base/units.ts";
import { formatNumber, formatPercent } from "../statistics/decision/words.ts";
import { sampleRatioPValue } from "../statistics/sequential/sample-ratio.ts";
import type { AlertFacts, ExperimentAlertFacts, VariantAlertFacts } from "./facts.ts";
import { powerCondition, sampleSizeCondition } from "./plan-conditions.ts";
import type { AlertKind, AlertPolicy, AlertRule } from "./policy.ts";
import type { AlertCondition } from "./state.ts";

/** From what was measured to what is wrong: one small function for each kind of alert. */

type Conditions = (rule: AlertRule, facts: AlertFacts) => readonly AlertCondition[];

const conditionsByKind: Readonly<Record<AlertKind, Conditions>> = {
  error_rate: ofVariants(errorRate),
  latency: ofVariants(latency),
  sample_size: ofExperiments(sampleSizeCondition),
  power: ofExperiments(powerCondition),
  sample_ratio: ofExperiments(sampleRatio),
  variant_silent: ofVariants(variantSilent),
  no_traffic: ofExperiments(noTraffic),
  upstream_unhealthy: upstreamUnhealthy,
  guardrail: guardrailBreached,
  rollback: rolledBack,
  reload_failed: reloadFailed,
  store_unavailable: storeUnavailable,
  writes_behind: writesBehind,
  writes_diverged: writesDiverged,
};

/** Every condition of the policy's rules that holds. */
export function conditionsOf({ rules }: AlertPolicy, facts: AlertFacts): readonly AlertCondition[] {
  return rules.flatMap((rule) => conditionsByKind[rule.kind](rule, facts));
}

function ofExperiments(
  judge: (rule: AlertRule, experiment: ExperimentAlertFacts) => AlertCondition | null,
): Conditions {
  return (rule, { experiments }) =>
    experiments.map((each) => judge(rule, each)).filter((condition) => condition !== null);
}

function ofVariants(
  judge: (
    rule: AlertRule,
    variant: VariantAlertFacts,
    experiment: ExperimentAlertFacts,
  ) => AlertCondition | null,
): Conditions {
  return (rule, { experiments }) =>
    experiments.flatMap((experiment) =>
      experiment.variants
        .map((variant) => judge(rule, variant, experiment))
        .filter((condition) => condition !== null),
    );
}

function errorRate(
  { kind, limit, minRequests }: AlertRule,
  { variant, requests, errors }: VariantAlertFacts,
  { experiment }: ExperimentAlertFacts,
): AlertCondition | null {
  if (limit === null || requests === 0 || requests < (minRequests ?? 0)) return null;
  const value = errors / requests;
  if (!(value > limit)) return null;
  const summary = `${variant} of ${experiment} failed ${formatPercent(value)} of ${requests} requests in the last minute, more than ${formatPercent(limit)}`;
  return { kind, experiment, subject: variant, value, limit, summary };
}

function latency(
  { kind, limit, quantile, minRequests }: AlertRule,
  { variant, requests, latencyMsAt }: VariantAlertFacts,
  { experiment }: ExperimentAlertFacts,
): AlertCondition | null {
  if (limit === null || quantile === null || latencyMsAt === null) return null;
  if (requests < (minRequests ?? 0)) return null;
  const value = latencyMsAt(quantile);
  if (!(value > limit)) return null;
  const summary = `p${formatNumber(quantile * 100)} of ${variant} of ${experiment} was ${formatDurationMs(Math.round(value))} over ${requests} requests in the last minute, more than ${formatDurationMs(limit)}`;
  return { kind, experiment, subject: variant, value, limit, summary };
}

/** Always valid: it may be looked at every second. */
function sampleRatio(
  { kind, limit }: AlertRule,
  { experiment, variants, sampleRatio: test }: ExperimentAlertFacts,
): AlertCondition | null {
  if (limit === null || test === null) return null;
  const value = sampleRatioPValue(test);
  if (!(value < limit)) return null;
  const total = test.users.reduce((sum, users) => sum + users, 0);
  const arms = variants.map(
    ({ variant }, at) =>
      `${variant} ${test.users[at] ?? 0} for ${formatPercent(test.shares[at] ?? 0)}`,
  );
  const chance = value === 0 ? "less than 1e-300" : value.toPrecision(2);
  const summary = `${experiment} does not split its users as configured (chance ${chance}, less than ${limit}): of ${total}, ${arms.join(", ")}; its comparison cannot be trusted`;
  return { kind, experiment, subject: null, value, limit, summary };
}

/** `limit`: how many requests it should have had for the silence to be no accident. */
function variantSilent(
  { kind, limit }: AlertRule,
  { variant, share, requests }: VariantAlertFacts,
  { experiment, variants }: ExperimentAlertFacts,
): AlertCondition | null {
  if (limit === null || requests > 0) return null;
  const total = variants.reduce((sum, each) => sum + each.requests, 0);
  const value = share * total;
  if (!(value > 0 && value >= limit)) return null;
  const summary = `${variant} of ${experiment} got no request in the last minute, where its share of ${formatPercent(share)} should have brought about ${formatNumber(value)}`;
  return { kind, experiment, subject: variant, value, limit, summary };
}

/** `limit`: milliseconds. */
function noTraffic(
  { kind, limit }: AlertRule,
  { experiment, secondsWithoutRequests }: ExperimentAlertFacts,
): AlertCondition | null {
  if (limit === null || secondsWithoutRequests === null) return null;
  const value = secondsWithoutRequests * 1000;
  if (value < limit) return null;
  const summary = `${experiment} has had no request for ${formatDurationMs(limit)}`;
  return { kind, experiment, subject: null, value, limit, summary };
}

/** `limit`: the share of an upstream's endpoints that may be down. */
function upstreamUnhealthy(
  { kind, limit }: AlertRule,
  { upstreams }: AlertFacts,
): readonly AlertCondition[] {
  return upstreams.flatMap(({ upstream, healthyEndpoints, unhealthyEndpoints }) => {
    const total = healthyEndpoints + unhealthyEndpoints;
    const value = unhealthyEndpoints / total;
    if (limit === null || !(value > limit)) return [];
    const summary = `upstream ${upstream} has ${unhealthyEndpoints} of ${total} endpoints unhealthy`;
    return [{ kind, experiment: null, subject: upstream, value, limit, summary }];
  });
}

function writesBehind({ kind, limit }: AlertRule, { mirrors }: AlertFacts): AlertCondition[] {
  return mirrors.flatMap(({ experiment, variant, queued, oldestAgeMs: value, failure }) => {
    if (limit === null || !(value > limit)) return [];
    const why = failure === null ? "" : `: ${failure}`;
    const summary = `${variant} of ${experiment} is ${formatDurationMs(Math.round(value / 1000) * 1000)} behind with ${queued} mirrored writes${why}`;
    return [{ kind, experiment, subject: variant, value, limit, summary }];
  });
}

function writesDiverged({ kind, limit }: AlertRule, { mirrors }: AlertFacts): AlertCondition[] {
  return mirrors.flatMap(({ experiment, variant, diverged: value }) => {
    if (limit === null || !(value > limit)) return [];
    const summary = `${variant} of ${experiment} took ${value} mirrored writes otherwise than the primary; acknowledge it once that is known or mended`;
    return [{ kind, experiment, subject: variant, value, limit, summary }];
  });
}

function guardrailBreached(
  { kind }: AlertRule,
  { rollouts }: AlertFacts,
): readonly AlertCondition[] {
  return rollouts.flatMap(({ experiment, breaches }) =>
    breaches.map(({ guardrail, consequence, reason, value, limit }) => {
      const what = consequence === "pause" ? "paused the rollout of" : "was breached in";
      const summary = `guardrail ${guardrail} ${what} ${experiment}: ${reason}`;
      return { kind, experiment, subject: guardrail, value, limit, summary };
    }),
  );
}

function rolledBack({ kind }: AlertRule, { rollouts }: AlertFacts): readonly AlertCondition[] {
  return rollouts.flatMap(({ experiment, rolledBack: reason }) => {
    if (reason === null) return [];
    const summary = `${experiment} was rolled back: ${reason}`;
    return [{ kind, experiment, subject: null, value: null, limit: null, summary }];
  });
}

function reloadFailed({ kind }: AlertRule, { reloadFault }: AlertFacts): readonly AlertCondition[] {
  if (reloadFault === null) return [];
  const summary = `the configuration could not be reloaded, the one before stays in force: ${reloadFault}`;
  return [{ kind, experiment: null, subject: null, value: null, limit: null, summary }];
}

function storeUnavailable(
  { kind }: AlertRule,
  { storeFault }: AlertFacts,
): readonly AlertCondition[] {
  if (storeFault === null) return [];
  const summary = `the store is not available, decisions do not outlive a restart: ${storeFault}`;
  return [{ kind, experiment: null, subject: null, value: null, limit: null, summary }];
}
