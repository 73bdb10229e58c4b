import type { CollectorView, ExperimentView, VariantView } from "../control/collector.ts";
import type { CheckedEndpoint } from "../control/health.ts";
import type { ReloadState } from "../control/reload.ts";
import type { SupervisorState } from "../control/supervisor.ts";
import type { WorkerPhase } from "../control/worker-slot.ts";
import { configuredShares } from "../core/assignment/shares.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import { outcomes } from "../core/traffic/outcome.ts";
import type { Outcome } from "../core/traffic/outcome.ts";
import { mirrorStateOf } from "../core/mirror/divergence.ts";
import type { CompatibilityStatus } from "../control/compatibility.ts";
import type { MirrorView } from "../control/mirror/mirror.ts";
import type { PairedLatency } from "../core/comparison/paired-latency.ts";
import type { ExperimentStatus, Readiness, Status } from "../wire/admin-api.ts";

type VariantStatus = ExperimentStatus["variants"][number];

/** What `GET /v1/status` shows, put together from the parts that know it. */

export type StatusFacts = {
  readonly version: string;
  readonly startedWallMs: number;
  readonly nowWallMs: number;
  readonly draining: boolean;
  readonly supervisor: SupervisorState;
  readonly reload: ReloadState;
  readonly health: readonly CheckedEndpoint[];
  /** The present epoch of each experiment. */
  readonly epochs: Readonly<Record<string, number>>;
  readonly collected: Pick<CollectorView, "experiments" | "endpoints">;
  /** Variants that get copies of writes. */
  readonly mirrors: readonly MirrorView[];
  readonly compatibility: readonly CompatibilityStatus[];
};

const workerStates: Readonly<Record<WorkerPhase, Status["workers"][number]["state"]>> = {
  starting: "starting",
  listening: "running",
  draining: "draining",
  waiting: "restarting",
  stopped: "stopped",
};

export function describeReadiness(draining: boolean, supervisor: SupervisorState): Readiness {
  const reasons: string[] = [];
  if (draining) reasons.push("Sluice is draining");
  else if (!supervisor.ready) reasons.push("no worker is listening");
  return { ready: reasons.length === 0, reasons };
}

export function describeStatus(facts: StatusFacts): Status {
  const { supervisor, reload } = facts;
  return {
    version: facts.version,
    started_at: new Date(facts.startedWallMs).toISOString(),
    uptime_seconds: Math.max(0, facts.nowWallMs - facts.startedWallMs) / 1000,
    ...describeReadiness(facts.draining, supervisor),
    config: {
      generation: reload.generation,
      etag: reload.etag,
      last_reload: describeReload(reload.last),
    },
    workers: supervisor.workers.map(({ index, phase, restarts }) => ({
      index,
      state: workerStates[phase],
      restarts,
    })),
    endpoints: describeEndpoints(reload.config, facts.health, facts.collected.endpoints),
    experiments: Object.values(reload.config.experiments).map((policy) =>
      describeExperiment(
        policy,
        facts.epochs[policy.key] ?? 0,
        facts.collected.experiments.get(policy.key),
        facts.mirrors.filter(({ experiment }) => experiment === policy.key),
        facts.compatibility.find(({ experiment }) => experiment === policy.key),
      ),
    ),
  };
}

function describeReload(last: ReloadState["last"]): Status["config"]["last_reload"] {
  if (last === null) return null;
  const { outcome } = last;
  const refused = outcome.kind === "invalid" || outcome.kind === "refused";
  return {
    at: new Date(last.atMs).toISOString(),
    reason: last.reason,
    result: outcome.kind,
    message: outcome.kind === "failed" ? outcome.message : null,
    issues: refused ? [...outcome.issues] : [],
  };
}

function describeEndpoints(
  { upstreams }: Config,
  health: readonly CheckedEndpoint[],
  collected: CollectorView["endpoints"],
): Status["endpoints"] {
  const checked = new Map(health.map((endpoint) => [keyOf(endpoint), endpoint.healthy]));
  const described = Object.values(upstreams).flatMap(({ name, endpoints }) =>
    endpoints.map(({ origin }) => ({
      upstream: name,
      origin,
      healthy: checked.get(keyOf({ upstream: name, origin })) ?? true,
      ejected: false,
      in_flight: 0,
      ejections: 0,
    })),
  );
  const byKey = new Map(described.map((endpoint) => [keyOf(endpoint), endpoint]));
  for (const view of collected) {
    const endpoint = byKey.get(keyOf(view));
    if (endpoint === undefined) continue;
    endpoint.ejected = view.ejectedBy > 0;
    endpoint.in_flight = view.exchangesInFlight;
    endpoint.ejections = view.ejections;
  }
  return described;
}

