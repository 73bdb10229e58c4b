import type { CollectorView } from "../../control/collector.ts";
import type { ExperimentLifecycle } from "../../control/experiments.ts";
import type { GatesState } from "../../control/gates.ts";
import type { HistoryState } from "../../control/history-writer.ts";
import type { CheckedEndpoint } from "../../control/health.ts";
import type { ChannelState } from "../../control/notify/channel.ts";
import type { ReloadState } from "../../control/reload.ts";
import type { ExchangeState } from "../../control/replica/telemetry-exchange.ts";
import type { RolloutView } from "../../control/rollout-view.ts";
import type { ExporterState } from "../../control/tracing/exporter.ts";
import type { WorkerState } from "../../control/worker-slot.ts";
import type { AlertsState } from "../../core/alerting/state.ts";
import type { Divergence } from "../../core/mirror/divergence.ts";

/** Everything that `/metrics` shows; the composition fills it in, tests with plain values. */
export type MetricsSources = {
  readonly view: () => CollectorView;
  readonly reload: () => Pick<ReloadState, "config" | "generation" | "last">;
  readonly rollouts: () => readonly RolloutView[];
  /** The A/B experiments. */
  readonly lives: () => readonly ExperimentLifecycle[];
  readonly alerts: () => {
    readonly state: AlertsState;
    readonly channels: readonly ChannelState[];
  };
  /** Questions to the webhooks of steps, by what became of them. */
  readonly gates: () => Pick<GatesState, "asked" | "opened" | "closed" | "dropped" | "refused">;
  /** Listeners of `/v1/live`; null before the admin port is open. */
  readonly live: () => ({ readonly listeners: number } & Readonly<Record<string, number>>) | null;
  /** Requests that the admin port denied, by code. */
  readonly denials: () => Readonly<Record<string, number>>;
  /** Null without a store. */
  readonly store: () => { readonly isUp: boolean; readonly history: HistoryState } | null;
  /** This process among those that share its store; null where none do. */
  readonly replica: () => ReplicaFacts | null;
  /** What is kept of the past, besides telemetry in the store. */
  readonly past: () => PastFacts;
  /** Variants that get copies of writes. */
  readonly mirrors: () => readonly MirroredFacts[];
  readonly tracing: () => ExporterState;
  readonly workers: () => readonly Pick<WorkerState, "index" | "restarts">[];
  /** What active checks found; an endpoint that is not checked counts as healthy. */
  readonly health: () => readonly Pick<CheckedEndpoint, "upstream" | "origin" | "healthy">[];
  /** When the first configuration was loaded. */
  readonly startedWallMs: number;
  readonly version: string;
  readonly nodeVersion: string;
};

export type ReplicaFacts = {
  readonly authority: "lead" | "follow" | "cut_off";
  readonly replicas: readonly unknown[];
  readonly exchange: ExchangeState;
};

export type PastFacts = {
  readonly recent: { readonly rows: number; readonly bytes: number; readonly dropped: number };
  readonly verdicts: HistoryState & {
    readonly recent: { readonly rows: number; readonly dropped: number };
  };
  /** Questions that were refused because too many waited. */
  readonly refused: number;
};

export type MirroredFacts = {
  readonly experiment: string;
  readonly variant: string;
  readonly queued: number;
  readonly oldestAgeMs: number;
  readonly delivered: number;
  readonly retried: number;
  readonly diverged: Readonly<Partial<Record<Divergence, number>>>;
};

type Read =
  | "view"
  | "reload"
  | "rollouts"
  | "lives"
  | "alerts"
  | "gates"
  | "live"
  | "denials"
  | "store"
  | "replica"
  | "past"
  | "mirrors"
  | "tracing"
  | "workers"
  | "health";

/** One scrape's facts, all of the same moment. */
export type MetricsFacts = Omit<MetricsSources, Read> & {
  readonly [Source in Read]: ReturnType<MetricsSources[Source]>;
};

export function gatherFacts(sources: MetricsSources): MetricsFacts {
  return {
    ...sources,
    view: sources.view(),
    reload: sources.reload(),
    rollouts: sources.rollouts(),
    lives: sources.lives(),
    alerts: sources.alerts(),
    gates: sources.gates(),
    live: sources.live(),
    denials: sources.denials(),
    store: sources.store(),
    replica: sources.replica(),
    past: sources.past(),
    mirrors: sources.mirrors(),
    tracing: sources.tracing(),
    workers: sources.workers(),
    health: sources.health(),
  };
}
