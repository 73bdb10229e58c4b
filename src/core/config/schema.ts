import { z } from "zod";
import { alertsSchema } from "../alerting/schema.ts";
import { experimentSchema } from "../experiment/schema.ts";
import { tracingSchema } from "../tracing/schema.ts";
import {
  listenHost,
  listenSchema,
  pemFile,
  routeSchema,
  upstreamSchema,
} from "../traffic/schema.ts";
import { isDatabaseUrl } from "./database-place.ts";
import { defaults, fileLimits } from "./defaults.ts";
import {
  choice,
  closed,
  duration,
  flag,
  headerMap,
  integer,
  list,
  named,
  reject,
  share,
  text,
} from "./fields.ts";
import type { InsightsPolicy, PrometheusPolicy, ReplicaPolicy, StorePolicy } from "./model.ts";

/** The whole file, composed of the slices. */

const token = z
  .string({ error: () => "expected a text" })
  .max(1024)
  .regex(/^[\x21-\x7e]*$/, "a token has neither spaces nor characters beyond ASCII")
  .nullable();

const adminSchema = closed({
  host: listenHost
    .describe("address to listen on; any but loopback needs a token")
    .prefault(defaults.admin.host),
  port: integer(0, 65_535)
    .describe(`default SLUICE_ADMIN_PORT of the environment, or ${defaults.admin.port}`)
    .optional(),
  token: token
    .describe("required when host is not loopback; empty is none")
    .prefault(null)
    .transform(orNone),
  viewer_token: token
    .describe("of those who may see everything and change nothing; empty is none")
    .prefault(null)
    .transform(orNone),
  read_only: flag()
    .describe("nobody may change anything through the port: only the file does")
    .prefault(defaults.admin.readOnly),
  tls: closed({
    cert: pemFile("the certificate chain"),
    key: pemFile("its private key"),
    client_ca: pemFile("the authorities whose client certificates are let in").optional(),
    operators: list(text("the name of a client certificate", 256), "names", 256)
      .describe(
        "client certificates that may change things, by common name or subject alternative name; others may look",
      )
      .prefault([]),
  })
    .describe("https instead of http")
    .nullable()
    .prefault(null),
});

function orNone(written: string | null): string | null {
  return written === "" ? null : written;
}

const logSchema = closed({
  level: choice(["trace", "debug", "info", "warn", "error", "silent"])
    .describe(`default SLUICE_LOG_LEVEL of the environment, or ${defaults.log.level}`)
    .optional(),
  access_sample: share()
    .describe("share of finished requests in the access log")
    .prefault(defaults.log.accessSample),
});

const storeSchema = closed({
  sqlite: text("a path", 4096)
    .describe("file that keeps journal, states and history; made when missing")
    .optional(),
  postgres: text("a URL", 4096)
    .refine(isDatabaseUrl, {
      error:
        "expected a URL such as postgres://user:password@host:5432/database, with % in a password as %25",
    })
    .describe("database that several replicas share; its schema sluice is made when missing")
    .optional(),
  spool: text("a path", 4096)
    .describe(`folder where mirrored writes wait, beside postgres; default ${defaults.store.spool}`)
    .optional(),
}).transform(({ sqlite, postgres, spool }, context): StorePolicy => {
  if ((sqlite === undefined) === (postgres === undefined)) {
    return reject(context, "say exactly one of sqlite and postgres");
  }
  if (postgres !== undefined) {
    return { kind: "postgres", url: postgres, spool: spool ?? defaults.store.spool };
  }
  if (spool !== undefined) {
    return reject(context, "belongs to postgres; with sqlite it is beside the file", ["spool"]);
  }
  return { kind: "sqlite", path: sqlite as string };
});

const replicaSchema = closed({
  name: text("a name", 100).describe("for people; default the host's name").optional(),
  admin_url: text("a URL", 2048)
    .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
      error: "expected a URL such as http://10.0.0.7:9090",
    })
    .describe("where the admin port is reached from outside")
    .optional(),
}).transform(({ name, admin_url }): ReplicaPolicy => {
  return { name: name ?? null, adminUrl: admin_url ?? null };
});

