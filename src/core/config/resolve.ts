import { resolveRollout } from "../rollout/schema.ts";
import type { Result } from "../../base/result.ts";
import type { ExperimentPolicy, VariantPolicy } from "../experiment/policy.ts";
import type { LifecyclePolicy } from "../experiment/lifecycle-policy.ts";
import type { MeasurePolicy } from "../experiment/measure-policy.ts";
import { resolveMeasure } from "../experiment/measure-schema.ts";
import type { WrittenExperiment } from "../experiment/schema.ts";
import type { ListenPolicy, UpstreamPolicy } from "../traffic/policy.ts";
import type { Readable } from "./checks.ts";
import { defaults } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import type { IssueList } from "./issues.ts";
import type { AdminTls, Config } from "./model.ts";
import { resolveRoute } from "./routes.ts";
import { readSettings } from "./settings.ts";
import type { WrittenConfig, WrittenUpstream } from "./schema.ts";

/** PEM texts by the name written in the configuration. */
export type PemFiles = (name: string) => Result<string, string>;

/**
 * From what the file says to what Sluice runs: names put in, PEM files read, weights and control
 * settled. PEM problems join `issues`; the answer is null when a section is missing, and means
 * something only when there are no issues at all.
 */
export function resolveConfig(
  readable: Readable,
  context: { readonly cores: number; readonly files: PemFiles; readonly env: Environment },
  issues: IssueList,
): Config | null {
  const { settings, problems } = readSettings(context.env);
  if (problems.length > 0) {
    const wrong = problems.map(({ variable, message }) => `${variable}: ${message}`);
    issues.add([], "environment", wrong.join("; "));
  }
  const pem = (path: readonly PropertyKey[], name: string | undefined): string | null => {
    if (name === undefined) return null;
    const text = readPem(context.files, name);
    if (text.ok) return text.value;
    issues.add(path, "file_unreadable", text.error);
    return null;
  };
  const upstreams = Object.fromEntries(
    [...readable.upstreams].map(([name, written]) => [name, resolveUpstream(name, written, pem)]),
  );
  const listen = readable.listen === null ? null : resolveListen(readable.listen, context, pem);
  const tls = resolveAdminTls(readable.admin?.tls ?? null, pem);
  if (listen === null || readable.admin === null || readable.log === null) return null;
  if (readable.alerts === null) return null;
  const experiments = Object.fromEntries(
    [...readable.experiments].map(([key, written]) => [key, resolveExperiment(key, written)]),
  );
  const experimentsMax = settings.experimentsMax ?? defaults.experimentsMax;
  const running = Object.values(experiments).filter(
    ({ lifecycle, disabled }) => lifecycle?.initial === "running" && !disabled,
  ).length;
  if (running > experimentsMax) {
    const message =
      `${running} A/B experiments would run at once, at most ${experimentsMax} may: ` +
      "give some state: draft, or raise SLUICE_MAX_CONCURRENT_EXPERIMENTS";
    issues.add(["experiments"], "too_many_experiments", message);
  }
  return {
    listen,
    admin: {
      host: readable.admin.host,
      token: readable.admin.token,
      viewerToken: readable.admin.viewer_token,
      readOnly: readable.admin.read_only,
      tls,
      port: readable.admin.port ?? settings.adminPort ?? defaults.admin.port,
    },
    log: {
      level: readable.log.level ?? settings.logLevel ?? defaults.log.level,
      accessSample: readable.log.access_sample,
    },
    retentionMs: settings.retentionMs ?? defaults.retentionMs,
    experimentsMax,
    store: readable.store,
    replica: readable.replica,
    prometheus: readable.prometheus,
    insights: readable.insights,
    tracing: readable.tracing,
    alerts: readable.alerts,
    upstreams,
    routes: readable.routes.flatMap((route) => {
      return route === null ? [] : resolveRoute(route, readable);
    }),
    experiments,
  };
}

type Pem = (path: readonly PropertyKey[], name: string | undefined) => string | null;

function readPem(files: PemFiles, name: string): Result<string, string> {
  const text = files(name);
  if (!text.ok || /-----BEGIN [A-Z0-9 ]+-----/.test(text.value)) return text;
  return { ok: false, error: `${name} is not a PEM file` };
}

