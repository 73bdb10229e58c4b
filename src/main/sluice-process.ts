import type { EndpointHealth } from "../wire/messages.ts";
import { availableParallelism } from "node:os";
import { err, ok, type Result } from "../base/result.ts";
import { createLog, type SluiceLog } from "../control/access-log.ts";
import type { CollectorView } from "../control/collector.ts";
import { openConfigFile, type ConfigFile } from "../control/config-file.ts";
import { holdConfigText } from "../control/config-text.ts";
import { createHealthChecker, type HealthChecker } from "../control/health.ts";
import { describeListenError, probeAddress } from "../control/listen-error.ts";
import { watchDirectories } from "../control/reload-watch.ts";
import { createReloader, loadConfig } from "../control/reload.ts";
import type { LoadedConfig, Reloader, ReloadOutcome, ReloadState } from "../control/reload.ts";
import type { SpanExporter } from "../control/tracing/exporter.ts";
import { createSupervisor, type Supervisor } from "../control/supervisor.ts";
import type { WorkerSnapshot } from "../control/worker-counts.ts";
import type { SpawnWorker, WorkerSource } from "../control/worker-slot.ts";
import type { Environment } from "../core/config/environment.ts";
import type { Config, Issue } from "../core/config/model.ts";
import { advanceEpochs } from "../core/config/reload-plan.ts";
import type { ReloadPlan } from "../core/config/reload-plan.ts";
import type { AdminServer } from "../faces/admin/server.ts";
import { findTlsFault } from "../faces/admin/tls-server.ts";
import type { RolloutCommandName } from "../core/rollout/state.ts";
import type { RolloutStatus, Status } from "../wire/admin-api.ts";
import { openAdmin } from "./admin.ts";
import { createAudit, type Audit } from "./audit.ts";
import { createControl, type Control } from "./control.ts";
import { realProbes, watchProcess, type ProcessWatch } from "./process-watch.ts";
import { createDelay } from "../base/delay.ts";
import { reportReplica } from "./replica-report.ts";
import { describeRollout } from "./rollout-status.ts";
import { describeStatus } from "./status.ts";
import type { Sluice } from "./running-sluice.ts";
import { realClock, realRandom, realTimers } from "./system.ts";
import { createSpanExporter, spansMsMax } from "./spans.ts";
import { spawnThread } from "./thread.ts";

/** A file, which is watched from then on, or a text. */
type ConfigSource = { readonly configPath: string } | { readonly configText: string };

export type SluiceOptions = ConfigSource & {
  readonly env: Environment;
  readonly version: string;
  /** The folder of the built dashboard, unless a test says otherwise. */
  readonly dashboardPath?: string;
  /** Nothing is logged without one. */
  readonly log?: (level: Config["log"]["level"]) => SluiceLog;
  /** Threads, unless a test says otherwise. */
  readonly spawn?: SpawnWorker;
};

