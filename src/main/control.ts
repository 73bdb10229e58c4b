import type { Result } from "../base/result.ts";
import { createAlertRunner, type Alerts } from "../control/alerts.ts";
import { createCollector, type CollectorView } from "../control/collector.ts";
import { createEpochBook } from "../control/epoch-book.ts";
import type { Epochs } from "../control/epochs.ts";
import { createExperiments, type Experiments } from "../control/experiments.ts";
import { createGates, type Gates, type GatesState } from "../control/gates.ts";
import { createGuardrailQueries } from "../control/guardrail-queries.ts";
import { createHistoryWriter, type HistoryState } from "../control/history-writer.ts";
import { createMemoryJournal, type JournalStore } from "../control/past/memory-journal.ts";
import type { Past } from "../control/past/past.ts";
import { createVerdictLog, type VerdictLogState } from "../control/past/verdict-log.ts";
import { createRecentHistory, type RecentState } from "../control/recent-history.ts";
import type { CheckedEndpoint } from "../control/health.ts";
import {
  measureAgain,
  readMeasuredBefore,
  type MeasuredBefore,
} from "../control/measured-before.ts";
import { createComparisons, type Comparisons } from "../control/comparisons.ts";
import { createCompatibility, type CompatibilityStatus } from "../control/compatibility.ts";
import { createMirror, type MirrorView } from "../control/mirror/mirror.ts";
import { mirrorDirectory } from "../wire/mirrored-write.ts";
import type { WriteReport } from "../wire/messages.ts";
import { createNotifier, type Notifier } from "../control/notify/notifier.ts";
import type { ReloadState } from "../control/reload.ts";
import { createReplicaHooks } from "../control/replica/hooks.ts";
import { mayLead } from "../control/replica/sharing.ts";
import { createReplica, type Replica } from "../control/replica/replica.ts";
import type { ReplicaReport } from "../control/store/shared-store.ts";
import { createRollouts, type Rollouts } from "../control/rollouts.ts";
import { nameOf, type WorkerSnapshot } from "../control/worker-counts.ts";
import type { SupervisorLog, WorkerSource } from "../control/worker-slot.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import { prepare, type Preparation } from "../core/rollout/preparation.ts";
import type { RolloutCommandName } from "../core/rollout/state.ts";
import { gatherAlertFacts } from "./alert-facts.ts";
import { describePreparation } from "./preparation-facts.ts";
import { openStore, type KeptStore } from "./kept-store.ts";
import { createProcessPast } from "./past.ts";
import { withRefusals } from "./refused-splits.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** What the control plane needs of the process around it. */
export type ControlDependencies = {
  readonly log: SupervisorLog;
  /** Gives the workers what is to be routed now; with a new epoch for the experiment, or in the present one. */
  readonly route: (experiment: string, isNewEpoch: boolean) => Promise<Result<unknown, string>>;
  readonly epochs: () => Readonly<Record<string, number>>;
  readonly health: () => readonly CheckedEndpoint[];
  /** The last attempt to reload. */
  readonly reload: () => ReloadState["last"];
  /** What other replicas are told of this one. */
  readonly report: () => ReplicaReport;
};

