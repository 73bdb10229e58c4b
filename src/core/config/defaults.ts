/**
 * Every default of the configuration, as one would write it, in one table.
 * The schemas fill them in, the JSON Schema shows them, the documentation quotes them.
 */
export const defaults = {
  listen: {
    host: "0.0.0.0",
    port: 8080,
    workers: 1,
    drainDelay: "0s",
    drainDeadline: "30s",
    variantHeader: true,
    limits: {
      connections: 10_000,
      exchanges: 4096,
      head: "64KiB",
      headers: 128,
      /** LightRAG's own ceiling: an upload of 100 MB and 1 MiB around it. */
      body: "101MiB",
      bodyRead: "1MiB",
      headTimeout: "10s",
      keepAlive: "75s",
      bodyProgress: "240B",
      bodyProgressInterval: "10s",
    },
  },
  admin: { host: "127.0.0.1", port: 9090, readOnly: false },
  store: { spool: "data/spool" },
  log: { level: "info", accessSample: 0 },
  insights: { timeout: "20s" },
  /** A week. */
  retentionMs: 168 * 3_600_000,
  experimentsMax: 10,
  upstream: {
    balance: "least_outstanding",
    tls: { verify: true },
    health: { interval: "5s", timeout: "2s", healthyAfter: 2, unhealthyAfter: 3 },
    ejection: { consecutive: 5, base: "30s", max: "300s", maxShare: "50%" },
    /** LightRAG's own model time-out is 240 s, and its advice to proxies 300 s. */
    timeouts: { connect: "5s", firstByte: "300s", idle: "300s", total: null },
    limits: {
      connections: 256,
      pending: 1024,
      pendingTimeout: "5s",
      /** Below LightRAG's (gunicorn's, uvicorn's) 5 s, so that Sluice closes first. */
      keepAlive: "4s",
      responseHead: "64KiB",
    },
    retries: { attempts: 1, budget: "20%", budgetMinPerSecond: 3 },
  },
  experiment: {
    weight: 1,
    disabled: false,
    onUnavailable: "fail",
    onUnavailableRollout: "control",
    assignment: {
      strategy: "hash",
      hashVersion: 2,
      user: ["header:x-user-id", "jwt:sub", "cookie:sluice_uid"],
      cookie: { name: "sluice_uid", maxAge: "365d" },
      coverage: "100%",
      forcedFrom: "trusted",
    },
  },
} as const;

/** Limits of the file itself. */
export const fileLimits = {
  bytesMax: 1_048_576,
  /** Values after alias expansion. */
  nodesMax: 100_000,
  depthMax: 64,
  upstreamsMax: 1000,
  endpointsMax: 256,
  routesMax: 1000,
  experimentsMax: 1000,
  variantsMax: 64,
  rulesMax: 256,
  patternLengthMax: 1024,
  /** Problems reported at once. */
  issuesMax: 200,
} as const;