const prometheusSchema = closed({
  url: text("a URL", 2048)
    .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
      error: "expected a URL such as http://localhost:9090",
    })
    .describe("of the server, without /api/v1"),
  headers: headerMap("headers", 32).describe("such as authorization").optional(),
  timeout: duration(100, 60_000).describe("for one answer; default 5s").optional(),
}).transform((written): PrometheusPolicy => ({
  url: written.url,
  headers: written.headers ?? {},
  timeoutMs: written.timeout ?? 5000,
}));

const insightsSchema = closed({
  url: text("a URL", 2048)
    .refine(isChatUrl, {
      error:
        "expected a URL such as http://localhost:11434/v1, without a user, a query or /chat/completions",
    })
    .describe("of an API like OpenAI's, without /chat/completions"),
  model: text("a model's name", 200).describe("as that API calls it"),
  api_key: token.describe("sent as Bearer; empty is none").prefault(null).transform(orNone),
  timeout: duration(1000, 60_000)
    .describe("for the whole answer")
    .prefault(defaults.insights.timeout),
}).transform(({ url, model, api_key, timeout }): InsightsPolicy => ({
  url: url.replace(/\/+$/, ""),
  model,
  apiKey: api_key,
  timeoutMs: timeout,
}));

function isChatUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password, search, hash, pathname } = new URL(url);
  const isPlain = `${username}${password}${search}${hash}` === "";
  return /^https?:$/.test(protocol) && isPlain && !/\/chat\/completions\/?$/.test(pathname);
}

/** Each section by itself, so that one broken entry does not hide problems of the others. */
export const sections = {
  listen: listenSchema.prefault({}).describe("the data port"),
  admin: adminSchema.prefault({}).describe("the admin port"),
  log: logSchema.prefault({}).describe("what Sluice writes, as JSON lines on stdout"),
  replica: replicaSchema
    .prefault({})
    .describe("what this process tells the others that share its store"),
  store: storeSchema
    .describe("what outlives a restart; without it rollouts begin anew")
    .nullable()
    .prefault(null),
  prometheus: prometheusSchema
    .describe("the server that guardrails with metric: promql ask")
    .nullable()
    .prefault(null),
  insights: insightsSchema
    .describe("the language model that explains reports; it decides nothing")
    .nullable()
    .prefault(null),
  tracing: tracingSchema
    .describe("spans of exchanges, sent to an OpenTelemetry collector; without it none are made")
    .nullable()
    .prefault(null),
  alerts: alertsSchema.prefault({}).describe("what people are told of, and where"),
  upstreams: named(upstreamSchema, "upstreams", fileLimits.upstreamsMax).describe(
    "backends by name, each with one or more endpoints",
  ),
  routes: list(routeSchema, "routes", fileLimits.routesMax)
    .refine((routes) => routes.length > 0, "without a route every request gets 404; name one")
    .describe("the first that matches counts; a request that matches none gets 404"),
  experiments: named(experimentSchema, "experiments", fileLimits.experimentsMax)
    .describe("comparisons: A/B tests and rollouts, by name")
    .prefault({}),
} as const;

export const configSchema = closed(
  {
    $schema: z.string().describe("for editors; not read").optional(),
    ...sections,
  },
  {
    alerting: "the section is called alerts",
  },
);

/** The file after its schema: defaults filled in, names not yet looked up. */
export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenUpstream = WrittenConfig["upstreams"][string];
export type WrittenRoute = WrittenConfig["routes"][number];

/** The JSON Schema (draft 2020-12) of the file, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const generated = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
  return {
    title: "Sluice configuration",
    description:
      "Durations are 250ms, 5s, 10m, 24h; shares 5% or 0.05; sizes 64KiB, 100MB. " +
      "Any text may hold ${NAME} or ${NAME:-default}; $${ is a literal ${.",
    ...generated,
  };
}
