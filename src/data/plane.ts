import net from "node:net";
import tls from "node:tls";
import type { Clock, Random, Timers } from "../base/clock.ts";
import type { ListenPolicy } from "../core/traffic/policy.ts";
import { createRecorder, seriesMax } from "../core/telemetry/recorder.ts";
import type {
  EndpointHealth,
  FromWorker,
  IssuedHandle,
  ReportedMetric,
  RoutingTable,
  WorkerOptions,
  WriteReport,
} from "../wire/messages.ts";
import { mirrorDirectory } from "../wire/mirrored-write.ts";
import { ClientConnection } from "./client/client-connection.ts";
import { Copier } from "./copies/copier.ts";
import { Tunnels } from "./exchange/tunnel.ts";
import { Handles } from "./handles.ts";
import { RecentRequests } from "./recent-requests.ts";
import { compileRouting } from "./routing.ts";
import { Spool } from "./writes/spool.ts";
import { TimerWheel, wheelTickMs } from "./timer-wheel.ts";
import { UpstreamSet } from "./upstream/upstream.ts";
import { WireSocket } from "./wire-socket.ts";
import { createCounters, InFlight, type WorkerContext, type WorkerLog } from "./worker-context.ts";

export type DataPlaneDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: WorkerLog;
  /** Bad exchanges of a rollout should not wait for the next snapshot. */
  readonly onUrgent: () => void;
  /** A variant gave out a handle: the other workers have to know. */
  readonly onHandle: (handle: IssuedHandle) => void;
  readonly onWrite: (write: WriteReport) => void;
};

export type DataPlaneSnapshot = Omit<
  Extract<FromWorker, { kind: "snapshot" }>,
  "kind" | "cpuUs" | "isUrgent"
>;

/** One worker's data plane: a listener, its connections, and the routing table they go by. */
export type DataPlane = {
  /** Binds the port (shared with the other workers by SO_REUSEPORT); resolves to it. */
  listen(): Promise<number>;
  /** Swaps the routing table; exchanges in flight keep the one they began with. Throws when it does not compile. */
  applyRouting(table: RoutingTable): void;
  setHealth(endpoints: readonly EndpointHealth[]): void;
  /** Handles that other workers saw. */
  noteHandles(handles: readonly IssuedHandle[]): void;
  /** How much waits for other variants, over all workers. */
  setMirrorRoom(room: { readonly writes: number; readonly bytes: number }): void;
  /** Counts metrics of requests that were here; the answer is which, by place. */
  takeMetrics(metrics: readonly ReportedMetric[]): readonly number[];
  /** What happened since the last call. */
  snapshot(): DataPlaneSnapshot;
  /** From now on every answer is the last on its connection; still accepts. */
  leave(): void;
  /** Stops accepting, waits for what is in flight, cuts the rest at the deadline; resolves to how many were cut. */
  drain(deadlineMs: number): Promise<number>;
  /** Cuts everything at once. */
  stop(): Promise<void>;
  /** Sockets, timers and exchanges that are still held; all zero after `stop`. */
  held(): {
    connections: number;
    upstreamConnections: number;
    deadlines: number;
    exchanges: number;
    tunnels: number;
  };
};

const readBufferBytes = 16 * 1024;
const acceptBacklog = 4096;
const closeExpiredPeriodMs = 1000;

