import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import type { ConfigFile } from "../control/config-file.ts";
import type { SluiceLog } from "../control/access-log.ts";
import type { HealthChecker } from "../control/health.ts";
import { previewReload } from "../control/reload-preview.ts";
import type { ExporterState } from "../control/tracing/exporter.ts";
import type { Reloader, ReloadState } from "../control/reload.ts";
import type { Supervisor } from "../control/supervisor.ts";
import type { Environment } from "../core/config/environment.ts";
import { readPage } from "../faces/admin/page-files.ts";
import { startAdmin } from "../faces/admin/server.ts";
import type { AdminServer } from "../faces/admin/server.ts";
import { createMetrics } from "../faces/metrics/metrics.ts";
import type { RolloutStatus, Status } from "../wire/admin-api.ts";
import { alertEvent, describeAlerts } from "./alert-status.ts";
import { describeAssignment } from "./assignment-status.ts";
import { describeComparison } from "./comparison-status.ts";
import type { Audit } from "./audit.ts";
import type { Control } from "./control.ts";
import { describeExperimentLife } from "./experiment-status.ts";
import type { ProcessSample } from "./process-watch.ts";
import { createReportParts } from "./report-parts.ts";
import { describeReadiness } from "./status.ts";
import { createSystemStatus } from "./system-status.ts";
import { realClock, realTimers } from "./system.ts";

/** What the admin port shows and steers. */
export type AdminParts = {
  readonly file: ConfigFile;
  readonly env: Environment;
  readonly cores: number;
  readonly version: string;
  readonly log: SluiceLog;
  readonly dashboardPath?: string;
  readonly reloader: Reloader;
  readonly control: Control;
  readonly audit: Audit;
  readonly supervisor: Supervisor;
  readonly health: HealthChecker;
  readonly startedWallMs: number;
  readonly processSample: () => ProcessSample;
  readonly isDraining: () => boolean;
  readonly spans: () => ExporterState;
  readonly status: () => Status;
  readonly rollouts: () => readonly RolloutStatus[];
  /** The configuration's state as experiments and rollouts have made of it. */
  readonly shownReload: () => ReloadState;
};

/** Where Vite puts the dashboard. */
const builtDashboard = fileURLToPath(new URL("../../dist/dashboard", import.meta.url));

/** Opens the admin port over a Sluice that is about to start; rejects when it cannot be bound. */
export async function openAdmin(parts: AdminParts): Promise<AdminServer> {
  const { file, env, cores, version, log, reloader, control, supervisor } = parts;
  const { dashboardPath = builtDashboard } = parts;
  const page = readPage(dashboardPath);
  if (page.absence !== null) {
    log.app("info", "no dashboard is served", { reason: page.absence, path: dashboardPath });
  }
  let server: AdminServer | null = null;
  const config = () => reloader.state().config;
  server = await startAdmin({
    policy: config().admin,
    page,
    clock: realClock,
    timers: realTimers,
    sources: {
      access: () => config().admin,
      readiness: () => describeReadiness(parts.isDraining(), supervisor.state()),
      status: parts.status,
      system: createSystemStatus(parts.processSample, () => ({
        host: hostname(),
        pid: process.pid,
        version,
        nodeVersion: process.versions.node,
        view: control.view(),
        store: control.store(),
        replica: control.replica(),
      })),
      metrics: createMetrics({
        view: () => control.view(),
        reload: parts.shownReload,
        rollouts: () => control.rollouts.view(),
        lives: () => control.experiments.view(),
        alerts: () => ({ state: control.alerts.state(), channels: control.notifier.state() }),
        gates: () => control.gates(),
        live: () => server?.live() ?? null,
        denials: parts.audit.denials,
        store: () => control.store(),
        replica: () => control.replica(),
        past: () => control.pastState(),
        mirrors: () => control.mirror().views,
        tracing: () => parts.spans(),
        workers: () => supervisor.state().workers,
        health: () => parts.health.state(),
        startedWallMs: parts.startedWallMs,
        version,
        nodeVersion: process.versions.node,
      }),
      reloader,
      preview: (text) => previewReload(text, config(), { file, env, cores }),
      rollouts: {
        list: parts.rollouts,
        command: (...command) => control.commandRollout(...command),
      },
      experiments: {
        list: () => control.experiments.view().map(describeExperimentLife),
        command: (...command) => control.experiments.command(...command),
      },
      comparison: (experiment) => {
        const compared = control.comparisons.of(experiment);
        return compared === undefined ? undefined : describeComparison(compared);
      },
      assignment: (experiment, user) => describeAssignment(control, experiment, user),
      past: control.past,
      alerts: {
        list: () => describeAlerts(control.alerts.state(), control.notifier.state()),
        command: (command, actor) => control.commandAlerts(alertEvent(command, actor)),
      },
      report: createReportParts(control, { insights: () => config().insights, log: log.app }),
      reportMetrics: (metrics) => supervisor.reportMetrics(metrics),
      changed: parts.audit.changed,
      denied: parts.audit.denied,
      version,
      fault: (error) => log.app("error", "admin request failed", { error: String(error) }),
    },
  });
  return server;
}
