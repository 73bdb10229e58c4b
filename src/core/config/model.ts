import type { AlertPolicy } from "../alerting/policy.ts";
import type { ExperimentPolicy } from "../experiment/policy.ts";
import type { TracingPolicy } from "../tracing/policy.ts";
import type { ListenPolicy, RoutePolicy, UpstreamPolicy } from "../traffic/policy.ts";

/** A validated configuration: defaults filled in, names resolved, plain data. */
export type Config = {
  readonly listen: ListenPolicy;
  readonly admin: AdminPolicy;
  readonly log: LogPolicy;
  /** Null keeps nothing beyond the process. */
  readonly store: StorePolicy | null;
  readonly replica: ReplicaPolicy;
  /** The server that guardrails with queries ask; null without one. */
  readonly prometheus: PrometheusPolicy | null;
  /** The language model that explains reports; null without one. */
  readonly insights: InsightsPolicy | null;
  /** Where spans of exchanges go; null makes none. */
  readonly tracing: TracingPolicy | null;
  readonly alerts: AlertPolicy;
  /** How long telemetry history is kept, milliseconds. */
  readonly retentionMs: number;
  /** How many A/B experiments may run at once. */
  readonly experimentsMax: number;
  readonly upstreams: Readonly<Record<string, UpstreamPolicy>>;
  readonly routes: readonly RoutePolicy[];
  readonly experiments: Readonly<Record<string, ExperimentPolicy>>;
};

/** Where journal, states and history are kept. */
export type StorePolicy =
  | { readonly kind: "sqlite"; readonly path: string }
  | {
      readonly kind: "postgres";
      /** A secret: it may hold a password. */
      readonly url: string;
      /** The folder where mirrored writes wait; each replica has its own. */
      readonly spool: string;
    };

/** What this process tells the others that share its store. */
export type ReplicaPolicy = {
  /** Null is the host's name. */
  readonly name: string | null;
  /** Where the admin port is reached from outside; null says nothing of it. */
  readonly adminUrl: string | null;
};

export type PrometheusPolicy = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

export type InsightsPolicy = {
  /** Of an API like OpenAI's, up to what comes before /chat/completions. */
  readonly url: string;
  readonly model: string;
  /** A secret; null sends none. */
  readonly apiKey: string | null;
  /** For the whole exchange. */
  readonly timeoutMs: number;
};

export type AdminPolicy = {
  readonly host: string;
  readonly port: number;
} & AdminAccess;

/** Who may use the admin port, and for what. */
export type AdminAccess = {
  /** Of operators. Required when host is not loopback. */
  readonly token: string | null;
  /** Of those who may look and change nothing; null without a token. */
  readonly viewerToken: string | null;
  /** Nobody may change anything through the port, whatever the token or the certificate. */
  readonly readOnly: boolean;
  /** Null speaks plain HTTP. */
  readonly tls: AdminTls | null;
};

/** PEM texts of the admin port, each with the name of its file. */
export type AdminTls = {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Whose client certificates are let in; null lets none in. */
  readonly clientCa: string | null;
  readonly clientCaFile: string | null;
  /** Names of client certificates that may change things; all others may look. */
  readonly operators: readonly string[];
};

export type LogPolicy = {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** Share of finished exchanges written to the access log, 0…1. */
  readonly accessSample: number;
};

/** One problem of a configuration: where (path and line, 1-based) and what to do. */
export type Issue = {
  readonly path: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly code: string;
  readonly message: string;
};
