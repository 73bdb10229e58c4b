import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { err, ok } from "../../../src/base/result.ts";
import type { ConfigFile } from "../../../src/control/config-file.ts";
import { previewReload } from "../../../src/control/reload-preview.ts";
import { createReloader, loadConfig } from "../../../src/control/reload.ts";
import type { AdminTls } from "../../../src/core/config/model.ts";
import type { Reloader } from "../../../src/control/reload.ts";
import type { AdminChange, DeniedRequest } from "../../../src/faces/admin/audit.ts";
import type { AdminLimits } from "../../../src/faces/admin/limits.ts";
import type { Page } from "../../../src/faces/admin/page-files.ts";
import { renderPdf } from "../../../src/faces/report/pdf/pdf.ts";
import { startAdmin } from "../../../src/faces/admin/server.ts";
import type { AdminServer } from "../../../src/faces/admin/server.ts";
import type { AdminSources } from "../../../src/faces/admin/sources.ts";
import type { Status } from "../../../src/wire/admin-api.ts";
import type { SystemStatus } from "../../../src/wire/system-api.ts";
import type { FakeTime } from "../../support/fake-time.ts";

/** An admin port on loopback over a real reloader, with everything else as plain values. */
export type AdminPort = AdminServer & {
  readonly reloader: Reloader;
  readonly file: { text: string };
  readonly faults: unknown[];
  /** What is to be written down. */
  readonly changes: AdminChange[];
  readonly denials: DeniedRequest[];
  /** What the clock says; tests move it. */
  readonly clock: { nowMs: number };
};

export const config = `# the sample
upstreams:
  full: { url: "http://127.0.0.1:9001" }
  compact: { url: "http://127.0.0.1:9002" }
routes:
  - { match: "POST /embeddings", experiment: embeddings }
experiments:
  embeddings:
    variants:
      full: { upstream: full, weight: 50, control: true }
      compact: { upstream: compact, weight: 50 }
`;

export const status: Status = {
  version: "1.2.3",
  started_at: "2026-11-23T11:00:00.000Z",
  uptime_seconds: 12.5,
  ready: true,
  reasons: [],
  config: {
    generation: 1,
    etag: '"abc"',
    last_reload: {
      at: "2026-11-23T11:00:05.000Z",
      reason: "SIGHUP",
      result: "invalid",
      message: null,
      issues: [{ path: "routes", line: 3, column: 1, code: "missing", message: "no routes" }],
    },
  },
  workers: [{ index: 0, state: "running", restarts: 2 }],
  endpoints: [
    {
      upstream: "full",
      origin: "http://127.0.0.1:9001",
      healthy: true,
      ejected: false,
      in_flight: 1,
      ejections: 0,
    },
  ],
  experiments: [
    {
      key: "embeddings",
      epoch: 1,
      strategy: "hash",
      coverage: 1,
      disabled: false,
      mirrored: [],
      compatibility: null,
      variants: [
        {
          key: "full",
          upstream: "full",
          control: true,
          configured_share: 0.5,
          observed_share: null,
          requests: 0,
          requests_per_second: 0,
          in_flight: 0,
          users: null,
          latency_ms: null,
          metrics: {},
          failures: {},
          copies: null,
          outcomes: {
            success: 0,
            client_error: 0,
            upstream_error: 0,
            proxy_error: 0,
            timeout: 0,
            truncated: 0,
            aborted: 0,
            bad_answer: 0,
          },
        },
      ],
    },
  ],
};

export const system: SystemStatus = {
  host: "here",
  pid: 1,
  version: "1.2.3",
  node_version: "26.0.0",
  cpu_cores: 0.25,
  memory_bytes: 104_857_600,
  heap_bytes: 20_971_520,
  event_loop_delay_ms: { p50: 0, p99: 1, max: 4 },
  connections: 3,
  in_flight: 1,
  requests_per_second: 12.5,
  store: { kind: "sqlite", up: false, fault: "disk full", rows_waiting: 7, rows_dropped: 0 },
  replica: null,
};

const unknown = () =>
  Promise.resolve(err({ code: "unknown_experiment", message: "there is none" } as const));