/** What measures, decides and writes down: everything of the control plane that does not run threads. */
export type Control = {
  readonly experiments: Experiments;
  readonly rollouts: Rollouts;
  readonly alerts: Alerts;
  /** What was: telemetry, verdicts and the journal. */
  readonly past: Past;
  readonly journal: Pick<JournalStore, "append">;
  /** What a person says about alerts; null when it was done, else why not. */
  commandAlerts(event: Parameters<Alerts["command"]>[0]): string | null;
  readonly notifier: Notifier;
  /** The configuration as it is to be routed, given where experiments and rollouts stand. */
  effective(config: Config): Config;
  /** The epochs to begin with; those that go on have what was measured in them. */
  readonly firstEpochs: Epochs;
  /** The epochs to route an effective configuration in; `proposed` is one higher than `before` where the split is another one. */
  nextEpochs(before: Epochs, proposed: Epochs, effective: Config): Epochs;
  /** Writes down the epochs that the workers route by now, with the effective configuration that they have. */
  keepEpochs(epochs: Epochs, effective: Config): void;
  /** Takes over a configuration that the workers route by already. */
  configure(config: Config): void;
  take(snapshot: WorkerSnapshot, source: WorkerSource): void;
  workerGone(source: WorkerSource): void;
  view(): CollectorView;
  readonly comparisons: Comparisons;
  /** An experiment as it is routed; undefined when there is none of this key. */
  routed(experiment: string): ExperimentPolicy | undefined;
  /** How a rollout would go if it were started now; null for one that is under way or done, or that is none. */
  prepare(experiment: string): Preparation | null;
  /** As a rollout's command, but started only when nothing speaks against it, unless by force. */
  commandRollout(
    experiment: string,
    name: RolloutCommandName,
    actor: string,
    options: { readonly reason?: string; readonly force?: boolean },
  ): string | null | undefined;
  /** Begins to ask the variants whether they go together; a split that would do harm gives everybody the control. */
  checkVariants(): void;
  /** An upstream is back, maybe as another one. */
  recheck(upstream: string): void;
  compatibility(): readonly CompatibilityStatus[];
  /** A worker has put a write on disk for the variants that did not answer it, or could not. */
  takeWrite(report: WriteReport): void;
  mirror(): {
    readonly views: readonly MirrorView[];
    readonly room: { readonly writes: number; readonly bytes: number };
  };
  gates(): GatesState;
  /** Whether the store keeps what it should; null without one. */
  store(): {
    readonly isUp: boolean;
    /** Why the last write did not work; null while it does. */
    readonly fault: string | null;
    readonly history: HistoryState & { droppedOf(experiment: string): number };
  } | null;
  /** This process among those that share its store; null where it has one of its own, or none. */
  replica(): ReturnType<Replica["view"]> | null;
  /** What memory and store keep of the past, and what was refused or lost of it. */
  pastState(): PastState;
  /** Ends all work; resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** Closes the store, after the last decision. */
  close(): void;
};

export type PastState = {
  readonly recent: RecentState;
  readonly verdicts: VerdictLogState;
  /** Questions that were refused because too many waited. */
  readonly refused: number;
};

/** What is still to be told when Sluice ends has so long to get there. */
const noticeMsMax = 2000;

