import { planEmbeddingProbe } from "../compatibility/embedding-probe.ts";
import type { Config } from "../config/model.ts";
import type { ExperimentPolicy, JsonValue, VariantPolicy } from "../experiment/policy.ts";
import type { LoadEndpoint, LoadPlan } from "../load/plan.ts";
import { parseTemplate, type Template } from "../load/template.ts";
import type { RoutePolicy } from "../traffic/policy.ts";
import { compileRoutes, matchRoute } from "../traffic/route.ts";
import { mergePatch, rewritePath } from "../traffic/transform.ts";

/** The generated traffic of a rehearsal: through Sluice, or as Sluice would send it, straight to one variant. */

/** Routes that split the experiment's requests. */
export function splitRoutes(
  { routes }: Pick<Config, "routes">,
  experiment: string,
): readonly RoutePolicy[] {
  return routes.filter(
    ({ target, class: kind }) =>
      kind === "split" && target.kind === "experiment" && target.experiments.includes(experiment),
  );
}

/** What to ask where nobody says it, in the keys of a scenario; null where no route says enough. */
export function defaultEndpoint(
  config: Pick<Config, "routes">,
  experiment: ExperimentPolicy,
): Readonly<Record<string, unknown>> | null {
  const routes = splitRoutes(config, experiment.key);
  const [control] = experiment.variants;
  // The variant's own changes come later; here it is what a user asks.
  const user = control === undefined ? null : { ...control, body: null, path: null };
  for (const route of routes) {
    const { classify, pattern } = route;
    if (pattern.includes("/:") || pattern.includes("*")) continue;
    if (classify === "lightrag_query" || classify === "lightrag_data") {
      return { request: `POST ${pattern}`, body: { query: "What is this collection about?" } };
    }
    const probe = user === null ? "" : planEmbeddingProbe([route], user);
    if (typeof probe !== "string") {
      return { request: `POST ${route.prefix}${probe.path}`, body: probe.body };
    }
  }
  return null;
}

/** Requests of the plan that no route of the experiment splits, as `METHOD PATH`. */
export function strayRequests(
  plan: LoadPlan,
  { routes }: Pick<Config, "routes">,
  experiment: string,
): readonly string[] {
  const matcher = compileRoutes(routes);
  const split = new Set(splitRoutes({ routes }, experiment));
  return plan.endpoints.flatMap((endpoint) => {
    const { method } = endpoint;
    const path = samplePath(endpoint);
    const route = routes[matchRoute(matcher, method, path)];
    return route !== undefined && split.has(route) ? [] : [`${method} ${path}`];
  });
}

/** The plan with a user in every request, where the experiment looks for one and none is written. */
export function withUsers(plan: LoadPlan, { assignment }: ExperimentPolicy): LoadPlan {
  for (const source of assignment.user) {
    const name =
      source.kind === "cookie" ? "cookie" : source.kind === "header" ? source.name : null;
    if (name === null) continue;
    const text = source.kind === "cookie" ? `${source.name}={{user}}` : "{{user}}";
    const value = parseTemplate(text, "header");
    if (!value.ok) return plan;
    const field = [name.toLowerCase(), value.value] as const;
    return {
      ...plan,
      endpoints: plan.endpoints.map((endpoint) => {
        const isThere = endpoint.headers.some(([present]) => present === field[0]);
        return isThere ? endpoint : { ...endpoint, headers: [...endpoint.headers, field] };
      }),
    };
  }
  return plan;
}

/** The plan as it reaches one variant: prefixes of routes taken off, the variant's changes made. */
export function directPlan(
  plan: LoadPlan,
  variant: VariantPolicy,
  { routes, upstreams }: Pick<Config, "routes" | "upstreams">,
): LoadPlan | null {
  const upstream = upstreams[variant.upstream];
  // Of several endpoints the first stands for all.
  const endpoint = upstream?.endpoints[0];
  if (upstream === undefined || endpoint === undefined) return null;
  const matcher = compileRoutes(routes);
  return {
    ...plan,
    origin: endpoint.origin,
    tls: upstream.tls,
    endpoints: plan.endpoints.map((sent) => {
      const route = routes[matchRoute(matcher, sent.method, samplePath(sent))];
      const prefix = route?.prefix ?? "";
      return {
        ...sent,
        path: changed(sent.path, (path) => endpoint.basePath + pathFor(path, prefix, variant)),
        headers: headersFor(sent.headers, variant),
        body: sent.body === null ? null : changed(sent.body, (body) => bodyFor(body, variant)),
      };
    }),
  };
}

function samplePath({ path, lines }: LoadEndpoint): string {
  return path.render({ user: "user-0001", request: 0, line: lines?.[0] ?? null, random: () => 0 });
}

function pathFor(path: string, prefix: string, { path: rewrite }: VariantPolicy): string {
  const bare = prefix !== "" && path.startsWith(prefix) ? path.slice(prefix.length) : path;
  const target = bare.startsWith("/") ? bare : `/${bare}`;
  return rewrite === null ? target : rewritePath(target, rewrite);
}

function headersFor(
  sent: LoadEndpoint["headers"],
  { headers: { set, remove } }: VariantPolicy,
): LoadEndpoint["headers"] {
  const gone = new Set([...remove, ...Object.keys(set)].map((name) => name.toLowerCase()));
  const added = Object.entries(set).map(
    ([name, value]) => [name.toLowerCase(), constantTemplate(value)] as const,
  );
  return [...sent.filter(([name]) => !gone.has(name)), ...added];
}

/** A body that is no JSON stays as it is, as it does in the proxy. */
function bodyFor(body: string, { body: patch }: VariantPolicy): string {
  if (patch === null) return body;
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(body) as JsonValue;
  } catch {
    return body;
  }
  return JSON.stringify(mergePatch(parsed, patch));
}

function changed(template: Template, change: (text: string) => string): Template {
  const constant = template.constant === null ? null : change(template.constant);
  return {
    ...template,
    constant,
    render: (values) => constant ?? change(template.render(values)),
  };
}

function constantTemplate(text: string): Template {
  return { constant: text, fields: [], needsLine: false, render: () => text };
}
