import type { WrittenExperiment } from "../experiment/schema.ts";
import { isLoopback } from "./address.ts";
import { defaults } from "./defaults.ts";
import { checkRoutes } from "./routes.ts";
import type { WrittenConfig, WrittenRoute, WrittenUpstream } from "./schema.ts";
import { answerMetrics, isKnownMetric, pairMetrics } from "../telemetry/metric-names.ts";
import { guardrailMetrics } from "../rollout/guardrail-schema.ts";
import { suggest, unknown } from "./suggestion.ts";

/** What could be read of a file: entries that their schema refused are missing or null, names are all there. */
export type Readable = {
  readonly listen: WrittenConfig["listen"] | null;
  readonly admin: WrittenConfig["admin"] | null;
  readonly log: WrittenConfig["log"] | null;
  readonly alerts: WrittenConfig["alerts"] | null;
  readonly prometheus: WrittenConfig["prometheus"];
  readonly insights: WrittenConfig["insights"];
  readonly tracing: WrittenConfig["tracing"];
  /** The file names a server, whether or not it does so rightly. */
  readonly hasPrometheus: boolean;
  readonly store: WrittenConfig["store"];
  readonly replica: WrittenConfig["replica"];
  readonly upstreams: ReadonlyMap<string, WrittenUpstream>;
  readonly routes: readonly (WrittenRoute | null)[];
  readonly experiments: ReadonlyMap<string, WrittenExperiment>;
  readonly upstreamNames: readonly string[];
  readonly experimentNames: readonly string[];
};

export type AddIssue = (path: readonly PropertyKey[], code: string, message: string) => void;

/** Problems between fields: what no field can know by itself. */
export function checkMeaning(written: Readable, add: AddIssue): void {
  checkAdmin(written, add);
  for (const [name, upstream] of written.upstreams) checkUpstream(name, upstream, add);
  for (const [key, experiment] of written.experiments) {
    checkExperiment(key, experiment, written, add);
  }
  checkQueries(written, add);
  checkRoutes(written, add);
}

function checkAdmin({ admin, listen }: Readable, add: AddIssue): void {
  if (admin === null) return;
  const lacksProof = admin.token === null && admin.tls?.client_ca === undefined;
  if (!isLoopback(admin.host) && lacksProof) {
    const message =
      "required, because admin.host can be reached from other machines (or admin.tls.client_ca)";
    add(["admin", "token"], "token_required", message);
  }
  if (admin.tls !== null && admin.tls.operators.length > 0 && admin.tls.client_ca === undefined) {
    const message = "needs client_ca beside it: without that, nobody shows a certificate";
    add(["admin", "tls", "operators"], "operators_unused", message);
  }
  if (admin.viewer_token !== null && lacksProof) {
    const message =
      "needs admin.token beside it, or admin.tls.client_ca: without either, everybody on this machine may do everything";
    add(["admin", "viewer_token"], "token_required", message);
  }
  if (admin.viewer_token !== null && admin.viewer_token === admin.token) {
    const message = "is the same as admin.token, so that viewers could change everything";
    add(["admin", "viewer_token"], "token_shared", message);
  }
  const port = admin.port ?? defaults.admin.port;
  if (listen !== null && listen.port !== 0 && port === listen.port) {
    add(["admin", "port"], "port_taken", `the data port is ${listen.port} already`);
  }
}

function checkUpstream(name: string, upstream: WrittenUpstream, add: AddIssue): void {
  const at = ["upstreams", name];
  const { url, urls, tls } = upstream;
  if ((url === undefined) === (urls === undefined)) {
    add(at, "invalid_value", "say exactly one of url and urls");
  }
  if (urls !== undefined) {
    if (urls.length === 0) add([...at, "urls"], "invalid_value", "name at least one URL");
    const seen = new Set<string>();
    for (const [index, endpoint] of urls.entries()) {
      // Health and passive state are kept per origin, so two prefixes of one server are one endpoint too.
      if (seen.has(endpoint.origin)) {
        add([...at, "urls", index], "duplicate_endpoint", `${endpoint.origin} is listed already`);
      }
      seen.add(endpoint.origin);
    }
  }
  if (tls !== undefined) {
    const endpoints = url === undefined ? (urls ?? []) : [url];
    if (endpoints.length > 0 && !endpoints.some((endpoint) => endpoint.tls)) {
      add([...at, "tls"], "tls_unused", "none of the URLs is https");
    }
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      add([...at, "tls"], "tls_pair", "cert and key come together");
    }
  }
  if (upstream.ejection.baseMs > upstream.ejection.maxMs) {
    add([...at, "ejection", "max"], "invalid_value", "must not be below base");
  }
  if (upstream.health !== null && upstream.health.timeoutMs > upstream.health.intervalMs) {
    add([...at, "health", "timeout"], "invalid_value", "must not be above interval");
  }
}