/** Why Sluice did not start: problems of the configuration, or one message. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[] = []) {
    super(message);
    this.issues = issues;
  }
}

export async function startSluice(options: SluiceOptions): Promise<Sluice> {
  const file =
    "configPath" in options
      ? openConfigFile(options.configPath)
      : holdConfigText(options.configText);
  const context = { file, env: options.env, cores: availableParallelism() };
  const loaded = loadConfig(file, context);
  if (!loaded.ok) throw new StartError(`${file.path} is not valid`, loaded.error);
  const { listen, log: logPolicy } = loaded.value.config;
  const taken = listen.port === 0 ? null : await probeAddress(listen.host, listen.port);
  if (taken !== null) {
    throw new StartError(describeListenError(taken, { ...listen, field: "listen" }));
  }
  const log = (options.log ?? silentLog)(logPolicy.level);
  const sluice = new RunningSluice(loaded.value, { ...options, ...context, log });
  await sluice.start();
  if ("configPath" in options) sluice.reloader.start();
  return sluice;
}

function silentLog(level: Config["log"]["level"]): SluiceLog {
  return createLog(level, { write: () => {} });
}

type Context = {
  readonly file: ConfigFile;
  readonly env: Environment;
  readonly cores: number;
  readonly version: string;
  readonly dashboardPath?: string;
  readonly log: SluiceLog;
  readonly spawn?: SpawnWorker;
};

const mirrorRoomMs = 1000;

class RunningSluice implements Sluice {
  readonly log: SluiceLog;
  readonly reloader: Reloader;
  dataPort = 0;
  adminPort = 0;
  readonly #context: Context;
  readonly #supervisor: Supervisor;
  readonly #health: HealthChecker;
  readonly #startedWallMs = realClock.wallMs();
  readonly #control: Control;
  readonly #audit: Audit;
  readonly #process: ProcessWatch;
  readonly #spans: SpanExporter;
  #epochs: Readonly<Record<string, number>> = {};
  /** What the workers route by, but for what experiments and rollouts have come to. */
  #routed: Config;
  /** Routing changes go one after the other, whoever makes them. */
  #routing: Promise<unknown> = Promise.resolve();
  #admin: AdminServer | null = null;
  #draining = false;
  #cancelRoom: () => void = () => {};
  readonly #delay = createDelay(realTimers);
  #hadMirrored = false;
  /** Upstreams with an endpoint that is not well. */
  #down: ReadonlySet<string> = new Set();

  constructor(loaded: LoadedConfig, context: Context) {
    const { config } = loaded;
    const { log, spawn = spawnThread } = context;
    const shared = { clock: realClock, timers: realTimers, random: realRandom, log: log.app };
    this.log = log;
    this.#context = context;
    this.#routed = config;
    this.#control = createControl(config, {
      log: log.app,
      epochs: () => this.#epochs,
      health: () => this.#health.state(),
      reload: () => this.reloader.state().last,
      report: () =>
        reportReplica(
          this.#routed.replica,
          this.reloader.state(),
          context.version,
          this.#startedWallMs,
        ),
      route: (experiment, isNewEpoch) => this.#reroute(experiment, isNewEpoch),
    });
    const { journal } = this.#control;
    this.#audit = createAudit({ ...shared, journal, file: context.file.path });
    this.#process = watchProcess(realProbes(), shared);
    this.#spans = createSpanExporter(config.tracing, context.version, log.app);
    this.#epochs = this.#control.firstEpochs;
    const effective = this.#control.effective(config);
    this.#control.keepEpochs(this.#epochs, effective);
    this.#supervisor = createSupervisor(
      { config: effective, epochs: this.#epochs },
      {
        ...shared,
        spawn,
        onSnapshot: (snapshot, source) => this.#take(snapshot, source),
        onWorkerGone: (source) => this.#control.workerGone(source),
        onWrite: (report) => this.#control.takeWrite(report),
      },
    );
    this.#health = createHealthChecker({
      ...shared,
      publish: (endpoints) => this.#noteHealth(endpoints),
    });
    this.reloader = createReloader(loaded, {
      ...shared,
      ...context,
      watch: watchDirectories,
      apply: (plan) => this.#apply(plan),
      record: this.#audit.reloaded,
      log: log.app,
    });
  }

  async start(): Promise<void> {
    const { admin, upstreams } = this.config();
    try {
      this.#admin = await this.#openAdmin();
    } catch (error) {
      await this.stop();
      const address = { ...admin, field: "admin" };
      throw new StartError(describeListenError(error as NodeJS.ErrnoException, address));
    }
    this.adminPort = this.#admin.port;
    const started = await this.#supervisor.start();
    if (!started.ok) {
      await this.stop();
      throw new StartError(started.error);
    }
    this.dataPort = started.value;
    this.#health.apply(upstreams);
    this.#control.checkVariants();
    this.#cancelRoom = realTimers.every(mirrorRoomMs, () => this.#tellMirrorRoom());
  }

  #noteHealth(endpoints: readonly EndpointHealth[]): void {
    const before = this.#down;
    this.#down = new Set(
      endpoints.filter(({ healthy }) => !healthy).map(({ upstream }) => upstream),
    );
    this.#supervisor.setHealth(endpoints);
    // What comes back may be another version or model.
    for (const upstream of before) if (!this.#down.has(upstream)) this.#control.recheck(upstream);
  }

  /** Workers count what they add themselves; what has left, and what others added, they learn now and then. */
  #tellMirrorRoom(): void {
    const { room } = this.#control.mirror();
    const isNews = room.writes > 0 || this.#hadMirrored;
    this.#hadMirrored = room.writes > 0;
    if (isNews) this.#supervisor.setMirrorRoom(room);
  }

  config(): Config {
    return this.reloader.state().config;
  }

  status(): Status {
    return describeStatus({
      version: this.#context.version,
      startedWallMs: this.#startedWallMs,
      nowWallMs: realClock.wallMs(),
      draining: this.#draining,
      supervisor: this.#supervisor.state(),
      reload: this.#shownReload(),
      health: this.#health.state(),
      epochs: this.#epochs,
      collected: this.view(),
      mirrors: this.#control.mirror().views,
      compatibility: this.#control.compatibility(),
    });
  }

  rollouts(): readonly RolloutStatus[] {
    return this.#control.rollouts
      .view()
      .map((view) => describeRollout(view, this.#control.prepare(view.experiment)));
  }

  commandRollout(
    experiment: string,
    name: RolloutCommandName,
    actor: string,
    options: { readonly reason?: string; readonly force?: boolean } = {},
  ): string | null | undefined {
    return this.#control.commandRollout(experiment, name, actor, options);
  }

  view(): CollectorView {
    return this.#control.view();
  }

  reload(text: string): Promise<ReloadOutcome> {
    return this.reloader.replace(text, "*", "this process");
  }

  reloadFromFile(reason: string): Promise<ReloadOutcome> {
    return this.reloader.reloadFromFile(reason);
  }

  async drain(): Promise<number> {
    this.#draining = true;
    const { drainDelayMs } = this.config().listen;
    if (drainDelayMs > 0) {
      this.#supervisor.leave();
      await this.#delay.wait(drainDelayMs);
    }
    const { drainDeadlineMs } = this.config().listen;
    // Together: a reload under way must not hold up the drain, which ends it.
    const [aborted] = await Promise.all([
      this.#supervisor.drain(drainDeadlineMs),
      this.reloader.stop(),
    ]);
    await this.stop();
    return aborted;
  }

  hurry(): boolean {
    return this.#delay.hurry();
  }

  async stop(): Promise<void> {
    this.#draining = true;
    this.hurry();
    this.#cancelRoom();
    this.#process.stop();
    await Promise.all([
      this.reloader.stop(),
      this.#health.stop(),
      this.#supervisor.stop(),
      this.#control.stop(),
    ]);
    await this.#spans.end(spansMsMax);
    this.#control.close();
    // Last, so that probes and scrapes see the end coming.
    await this.#admin?.close();
  }

  /** The configuration's state as experiments and rollouts have made of it. */
  #shownReload(): ReloadState {
    const state = this.reloader.state();
    return { ...state, config: this.#control.effective(state.config) };
  }

  #openAdmin(): Promise<AdminServer> {
    return openAdmin({
      ...this.#context,
      reloader: this.reloader,
      control: this.#control,
      audit: this.#audit,
      supervisor: this.#supervisor,
      health: this.#health,
      startedWallMs: this.#startedWallMs,
      processSample: () => this.#process.latest(),
      isDraining: () => this.#draining,
      spans: () => this.#spans.state(),
      status: () => this.status(),
      rollouts: () => this.rollouts(),
      shownReload: () => this.#shownReload(),
    });
  }

  async #apply(plan: ReloadPlan): Promise<Result<unknown, string>> {
    const fault = findTlsFault(plan.config.admin.tls);
    if (fault !== null) return err(fault);
    const applied = await this.#route(plan.config, (epochs) => advanceEpochs(epochs, plan));
    if (!applied.ok) return applied;
    this.#control.configure(plan.config);
    this.#spans.configure(plan.config.tracing);
    this.#health.apply(plan.config.upstreams);
    this.log.setLevel(plan.config.log.level);
    return ok(null);
  }

  /** An experiment or a rollout has come to something else; another split begins another epoch. */
  #reroute(experiment: string, isNewEpoch: boolean): Promise<Result<unknown, string>> {
    return this.#route(null, (epochs) =>
      isNewEpoch ? { ...epochs, [experiment]: (epochs[experiment] ?? 0) + 1 } : epochs,
    );
  }

  /** Gives the workers a configuration (null: the present one) as experiments and rollouts make of it, after what is under way. */
  #route(
    wanted: Config | null,
    advance: (epochs: Readonly<Record<string, number>>) => Readonly<Record<string, number>>,
  ): Promise<Result<unknown, string>> {
    const turn = async (): Promise<Result<unknown, string>> => {
      const config = wanted ?? this.#routed;
      // As it is now: what is decided while the workers take it over is routed with the next turn.
      const effective = this.#control.effective(config);
      const proposed = advance(this.#epochs);
      const epochs = this.#control.nextEpochs(this.#epochs, proposed, effective);
      const applied = await this.#supervisor.applyRouting(effective, epochs);
      if (applied.ok) {
        this.#routed = config;
        this.#epochs = epochs;
        this.#control.keepEpochs(epochs, effective);
      }
      return applied;
    };
    // A turn that throws must not keep the next one, a rollback's maybe, from its own.
    const routed = this.#routing.then(turn).catch((error: unknown) => {
      this.log.app("error", "routing met a bug in Sluice", { error: String(error) });
      return err(String(error));
    });
    this.#routing = routed;
    return routed;
  }

  #take(snapshot: WorkerSnapshot, source: WorkerSource): void {
    this.#control.take(snapshot, source);
    this.#spans.take(snapshot.traces);
    this.log.access(snapshot.access);
  }
}