const unknownPast: AdminSources["past"] = {
  history: unknown,
  breakdown: unknown,
  verdicts: unknown,
  journal: () => ({ entries: [], before: null }),
};

export async function openAdmin(
  options: {
    readonly token?: string | null;
    readonly viewerToken?: string | null;
    readonly readOnly?: boolean;
    readonly tls?: AdminTls;
    readonly page?: Page;
    /** A free one unless told otherwise. */
    readonly port?: number;
    readonly text?: string;
    readonly apply?: () => Promise<ReturnType<typeof ok<null>> | { ok: false; error: string }>;
    readonly sources?: Partial<AdminSources>;
    readonly limits?: Partial<AdminLimits>;
    /** In place of the clock that tests move, and of real timers. */
    readonly time?: Pick<FakeTime, "clock" | "timers">;
  } = {},
): Promise<AdminPort> {
  const holder = { text: options.text ?? config };
  const file: ConfigFile = {
    path: "/sluice.yaml",
    read: () => ok(holder.text),
    readNamed: () => ({ ok: false, error: "there is no such file" }),
    pathOf: (name) => name,
    write: (text) => {
      holder.text = text;
      return ok(null);
    },
  };
  const clock = { nowMs: 0 };
  const context = { file, env: { TOKEN: "from-environment" }, cores: 1 };
  const loaded = loadConfig(file, context);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const reloader = createReloader(loaded.value, {
    ...context,
    clock: { wallMs: () => clock.nowMs, monotonicMs: () => clock.nowMs },
    timers: { after: () => () => undefined, every: () => () => undefined },
    watch: () => () => undefined,
    apply: options.apply ?? (async () => ok(null)),
    record: () => undefined,
    log: () => undefined,
  });
  const faults: unknown[] = [];
  const changes: AdminChange[] = [];
  const denials: DeniedRequest[] = [];
  const access = {
    token: options.token ?? null,
    viewerToken: options.viewerToken ?? null,
    readOnly: options.readOnly ?? false,
    tls: options.tls ?? null,
  };
  const server = await startAdmin({
    policy: { host: "127.0.0.1", port: options.port ?? 0, ...access },
    sources: {
      access: () => access,
      readiness: () => ({ ready: true, reasons: [] }),
      status: () => status,
      system: () => system,
      metrics: () => ({ contentType: "text/plain; version=0.0.4", body: "sluice_up 1\n" }),
      reloader,
      preview: (text) => previewReload(text, reloader.state().config, context),
      rollouts: { list: () => [], command: () => undefined },
      experiments: { list: () => [], command: () => undefined },
      comparison: () => undefined,
      assignment: () => undefined,
      past: unknownPast,
      reportMetrics: () => Promise.resolve(new Set([0])),
      alerts: {
        list: () => ({ alerts: [], resolved: [], silences: [], channels: [], without_room: 0 }),
        command: () => "no such alert",
      },
      report: {
        nowMs: () => Date.parse("2026-11-28T12:00:00Z"),
        printPdf: renderPdf,
        upkeep: () => ({
          history_rows_dropped: null,
          answers_uninspected: null,
          answers_uninspected_here: null,
          store: null,
          replicas: null,
        }),
        explain: () => Promise.resolve(null),
      },
      changed: (change) => changes.push(change),
      denied: (request) => denials.push(request),
      version: "1.2.3",
      fault: (error) => faults.push(error),
      ...options.sources,
    },
    clock: options.time?.clock ?? {
      wallMs: () => clock.nowMs,
      monotonicMs: () => clock.nowMs,
    },
    timers: options.time?.timers ?? {
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      every: () => () => undefined,
    },
    ...(options.page !== undefined && { page: options.page }),
    ...(options.limits !== undefined && { limits: options.limits }),
  });
  return { ...server, reloader, file: holder, faults, changes, denials, clock };
}

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

/** One request on a connection of its own; `body` as chunks is sent without a length. */
export function ask(
  port: number,
  target: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer | readonly Buffer[];
  } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: "127.0.0.1", port, path: target, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    if (Array.isArray(body)) for (const chunk of body) outgoing.write(chunk);
    else if (body !== undefined) outgoing.write(body);
    outgoing.end();
  });
}