function resolveListen(
  written: WrittenConfig["listen"],
  { cores }: { readonly cores: number },
  pem: Pem,
): ListenPolicy {
  const { tls } = written;
  return {
    host: written.host,
    port: written.port,
    workers: written.workers === "auto" ? Math.max(1, Math.floor(cores)) : written.workers,
    tls:
      tls === null
        ? null
        : {
            cert: pem(["listen", "tls", "cert"], tls.cert) ?? "",
            key: pem(["listen", "tls", "key"], tls.key) ?? "",
            certFile: tls.cert,
            keyFile: tls.key,
          },
    trustedProxies: written.trusted_proxies,
    signingSecrets: written.signing_secrets,
    limits: written.limits,
    drainDelayMs: written.drain_delay,
    drainDeadlineMs: written.drain_deadline,
    variantHeader: written.variant_header,
  };
}

function resolveAdminTls(written: WrittenConfig["admin"]["tls"], pem: Pem): AdminTls | null {
  if (written === null) return null;
  const at = ["admin", "tls"];
  return {
    cert: pem([...at, "cert"], written.cert) ?? "",
    key: pem([...at, "key"], written.key) ?? "",
    certFile: written.cert,
    keyFile: written.key,
    clientCa: pem([...at, "client_ca"], written.client_ca),
    clientCaFile: written.client_ca ?? null,
    operators: written.operators,
  };
}

function resolveUpstream(name: string, written: WrittenUpstream, pem: Pem): UpstreamPolicy {
  const at = ["upstreams", name, "tls"];
  const { tls } = written;
  return {
    name,
    endpoints: written.url === undefined ? (written.urls ?? []) : [written.url],
    balance: written.balance,
    tls: {
      ca: pem([...at, "ca"], tls?.ca),
      cert: pem([...at, "cert"], tls?.cert),
      key: pem([...at, "key"], tls?.key),
      serverName: tls?.server_name ?? null,
      verify: tls?.verify ?? defaults.upstream.tls.verify,
    },
    health: written.health,
    ejection: written.ejection,
    timeouts: written.timeouts,
    limits: written.limits,
    retries: written.retries,
  };
}

function resolveExperiment(key: string, written: WrittenExperiment): ExperimentPolicy {
  const named = Object.entries(written.variants);
  const explicit = named.find(([, variant]) => variant.control === true)?.[0] ?? "control";
  // Nobody has the treatment before a rollout with steps is started.
  const rolloutShare = written.rollout === undefined ? null : (written.rollout.share ?? 0);
  const variants = named.map(([name, variant]): VariantPolicy => {
    const control = name === explicit;
    return {
      key: name,
      upstream: variant.upstream,
      weight: weightOf(variant.weight, rolloutShare, control),
      control,
      headers: variant.headers,
      body: variant.body,
      path: variant.path,
    };
  });
  const { onUnavailable, onUnavailableRollout } = defaults.experiment;
  return {
    key,
    variants,
    assignment: { ...written.assignment, seed: written.assignment.seed ?? key },
    rolloutShare,
    rollout: resolveRollout(written.rollout, written.guardrails),
    primary: variants.find(({ control }) => control)?.key ?? "",
    rolloutShadow: 0,
    measure: resolveMeasure(written, pricesOf(named)),
    lifecycle: rolloutShare === null ? resolveLifecycle(written) : null,
    disabled: written.disabled,
    onUnavailable:
      written.on_unavailable ?? (rolloutShare === null ? onUnavailable : onUnavailableRollout),
  };
}

function pricesOf(
  variants: readonly [string, WrittenExperiment["variants"][string]][],
): MeasurePolicy["prices"] {
  return Object.fromEntries(
    variants.flatMap(([name, { price }]) => (price === undefined ? [] : [[name, price]])),
  );
}

function resolveLifecycle(written: WrittenExperiment): LifecyclePolicy {
  const { after, users, requests, decision } = written.ends ?? {};
  const autoRollout = resolveRollout(written.auto_rollout, written.guardrails);
  return {
    initial: written.state ?? "running",
    analysis: written.analysis ?? null,
    ends: {
      afterMs: after ?? null,
      users: users ?? null,
      requests: requests ?? null,
      onDecision: decision ?? false,
    },
    onEnd: written.on_end ?? "control",
    // It begins by itself: that is what it is for.
    autoRollout: autoRollout === null ? null : { ...autoRollout, desired: "running" },
  };
}

/** In a rollout the weights say what the share says, for whoever shows them. */
function weightOf(
  weight: number | undefined,
  rolloutShare: number | null,
  control: boolean,
): number {
  if (rolloutShare === null) return weight ?? defaults.experiment.weight;
  return control ? 1 - rolloutShare : rolloutShare;
}