export function createDataPlane(
  options: WorkerOptions,
  dependencies: DataPlaneDependencies,
): DataPlane {
  const { clock, timers, random, log } = dependencies;
  let eventMs = clock.monotonicMs();
  const nowMs = () => eventMs;
  const readClock = () => {
    eventMs = clock.monotonicMs();
  };
  const wheel = new TimerWheel(nowMs());
  const upstreams = new UpstreamSet(wheel, nowMs, readClock);
  const recorder = createRecorder(seriesMax, dependencies.onUrgent);
  const context: WorkerContext = {
    routing: compileRouting(options.table, upstreams, recorder, null, () => clock.wallMs()),
    wheel,
    recorder,
    random,
    nowMs,
    readClock,
    wallMs: () => clock.wallMs(),
    log,
    inFlight: new InFlight(),
    tunnels: new Tunnels(),
    counters: createCounters(),
    access: [],
    traces: [],
    spans: 0,
    handles: new Handles(),
    onHandle: dependencies.onHandle,
    onWrite: dependencies.onWrite,
    spool:
      options.table.config.store === null
        ? null
        : new Spool(mirrorDirectory(options.table.config.store), clock.wallMs(), options.index),
    recentRequests: new RecentRequests(recorder),
    copier: new Copier(() => context),
    leaving: false,
    draining: false,
  };
  for (const handle of options.handles) context.handles.note(handle);
  const connections = new Set<ClientConnection>();
  let health = new Map<string, boolean>();
  let drained: (() => void) | null = null;
  const listenPolicy = (): ListenPolicy => context.routing.table.config.listen;
  const server = listenPolicy().tls === null ? createTcpServer() : createTlsServer();
  const cancelTick = timers.every(wheelTickMs, () => {
    readClock();
    wheel.advance(nowMs());
  });
  const cancelSweep = timers.every(closeExpiredPeriodMs, () => upstreams.closeExpired());
  setHealth(options.health);

  function createTcpServer(): net.Server {
    return net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      accept(socket, false, (connection) => WireSocket.accept(socket, connection, readBufferBytes));
    });
  }

  function createTlsServer(): tls.Server {
    const { headTimeoutMs } = listenPolicy().limits;
    const created = tls.createServer(
      {
        ...tlsMaterial(listenPolicy()),
        ALPNProtocols: ["http/1.1"],
        handshakeTimeout: headTimeoutMs,
        noDelay: true,
      },
      (socket) => accept(socket, true, (connection) => WireSocket.wrapTls(socket, connection)),
    );
    created.on("tlsClientError", () => {
      context.counters.refused["tls_handshake_failed"] =
        (context.counters.refused["tls_handshake_failed"] ?? 0) + 1;
    });
    return created;
  }

  function accept(
    socket: net.Socket,
    secure: boolean,
    wrap: (connection: ClientConnection) => WireSocket,
  ): void {
    const { counters } = context;
    readClock();
    counters.connectionsAccepted += 1;
    if (connections.size >= listenPolicy().limits.connectionsMax || context.draining) {
      const code = context.draining ? "draining" : "connections_max";
      counters.refused[code] = (counters.refused[code] ?? 0) + 1;
      socket.destroy();
      return;
    }
    const peer = { ip: socket.remoteAddress ?? "", secure, localPort: socket.localPort ?? 0 };
    const connection = new ClientConnection(context, peer, forget);
    connection.wire = wrap(connection);
    connections.add(connection);
    counters.connectionsOpen = connections.size;
  }

  function forget(connection: ClientConnection): void {
    connections.delete(connection);
    context.counters.connectionsOpen = connections.size;
    if (connections.size === 0) drained?.();
  }

  function setHealth(endpoints: readonly EndpointHealth[]): void {
    health = new Map(
      endpoints.map(({ upstream, origin, healthy }) => [`${upstream} ${origin}`, healthy]),
    );
    applyHealth();
  }

  function applyHealth(): void {
    for (const [name, upstream] of upstreams.byName) {
      for (const endpoint of upstream.endpoints) {
        endpoint.healthy = health.get(`${name} ${endpoint.endpoint.origin}`) ?? true;
      }
    }
  }

  function listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      const { host } = listenPolicy();
      server.listen({ host, port: options.port, backlog: acceptBacklog, reusePort: true }, () => {
        server.off("error", reject);
        server.on("error", (error) =>
          log("error", "the listener failed", { error: error.message }),
        );
        resolve((server.address() as net.AddressInfo).port);
      });
    });
  }

  function applyRouting(table: RoutingTable): void {
    const previous = context.routing;
    context.routing = compileRouting(table, upstreams, recorder, previous, context.wallMs);
    applyHealth();
    const { tls: before } = previous.table.config.listen;
    const { tls: after } = table.config.listen;
    if (
      server instanceof tls.Server &&
      after !== null &&
      (after.cert !== before?.cert || after.key !== before.key)
    ) {
      server.setSecureContext(tlsMaterial(table.config.listen));
    }
  }

  function snapshot(): DataPlaneSnapshot {
    readClock();
    const now = nowMs();
    const underWay = [...context.inFlight, ...context.copier.inFlight];
    const inFlight = underWay.map(({ series, startedMs }) => ({ series, ageMs: now - startedMs }));
    const { access, traces } = context;
    context.access = [];
    context.traces = [];
    context.spans = 0;
    return {
      telemetry: recorder.snapshot(clock.wallMs(), inFlight),
      counters: {
        ...context.counters,
        refused: { ...context.counters.refused },
        uninspected: { ...context.counters.uninspected },
        uninspectedOf: { ...context.counters.uninspectedOf },
        copiesSkipped: { ...context.counters.copiesSkipped },
        exchangesInFlight: context.inFlight.size,
      },
      endpoints: [...upstreams.byName.values()].flatMap((upstream) => upstream.states(now)),
      access,
      traces,
      pairs: context.copier.takePairs(),
    };
  }

  function leave(): void {
    context.leaving = true;
  }

  function drain(deadlineMs: number): Promise<number> {
    leave();
    context.draining = true;
    server.close();
    return new Promise((resolve) => {
      let aborted = 0;
      const finish = () => {
        drained = null;
        cancelDeadline();
        aborted += context.tunnels.close();
        resolve(aborted);
      };
      const cancelDeadline = timers.after(deadlineMs, () => {
        for (const connection of connections) if (connection.abort()) aborted += 1;
        finish();
      });
      for (const connection of connections) connection.drain();
      if (connections.size === 0) finish();
      else drained = finish;
    });
  }

  async function stop(): Promise<void> {
    context.draining = true;
    server.close();
    context.tunnels.close();
    const gone = new Promise<void>((resolve) => {
      if (connections.size === 0) resolve();
      else drained = resolve;
    });
    for (const connection of connections) connection.abort();
    context.copier.stop();
    await gone;
    await upstreams.destroy();
    cancelTick();
    cancelSweep();
  }

  return {
    listen,
    applyRouting,
    setHealth,
    noteHandles(handles) {
      for (const handle of handles) context.handles.note(handle);
    },
    setMirrorRoom({ writes, bytes }) {
      if (context.spool !== null) context.spool.room = { writes, bytes };
    },
    takeMetrics: (metrics) => context.recentRequests.take(metrics),
    snapshot,
    leave,
    drain,
    stop,
    held: () => ({
      connections: connections.size,
      upstreamConnections: upstreams.connectionsOpen,
      deadlines: wheel.size,
      exchanges: context.inFlight.size,
      tunnels: context.tunnels.size,
    }),
  };
}

function tlsMaterial({ tls: material }: ListenPolicy): { cert: string; key: string } {
  return { cert: material?.cert ?? "", key: material?.key ?? "" };
}
