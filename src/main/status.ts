import type { CheckedEndpoint } from "../control/health.ts";
import type { ReloadState } from "../control/reload.ts";
import type { SupervisorState } from "../control/supervisor.ts";
import type { WorkerPhase, WorkerSource } from "../control/worker-slot.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentStatus, Readiness, Status } from "../wire/admin-api.ts";
import type { EndpointState } from "../wire/messages.ts";

/** What `GET /v1/status` shows, put together from the parts that know it. */

export type StatusFacts = {
  readonly version: string;
  readonly startedWallMs: number;
  readonly nowWallMs: number;
  readonly draining: boolean;
  readonly supervisor: SupervisorState;
  readonly reload: ReloadState;
  readonly health: readonly CheckedEndpoint[];
  readonly endpoints: readonly EndpointState[];
  readonly experiments: readonly ExperimentStatus[];
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
    endpoints: describeEndpoints(reload.config, facts.health, facts.endpoints),
    experiments: [...facts.experiments],
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
  states: readonly EndpointState[],
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
  for (const state of states) {
    const endpoint = byKey.get(keyOf(state));
    if (endpoint === undefined) continue;
    endpoint.ejected ||= state.ejected;
    endpoint.in_flight += state.exchangesInFlight;
    endpoint.ejections += state.ejections;
  }
  return described;
}

function keyOf({ upstream, origin }: { readonly upstream: string; readonly origin: string }) {
  return `${upstream} ${origin}`;
}

/** The newest report of every worker on its endpoints. */
export class EndpointReports {
  readonly #byWorker = new Map<number, { incarnation: number; states: readonly EndpointState[] }>();

  take({ index, incarnation }: WorkerSource, states: readonly EndpointState[]): void {
    const present = this.#byWorker.get(index);
    // A replaced worker's last words come after its successor's first.
    if (present !== undefined && present.incarnation > incarnation) return;
    this.#byWorker.set(index, { incarnation, states });
  }

  forget({ index, incarnation }: WorkerSource): void {
    if (this.#byWorker.get(index)?.incarnation === incarnation) this.#byWorker.delete(index);
  }

  all(): EndpointState[] {
    return [...this.#byWorker.values()].flatMap(({ states }) => states);
  }
}
