import type { Clock, Random, Timers } from "../../base/clock.ts";
import type { RolloutCommandName } from "../../core/rollout/state.ts";
import { rolloutSchema, rolloutsSchema, statusSchema } from "../../wire/admin-api.ts";
import type { RolloutStatus, Status } from "../../wire/admin-api.ts";
import { alertsSchema } from "../../wire/alerts-api.ts";
import type { AlertsStatus } from "../../wire/alerts-api.ts";
import { metricsTakenSchema } from "../../wire/metrics-api.ts";
import { sessionSchema, systemSchema } from "../../wire/system-api.ts";
import type { Session, SystemStatus } from "../../wire/system-api.ts";
import { createTlsFetch, type ClientTls } from "./client-tls.ts";
import { askingAdmin } from "./admin-port.ts";
import { SluiceError } from "./error.ts";
import type { Transport } from "./exchange.ts";
import { experimentCalls } from "./experiments.ts";
import type { ExperimentCalls } from "./experiments.ts";
import { followLive } from "./live.ts";
import type { LiveUpdate } from "./live.ts";
import { pastCalls } from "./past.ts";
import type { PastCalls } from "./past.ts";
import { executeRequest } from "./request.ts";
import type { ProxyAnswer, ProxyRequest } from "./request.ts";

export { SluiceError };
export type {
  AlertsStatus,
  ClientTls,
  LiveUpdate,
  ProxyAnswer,
  ProxyRequest,
  RolloutStatus,
  Status,
};

export type ClientOptions = {
  /** Of the admin port, such as http://127.0.0.1:9090. */
  readonly admin: string;
  /** Of the traffic port, such as http://127.0.0.1:8080; only `executeRequest` needs it. */
  readonly proxy?: string;
  /** `admin.token` of the configuration, where there is one. */
  readonly token?: string;
  /** For an admin port that speaks TLS with certificates of your own, or asks for one. */
  readonly tls?: ClientTls;
  /** Node's own unless told otherwise. */
  readonly fetch?: typeof fetch;
  /** Where the configuration's `assignment.user` looks for the user; `x-user-id` unless told otherwise. */
  readonly userHeader?: string;
  readonly limits?: Partial<ClientLimits>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
};

export type ClientLimits = {
  /** Of a request to the admin port, from sending to the last byte. */
  readonly adminTimeoutMs: number;
  readonly adminAnswerBytesMax: number;
  /** Of a request through the proxy, from sending to the last byte. */
  readonly proxyTimeoutMs: number;
  readonly proxyAnswerBytesMax: number;
  /** Until the live WebSocket is open. */
  readonly liveOpenMs: number;
  /** The live document counts as stale, and the connection as lost, after this long without a word. */
  readonly liveSilenceMs: number;
  readonly liveFrameBytesMax: number;
  /** Waits between attempts: at random up to the first, which doubles with every failure up to the last. */
  readonly liveRetryMs: number;
  readonly liveRetryMsMax: number;
};

const clientLimits: ClientLimits = {
  adminTimeoutMs: 10_000,
  adminAnswerBytesMax: 16 * 1024 * 1024,
  proxyTimeoutMs: 300_000,
  proxyAnswerBytesMax: 64 * 1024 * 1024,
  liveOpenMs: 10_000,
  liveSilenceMs: 12_000,
  liveFrameBytesMax: 16 * 1024 * 1024,
  liveRetryMs: 500,
  liveRetryMsMax: 10_000,
};

type KindsOfCalls = ExperimentCalls & PastCalls;

/**
 * A running Sluice, as a program uses it. Every failure is a {@link SluiceError}. `actor` says who acts, for the
 * journal; Sluice takes the address of the connection where it is missing.
 */