function describeExperiment(
  policy: ExperimentPolicy,
  epoch: number,
  view: ExperimentView | undefined,
  mirrors: readonly MirrorView[],
  compatibility: CompatibilityStatus | undefined,
): ExperimentStatus {
  // What was counted before the split changed is not this epoch's.
  const present = view?.epoch === epoch ? view : undefined;
  const shares = configuredShares(policy);
  return {
    key: policy.key,
    epoch,
    strategy: policy.assignment.strategy,
    coverage: policy.assignment.coverage,
    disabled: policy.disabled,
    variants: policy.variants.map((variant, at) => ({
      key: variant.key,
      upstream: variant.upstream,
      control: variant.control,
      configured_share: shares[at] ?? 0,
      ...describeVariant(present?.variants.get(variant.key)),
    })),
    mirrored: mirrors.map(describeMirror),
    compatibility: compatibility === undefined ? null : describeCompatibility(compatibility),
  };
}

function describeCompatibility({
  checkedAt,
  findings,
}: CompatibilityStatus): NonNullable<ExperimentStatus["compatibility"]> {
  return {
    checked_at: checkedAt === null ? null : new Date(checkedAt).toISOString(),
    refused: findings.some(({ severity }) => severity === "refuse"),
    findings: findings.map(({ code, severity, variant, message, override }) => {
      return { code, severity, variant, message, override };
    }),
  };
}

/** The last divergent writes that are shown. */
const divergentShown = 10;

function describeMirror(view: MirrorView): ExperimentStatus["mirrored"][number] {
  return {
    variant: view.variant,
    state: mirrorStateOf({
      unacknowledged: view.unacknowledged,
      oldestAgeMs: view.oldestAgeMs,
      isFailing: view.failure !== null,
    }),
    queued: view.queued,
    oldest_seconds: Math.round(view.oldestAgeMs) / 1000,
    delivered: view.delivered,
    retried: view.retried,
    failure: view.failure,
    diverged: view.diverged,
    unacknowledged: view.unacknowledged,
    last: view.divergent
      .slice(-divergentShown)
      .map(({ kind, requestId, path, atMs, ...answers }) => ({
        kind,
        request_id: requestId,
        path,
        at: new Date(atMs).toISOString(),
        primary: answers.primary,
        target: answers.target,
      })),
  };
}

type Measured = Omit<VariantStatus, "key" | "upstream" | "control" | "configured_share">;

function describeVariant(view: VariantView | undefined): Measured {
  if (view === undefined) return unmeasured;
  const { copies } = view;
  return {
    observed_share: view.observedShare,
    requests: view.requests,
    requests_per_second: view.perSecond,
    in_flight: view.inFlight,
    users: view.users,
    latency_ms: latencyOf(view),
    outcomes: view.outcomes,
    metrics: view.metrics,
    failures: view.failures,
    copies:
      copies === null
        ? null
        : {
            requests: copies.requests,
            success_rate: copies.successRate,
            latency_ms: latencyOf(copies),
            metrics: copies.metrics,
            paired: copies.paired === null ? null : describePaired(copies.paired),
            refused: Object.fromEntries(copies.refusals),
          },
  };
}

type Paired = NonNullable<NonNullable<Measured["copies"]>["paired"]>;

function describePaired({ pairedT, wilcoxon, ...facts }: PairedLatency): Paired {
  const t = "error" in pairedT ? null : pairedT;
  return {
    pairs: facts.pairs,
    slower: facts.slower,
    faster: facts.faster,
    mean_ms: facts.meanMs,
    median_ms: facts.medianMs,
    interval_ms: t === null ? null : [t.interval.low, t.interval.high],
    t_p_value: t === null ? null : t.pValue,
    wilcoxon_p_value: "error" in wilcoxon ? null : wilcoxon.pValue,
  };
}

function latencyOf({
  p50Ms,
  p95Ms,
  p99Ms,
}: Pick<VariantView, "p50Ms" | "p95Ms" | "p99Ms">): Measured["latency_ms"] {
  if (p50Ms === null || p95Ms === null || p99Ms === null) return null;
  return { p50: p50Ms, p95: p95Ms, p99: p99Ms };
}

const unmeasured: Measured = {
  metrics: {},
  failures: {},
  copies: null,
  observed_share: null,
  requests: 0,
  requests_per_second: 0,
  in_flight: 0,
  users: 0,
  latency_ms: null,
  outcomes: Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>,
};

function keyOf({ upstream, origin }: { readonly upstream: string; readonly origin: string }) {
  return `${upstream} ${origin}`;
}
