import type { RecentArms } from "../control/collector-view.ts";
import type { ExperimentLifecycle } from "../control/experiments.ts";
import type { CheckedEndpoint } from "../control/health.ts";
import type { ReloadState } from "../control/reload.ts";
import type { MirrorView } from "../control/mirror/mirror.ts";
import type { RolloutView } from "../control/rollout-view.ts";
import type {
  AlertFacts,
  ExperimentAlertFacts,
  PlanAlertFacts,
  RolloutAlertFacts,
} from "../core/alerting/facts.ts";
import { configuredShares } from "../core/assignment/shares.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";

/** What alerts are judged by, put together from the parts that know it. */
export function gatherAlertFacts({
  config,
  recent,
  experiments,
  rollouts,
  health,
  reload,
  storeFault,
  mirrors,
}: {
  /** As it is routed. */
  readonly config: Config;
  readonly recent: (experiment: string) => RecentArms | null;
  readonly experiments: readonly ExperimentLifecycle[];
  readonly rollouts: readonly RolloutView[];
  readonly health: readonly CheckedEndpoint[];
  readonly reload: ReloadState["last"];
  readonly storeFault: string | null;
  readonly mirrors: readonly MirrorView[];
  /** Wall clock. */
}): AlertFacts {
  const lives = new Map(experiments.map((life) => [life.experiment, life]));
  return {
    experiments: Object.values(config.experiments)
      .filter(({ disabled }) => !disabled)
      .map((policy) => describeExperiment(policy, recent(policy.key), lives.get(policy.key))),
    rollouts: rollouts.map(describeRollout),
    upstreams: Object.values(config.upstreams).map(({ name, endpoints }) => {
      const down = health.filter(({ upstream, healthy }) => upstream === name && !healthy).length;
      return {
        upstream: name,
        healthyEndpoints: Math.max(0, endpoints.length - down),
        unhealthyEndpoints: down,
      };
    }),
    reloadFault: describeReload(reload),
    storeFault,
    mirrors: mirrors.map(
      ({ experiment, variant, queued, oldestAgeMs, failure, unacknowledged: diverged }) => {
        return { experiment, variant, queued, oldestAgeMs, failure, diverged };
      },
    ),
  };
}

function describeExperiment(
  policy: ExperimentPolicy,
  recent: RecentArms | null,
  life: ExperimentLifecycle | undefined,
): ExperimentAlertFacts {
  const shares = configuredShares(policy);
  return {
    experiment: policy.key,
    secondsWithoutRequests: recent?.secondsWithoutRequests ?? null,
    variants: policy.variants.map(({ key }, at) => ({
      variant: key,
      share: shares[at] ?? 0,
      ...(recent?.arms.get(key) ?? { requests: 0, errors: 0, latencyMsAt: null }),
    })),
    sampleRatio: life?.watch.sampleRatio ?? null,
    plan: life === undefined ? null : describePlan(life),
  };
}

function describePlan({ policy, ranMs, watch, state }: ExperimentLifecycle): PlanAlertFacts | null {
  const { lifecycle } = policy;
  const analysis = lifecycle?.analysis ?? null;
  if (state.phase.kind !== "running" || lifecycle === null || analysis === null) return null;
  // The arm that needs most decides.
  const required = watch.analyses.flatMap(({ decision }) => {
    const needed = decision.gates.find(({ name }) => name === "power")?.saw["required"];
    return typeof needed === "number" ? needed : [];
  });
  if (required.length === 0) return null;
  return {
    unit: "users",
    collected: watch.facts?.users ?? 0,
    required: Math.max(...required),
    planned: lifecycle.ends.users,
    ranMs,
    plannedMs: lifecycle.ends.afterMs,
    alpha: (1 - analysis.confidence) / watch.analyses.length,
    power: analysis.power,
  };
}

function describeRollout({
  experiment,
  policy,
  state: { phase, verdicts },
}: RolloutView): RolloutAlertFacts {
  const isOver = phase.kind === "rolled_back";
  // The verdicts of a rollout that is not judged any more are old news.
  const isJudged = ["stepping", "observing", "paused"].includes(phase.kind);
  const isPaused = phase.kind === "paused" && phase.by === "guardrail";
  return {
    experiment,
    rolledBack: isOver ? phase.reason : null,
    breaches: verdicts.flatMap(({ guardrail, verdict, reason, value, limit }, at) => {
      const of = policy.guardrails[at];
      if (!isJudged || verdict !== "breach" || of === undefined || of.dryRun) return [];
      const consequence = of.onBreach !== "alert" && isPaused ? "pause" : "alert";
      return { guardrail, consequence, reason, value, limit };
    }),
  };
}

function describeReload(last: ReloadState["last"]): string | null {
  if (last === null) return null;
  const { outcome } = last;
  if (outcome.kind === "failed") return outcome.message;
  if (outcome.kind !== "invalid" && outcome.kind !== "refused") return null;
  const [issue] = outcome.issues;
  return issue === undefined ? outcome.kind : `${issue.path}: ${issue.message}`;
}