function checkExperiment(
  key: string,
  experiment: WrittenExperiment,
  written: Readable,
  add: AddIssue,
): void {
  const at = ["experiments", key];
  const variants = Object.entries(experiment.variants);
  if (variants.length < 2) {
    add([...at, "variants"], "variants", "an experiment compares at least two variants");
  }
  for (const [name, variant] of variants) {
    if (!written.upstreamNames.includes(variant.upstream)) {
      const path = [...at, "variants", name, "upstream"];
      add(path, "unknown_upstream", unknown("upstream", variant.upstream, written.upstreamNames));
    }
  }
  if (experiment.writes === "mirror" && written.store === null) {
    const message =
      "writes wait on disk for variants that are down: store: { sqlite: data/sluice.db }";
    add([...at, "writes"], "store_missing", message);
  }
  const controls = variants.filter(([, variant]) => variant.control === true);
  const [, second] = controls;
  if (second !== undefined) {
    const path = [...at, "variants", second[0], "control"];
    add(path, "control", `exactly one variant is the control; ${controls[0]?.[0]} is it already`);
  } else if (controls.length === 0 && !controlByName(experiment)) {
    const message = 'no variant is the control; say "control: true" at one, or name one control';
    add([...at, "variants"], "control", message);
  }
  if (experiment.rollout === undefined) checkWeights(at, variants, add);
  else checkRollout(at, variants, add);
  checkGuardrails(at, experiment, add);
  checkLifecycle(at, experiment, add);
  const isSigned = experiment.assignment.forced?.from === "signed";
  if (isSigned && written.listen?.signing_secrets.length === 0) {
    const message = "needs listen.signing_secrets: without any, nobody can sign";
    add([...at, "assignment", "forced", "from"], "secret_missing", message);
  }
  for (const [index, rule] of experiment.assignment.rules.entries()) {
    if (rule.variant !== null && !Object.hasOwn(experiment.variants, rule.variant)) {
      const path = [...at, "assignment", "rules", index, "variant"];
      const names = variants.map(([name]) => name);
      add(path, "unknown_variant", unknown("variant", rule.variant, names));
    }
  }
}

function controlByName(experiment: WrittenExperiment): boolean {
  return (
    Object.hasOwn(experiment.variants, "control") &&
    experiment.variants["control"]?.control !== false
  );
}

type Variants = [string, WrittenExperiment["variants"][string]][];

function checkWeights(at: readonly string[], variants: Variants, add: AddIssue): void {
  const sum = variants.reduce((total, [, variant]) => total + (variant.weight ?? 1), 0);
  if (variants.length > 0 && sum === 0) {
    add([...at, "variants"], "weight_sum", "the weights add up to 0: nobody would get a variant");
  }
}

function checkRollout(at: readonly string[], variants: Variants, add: AddIssue): void {
  if (variants.length !== 2) {
    const message = `a rollout has two variants, the control and the treatment, not ${variants.length}`;
    add([...at, "variants"], "rollout_variants", message);
  }
  for (const [name, variant] of variants) {
    if (variant.weight === undefined) continue;
    const path = [...at, "variants", name, "weight"];
    add(path, "weight_unused", "in a rollout the share decides; remove the weight");
  }
}

function checkGuardrails(
  at: readonly string[],
  { guardrails, rollout, auto_rollout, assignment, metrics }: WrittenExperiment,
  add: AddIssue,
): void {
  const declared = (metrics ?? []).map(({ name }) => name);
  for (const [index, { metric }] of guardrails.entries()) {
    if (metric.kind !== "mean" || metric.of === null) continue;
    if (isKnownMetric(metric.of) || declared.includes(metric.of)) continue;
    const names = [...guardrailMetrics, ...answerMetrics, ...pairMetrics, ...declared];
    const hint = suggest(metric.of, names) || "; declare it under metrics";
    const message = `no metric is named ${metric.of}${hint}`;
    add([...at, "guardrails", index, "metric"], "unknown_metric", message);
  }
  const steps = rollout?.steps ?? auto_rollout?.steps;
  if (guardrails.length > 0 && steps === undefined) {
    const message = "guardrails judge rollouts with steps; this one has none";
    add([...at, "guardrails"], "guardrails_unused", message);
  }
  if (steps !== undefined && assignment.strategy === "round_robin") {
    const message = "a rollout with steps splits by hash or at random";
    add([...at, "assignment", "strategy"], "invalid_value", message);
  }
  const seen = new Set<string>();
  for (const [index, { name }] of guardrails.entries()) {
    if (seen.has(name))
      add([...at, "guardrails", index], "duplicate_guardrail", `${name} is there already`);
    seen.add(name);
  }
}

/** What belongs to A/B experiments only, and what its parts need of each other. */
function checkLifecycle(at: readonly string[], written: WrittenExperiment, add: AddIssue): void {
  const { rollout, analysis, ends, auto_rollout: auto, variants } = written;
  if (rollout !== undefined) {
    for (const field of ["state", "analysis", "ends", "on_end", "auto_rollout"] as const) {
      if (written[field] === undefined) continue;
      const hint = field === "state" ? "; write it inside rollout" : "";
      add([...at, field], "rollout_field", `belongs to experiments without a rollout${hint}`);
    }
    return;
  }
  const needing = [
    ["ends", "decision", ends?.decision === true],
    ["on_end", null, written.on_end === "winner"],
    ["auto_rollout", null, auto !== undefined],
  ] as const;
  for (const [field, part, isThere] of needing) {
    if (!isThere || analysis !== undefined) continue;
    const path = part === null ? [...at, field] : [...at, field, part];
    add(path, "analysis_missing", "needs analysis, which finds the winner");
  }
  if (auto === undefined) return;
  if (auto.steps === undefined) add([...at, "auto_rollout"], "invalid_value", "needs steps");
  if (Object.keys(variants).length !== 2) {
    add([...at, "auto_rollout"], "rollout_variants", "needs two variants: control and treatment");
  }
}

/** A query needs a server to be asked of. */
function checkQueries(written: Readable, add: AddIssue): void {
  if (written.hasPrometheus) return;
  for (const [key, { guardrails }] of written.experiments) {
    for (const [index, { metric }] of guardrails.entries()) {
      if (metric.kind !== "promql") continue;
      const message = "needs the server that it asks: prometheus: { url: http://localhost:9090 }";
      add(["experiments", key, "guardrails", index, "metric"], "prometheus_missing", message);
    }
  }
}