export function createControl(config: Config, dependencies: ControlDependencies): Control {
  const { log, route, epochs, health, reload } = dependencies;
  let present = config;
  const shared = { clock: realClock, timers: realTimers, random: realRandom, log };
  const collector = createCollector({ nowMs: realClock.monotonicMs() });
  const store: KeptStore | null = openStore(config, log);
  const replica =
    store === null || store.shared === null ? null : joinReplicas(store, store.shared);
  const sharing = replica?.sharing;
  // Of several that share a store, one tidies up.
  const tidies = () => mayLead(sharing);
  const history =
    store === null ? null : createHistoryWriter({ ...shared, store, rollsUp: tidies });
  const recent = createRecentHistory(shared);
  const { retentionMs } = config;
  const verdicts = createVerdictLog({ ...shared, store, retentionMs, trims: tidies });
  // Without a store the journal is kept as long as the process lives, so that it can be read all the same.
  const journal: JournalStore = replica?.store ?? store ?? createMemoryJournal();
  const decided = { store: journal, ...(sharing === undefined ? {} : { sharing }) };
  const past = createProcessPast({
    config: () => present,
    journal,
    recent,
    verdicts,
    kept: store === null || history === null ? null : { store, writer: history },
  });
  const gates: Gates = createGates(shared);
  const experiments = createExperiments(config, {
    ...shared,
    ...decided,
    measured: (experiment) => {
      const measured = collector.arms(experiment);
      return measured?.epoch === epochs()[experiment] ? measured : null;
    },
    apply: (experiment, isNewRun) => {
      // A winner may have begun to climb, or a rollout may have ended with its experiment.
      rollouts.configure(experiments.effective(present));
      return route(experiment, isNewRun);
    },
  });
  const rollouts = createRollouts(experiments.effective(config), {
    ...shared,
    ...decided,
    onVerdicts: (...judged) => verdicts.note(...judged),
    gates,
    queries: (experiment, guardrail) => queries.latest(experiment, guardrail),
    apply: (experiment) => route(experiment, true),
  });
  const queries = createGuardrailQueries({
    ...shared,
    server: () => present.prometheus,
    rollouts: () => rollouts.view(),
  });
  const compatibility = createCompatibility(shared);
  let refused: ReadonlySet<string> = new Set();
  compatibility.onChange(() => {
    const before = refused;
    const keys = Object.keys(present.experiments);
    refused = new Set(keys.filter((key) => compatibility.isRefused(key)));
    for (const key of keys) if (before.has(key) !== refused.has(key)) void route(key, true);
  });
  const effective = (wanted: Config) =>
    withRefusals(rollouts.withShares(experiments.effective(wanted)), refused);
  const book = createEpochBook(
    { store: replica?.store ?? store, sharing, clock: realClock },
    effective(config).experiments,
  );
  if (store !== null) {
    const keys = Object.keys(config.experiments);
    restore(readMeasuredBefore(store, book.kept(), keys, realClock.wallMs()));
  }

  const mirror =
    config.store === null
      ? null
      : createMirror({
          ...shared,
          directory: mirrorDirectory(config.store),
          upstreamOf: (experiment, variant) => {
            const policy = present.experiments[experiment];
            const found = policy?.variants.find(({ key }) => key === variant);
            return found === undefined ? null : (present.upstreams[found.upstream] ?? null);
          },
        });
  const notifier = createNotifier(config.alerts.channels, shared);
  const alerts = createAlertRunner(config.alerts, {
    ...shared,
    ...decided,
    notifier,
    facts: () =>
      gatherAlertFacts({
        config: effective(present),
        recent: (experiment) => collector.recent(experiment, realClock.monotonicMs()),
        experiments: experiments.view(),
        rollouts: rollouts.view(),
        health: health(),
        reload: reload(),
        storeFault: store?.fault() ?? null,
        mirrors: mirror?.view() ?? [],
      }),
  });
  function restore(measured: readonly MeasuredBefore[]): void {
    for (const before of measured) collector.restore(before, realClock.monotonicMs());
  }

  function joinReplicas(kept: KeptStore, sharedStore: NonNullable<KeptStore["shared"]>): Replica {
    return createReplica({
      ...shared,
      shared: sharedStore,
      store: kept,
      report: dependencies.report,
      hooks: createReplicaHooks(() => ({
        sharing: sharing as NonNullable<typeof sharing>,
        rollouts,
        experiments,
        alerts,
        book,
        epochs,
        policies: () => effective(present).experiments,
        route,
        measure(series) {
          collector.addRemote(series, realClock.monotonicMs());
          recent.take(series);
        },
        measureAgain() {
          const held = history?.held() ?? [];
          const nowMs = realClock.wallMs();
          const keys = Object.keys(present.experiments);
          restore(measureAgain(kept, held, book.kept(), keys, nowMs));
        },
      })),
    });
  }

  function prepareRollout(experiment: string): Preparation | null {
    const policy = present.experiments[experiment];
    const one = rollouts.view().find((each) => each.experiment === experiment);
    const phase = one?.state.phase.kind;
    if (policy === undefined || one === undefined) return null;
    if (phase !== "waiting" && phase !== "rolled_back") return null;
    const recent = collector.recent(experiment, realClock.monotonicMs());
    const perSecond = recent?.perSecond ?? null;
    return prepare(one.policy, describePreparation(policy, present, perSecond, health()));
  }

  const routed = (experiment: string) => {
    const { experiments: all } = effective(present);
    return Object.hasOwn(all, experiment) ? all[experiment] : undefined;
  };
  const comparisons = createComparisons({
    policy: routed,
    compared: (experiment) => collector.compared(experiment),
    epoch: (experiment) => epochs()[experiment] ?? 0,
    sinceMs: (experiment) => book.sinceMs(experiment, epochs()[experiment]),
    lives: () => experiments.view(),
  });

  return {
    comparisons,
    routed,
    prepare: prepareRollout,
    commandRollout(experiment, name, actor, { reason, force = false }) {
      const errors =
        (name === "start" || name === "retry") && !force
          ? (prepareRollout(experiment)?.findings ?? []).filter(({ level }) => level === "error")
          : [];
      if (errors.length === 0) return rollouts.command(experiment, name, actor, reason);
      return `${errors.map(({ message }) => message).join("; ")} (force starts it all the same)`;
    },
    experiments,
    rollouts,
    alerts,
    past,
    journal,
    commandAlerts(event) {
      const alert = event.kind === "acknowledge" ? alerts.state().alerts.get(event.alert) : null;
      const refused = alerts.command(event);
      // Whoever acknowledges that stores differ knows of it: it need not stay on fire.
      if (refused === null && alert?.kind === "writes_diverged" && alert.experiment !== null) {
        mirror?.acknowledge(alert.experiment, alert.subject ?? "");
      }
      return refused;
    },
    notifier,
    effective,
    firstEpochs: book.first,
    nextEpochs: (before, proposed, wanted) => book.next(before, proposed, wanted.experiments),
    keepEpochs: (routing, wanted) => book.keep(routing, wanted.experiments),
    configure(next) {
      present = next;
      experiments.configure(next);
      rollouts.configure(experiments.effective(next));
      alerts.configure(next.alerts);
      compatibility.apply(next);
    },
    take(snapshot, source) {
      collector.add(source, snapshot, realClock.monotonicMs());
      history?.take(snapshot.telemetry.series);
      const { series } = snapshot.telemetry;
      recent.take(series);
      rollouts.take(nameOf(source), series, epochs());
      replica?.take(nameOf(source), series);
      if (snapshot.isUrgent) rollouts.judge();
    },
    workerGone(source) {
      collector.workerGone(source);
      rollouts.workerGone(nameOf(source));
    },
    checkVariants: () => compatibility.apply(present),
    recheck: (upstream) => compatibility.recheck(upstream),
    compatibility: () => compatibility.status(),
    takeWrite(report) {
      if (report.kind === "kept") mirror?.notice(report.name, report.write);
      else {
        const { experiment, variants, requestId, path } = report;
        mirror?.noticeLost(experiment, variants, requestId, path);
      }
    },
    mirror: () => ({
      views: mirror?.view() ?? [],
      room: mirror?.room() ?? { writes: 0, bytes: 0 },
    }),
    gates: () => gates.state(),
    store() {
      if (store === null || history === null) return null;
      const fault = store.fault();
      const { droppedOf } = history;
      return { isUp: fault === null, fault, history: { ...history.state(), droppedOf } };
    },
    replica: () => replica?.view() ?? null,
    pastState: () => ({
      recent: recent.state(),
      verdicts: verdicts.state(),
      refused: past.refused(),
    }),
    view: () => collector.view(realClock.monotonicMs()),
    async stop() {
      experiments.stop();
      rollouts.stop();
      alerts.stop();
      await Promise.all([
        gates.stop(),
        queries.stop(),
        notifier.stop(noticeMsMax),
        mirror?.stop(),
        compatibility.stop(),
      ]);
      await replica?.stop();
    },
    close() {
      history?.stop();
      verdicts.stop();
      store?.close();
    },
  };
}
