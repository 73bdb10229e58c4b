import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { RequestListener, Server, ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Clock, Timers } from "../../base/clock.ts";
import { asksForProof } from "../../core/config/admin-access.ts";
import { isLoopback } from "../../core/config/address.ts";
import type { AdminPolicy } from "../../core/config/model.ts";
import { createAdminApp } from "./app.ts";
import { FailedTries } from "./failed-tries.ts";
import { adminLimits } from "./limits.ts";
import type { AdminLimits } from "./limits.ts";
import { composeLiveDocument } from "./live-document.ts";
import { isLiveUpgrade } from "./live-upgrade.ts";
import { Live } from "./live.ts";
import { absentPage } from "./page-files.ts";
import type { Page } from "./page-files.ts";
import { answerProblem } from "./problem.ts";
import type { AdminSources } from "./sources.ts";
import { createTlsServer } from "./tls-server.ts";

export type AdminServer = {
  /** The real port when the policy says 0. */
  readonly port: number;
  /** Listeners of `/v1/live` and what became of them. */
  readonly live: () => ReturnType<Live["counters"]>;
  /** Ends requests under way, and listeners with code 1001, within `closeMsMax`; calling it again waits for the same end. */
  close(): Promise<void>;
};

export type AdminOptions = {
  readonly policy: AdminPolicy;
  readonly sources: AdminSources;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The dashboard at `/`. */
  readonly page?: Page;
  /** Tests lower them. */
  readonly limits?: Partial<AdminLimits>;
};

/** Opens the admin port; rejects when it cannot be bound. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { policy, sources, clock, timers } = options;
  const limits = { ...adminLimits, ...options.limits };
  if (!asksForProof(policy) && !isLoopback(policy.host)) {
    throw new Error(
      `admin.token is required when admin.host is ${policy.host}, or admin.tls.client_ca`,
    );
  }
  const tries = new FailedTries(limits);
  const page = options.page ?? absentPage("no folder was given");
  const app = createAdminApp(sources, limits, tries, clock, page);
  const live = new Live({
    document: () => composeLiveDocument(sources),
    access: sources.access,
    tries,
    denied: sources.denied,
    stream: randomUUID(),
    limits,
    clock,
    timers,
    fault: sources.fault,
  });
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // A request that is none by the URL standard, such as one with an invalid Host.
    errorHandler: () => answerProblem("bad_request", 400, "Malformed request", ""),
  });
  const server = openServer(
    policy,
    {
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headBytesMax,
      shouldUpgradeCallback: isLiveUpgrade,
      connectionsCheckingInterval: Math.min(1000, limits.headTimeoutMs / 2),
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
    options,
  );
  server.on("upgrade", (request, socket, head) => live.upgrade(request, socket, head));
  server.maxConnections = limits.connectionsMax;
  await listen(server, policy);
  // Such as a connection that the system could not accept; the ones to come may be.
  server.on("error", sources.fault);
  let closed: Promise<void> | null = null;
  return {
    port: (server.address() as AddressInfo).port,
    live: () => live.counters(),
    close: () => {
      live.close();
      return (closed ??= closeWithin(server, limits.closeMsMax, timers));
    },
  };
}

function openServer(
  { tls }: AdminPolicy,
  options: ServerOptions,
  listener: RequestListener,
  { sources }: AdminOptions,
): Server {
  if (tls === null) return createServer(options, listener);
  return createTlsServer(tls, options, listener, {
    present: () => sources.access().tls ?? tls,
    fault: sources.fault,
  });
}

function listen(server: Server, { host, port }: AdminPolicy): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closeWithin(server: Server, closeMsMax: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(closeMsMax, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