export type Client = KindsOfCalls & {
  readonly status: () => Promise<Status>;
  /** The process itself: processor, memory, event loop, connections, store. */
  readonly system: () => Promise<SystemStatus>;
  /** What the token may do. */
  readonly session: () => Promise<Session>;
  readonly rollouts: () => Promise<readonly RolloutStatus[]>;
  readonly rollout: (experiment: string) => Promise<RolloutStatus>;
  /** The rollout after the command. */
  readonly commandRollout: (
    experiment: string,
    command: RolloutCommandName,
    by?: {
      /** The address where it is missing. */
      readonly actor?: string;
      /** For the journal. */
      readonly reason?: string;
      /** Of start and retry: whatever speaks against it. */
      readonly force?: boolean;
    },
  ) => Promise<RolloutStatus>;
  readonly alerts: () => Promise<AlertsStatus>;
  /** Notes that somebody has seen an alert; all alerts as they stand then. */
  readonly acknowledge: (alert: string, actor?: string) => Promise<AlertsStatus>;
  /** Sends one request through the proxy; an error status is an answer like any other. */
  readonly executeRequest: (request: ProxyRequest) => Promise<ProxyAnswer>;
  /**
   * Counts metrics of your own for a request, by the id that `executeRequest` gave; the experiment declares them with
   * `from: api`. False when nothing was counted: no analysed request has this id (any more), or none takes them.
   */
  readonly recordMetrics: (
    requestId: string,
    metrics: Readonly<Record<string, number>>,
  ) => Promise<boolean>;
  /**
   * Calls the listener with the live document and each change of it, and says when it is out of date. Comes back
   * by itself after failures, and resolves when the signal ends it. Rejects when trying again cannot help, such
   * as with a wrong token, and with what the listener throws.
   */
  readonly live: (
    listener: (update: LiveUpdate) => void,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<void>;
};

/** Nothing is sent before a method is called. Throws where `admin` or `proxy` is no address, `token` no token, `tls` no pair. */
export function createClient(options: ClientOptions): Client {
  const { admin, proxy, token, clock, timers, random, userHeader = "x-user-id" } = options;
  const limits = { ...clientLimits, ...options.limits };
  const transport: Transport = { fetch: options.fetch ?? fetch, clock, timers };
  const { tls } = options;
  checkAddress(admin);
  if (proxy !== undefined) checkAddress(proxy);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new SluiceError("bad_request", "the token is none", {
      detail: "It has neither spaces nor characters beyond ASCII.",
    });
  }
  const toAdmin = tls === undefined ? transport : { ...transport, fetch: fetchWith(tls) };
  const ask = askingAdmin(toAdmin, {
    admin,
    token,
    timeoutMs: limits.adminTimeoutMs,
    answerBytesMax: limits.adminAnswerBytesMax,
  });
  return {
    status: () => ask(statusSchema, "/v1/status"),
    system: () => ask(systemSchema, "/v1/system"),
    session: () => ask(sessionSchema, "/v1/session"),
    rollouts: async () => (await ask(rolloutsSchema, "/v1/rollouts")).rollouts,
    rollout: (experiment) => ask(rolloutSchema, rolloutPath(experiment)),
    commandRollout: (experiment, command, { actor, reason, force } = {}) =>
      ask(rolloutSchema, rolloutPath(experiment), { command, actor, reason, force }),
    ...experimentCalls(ask),
    ...pastCalls(ask),
    alerts: () => ask(alertsSchema, "/v1/alerts"),
    acknowledge: (alert, actor) =>
      ask(alertsSchema, "/v1/alerts", { command: "acknowledge", alert, actor }),
    executeRequest: (request) =>
      executeRequest(
        transport,
        {
          proxy,
          userHeader,
          random,
          timeoutMs: limits.proxyTimeoutMs,
          answerBytesMax: limits.proxyAnswerBytesMax,
        },
        request,
      ),
    recordMetrics: async (requestId, values) => {
      const metrics = Object.entries(values).map(([name, value]) => {
        return { request_id: requestId, name, value };
      });
      const { accepted } = await ask(metricsTakenSchema, "/v1/metrics", { metrics });
      return accepted > 0;
    },
    live: (listener, { signal } = {}) =>
      followLive({ admin, token, tls, limits, timers, random }, listener, signal),
  };
}

function fetchWith(tls: ClientTls): typeof fetch {
  try {
    return createTlsFetch(tls);
  } catch (error) {
    const detail = (error as Error).message;
    throw new SluiceError("bad_request", "ca, cert and key cannot be used together", {
      detail,
      cause: error,
    });
  }
}

function checkAddress(address: string): void {
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return;
  throw new SluiceError("bad_request", `${JSON.stringify(address)} is no address`, {
    detail: "One looks like http://127.0.0.1:9090.",
  });
}

function rolloutPath(experiment: string): string {
  return `/v1/rollouts/${encodeURIComponent(experiment)}`;
}
