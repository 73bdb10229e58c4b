import type { HandleUse, RoutePolicy, RouteTarget } from "../traffic/policy.ts";
import type { PresetRoute } from "../traffic/presets/preset.ts";
import { presets, type PresetName } from "../traffic/presets/presets.ts";
import type { AddIssue, Readable } from "./checks.ts";
import { fileLimits } from "./defaults.ts";
import { parseRouteMatch, shadows, type RouteMatch } from "./route-match.ts";
import type { WrittenRoute } from "./schema.ts";
import { unknown } from "./suggestion.ts";

/** Routes as they are written: what is wrong with them, and what they come to. */

export function checkRoutes(written: Readable, add: AddIssue): void {
  let count = 0;
  for (const [index, route] of written.routes.entries()) {
    if (route === null) continue;
    const at = ["routes", index];
    const added = route.preset === undefined ? 1 : presets[route.preset].length;
    count += added;
    if (count > fileLimits.routesMax && count - added <= fileLimits.routesMax) {
      const message = `at most ${fileLimits.routesMax} routes, and with those of its presets the file has more from here on`;
      add(at, "too_many_routes", message);
    }
    if ((route.match === undefined) === (route.preset === undefined)) {
      add(at, "route_match", "say exactly one of match and preset");
    }
    if (route.preset === undefined) checkWritten(at, route, add);
    else checkPreset(at, route, written, add);
    if (route.upstream !== undefined && !written.upstreamNames.includes(route.upstream)) {
      const message = unknown("upstream", route.upstream, written.upstreamNames);
      add([...at, "upstream"], "unknown_upstream", message);
    }
    if (route.experiment !== undefined) checkExperiments(at, route.experiment, written, add);
    checkShadowed(at, index, written, add);
  }
}

function checkWritten(at: readonly PropertyKey[], route: WrittenRoute, add: AddIssue): void {
  if ((route.experiment === undefined) === (route.upstream === undefined)) {
    add(at, "route_target", "say exactly one of experiment and upstream");
  }
  for (const field of ["class", "handle"] as const) {
    if (route[field] === undefined || route.upstream === undefined) continue;
    add([...at, field], "route_target", "only an experiment has variants to choose from");
  }
  const { prefix, match, handle } = route;
  if (match === undefined) return;
  if (handle !== undefined) checkHandle([...at, "handle"], route, handle, match, add);
  if (prefix === undefined) return;
  if (match.pattern !== prefix && !match.pattern.startsWith(`${prefix}/`)) {
    add([...at, "prefix"], "route_prefix", `the pattern ${match.pattern} does not begin with it`);
  }
}

function checkHandle(
  at: readonly PropertyKey[],
  { upstream, class: written = "split" }: WrittenRoute,
  handle: HandleUse,
  { pattern }: RouteMatch,
  add: AddIssue,
): void {
  if (handle.in === "segment" && !pattern.split("/").includes(`:${handle.name}`)) {
    const message = `the pattern ${pattern} has no segment :${handle.name}`;
    add(at, "route_handle", message);
  }
  if (upstream === undefined && written === "split") {
    const message =
      "a split route gives each user their own variant; with class: affinity the handle leads back";
    add(at, "route_handle", message);
  }
}

function checkPreset(
  at: readonly PropertyKey[],
  route: WrittenRoute,
  written: Readable,
  add: AddIssue,
): void {
  if (route.experiment !== undefined && route.upstream !== undefined) {
    add(at, "route_target", "say at most one of experiment and upstream");
  }
  if (targetOf(route, written) === null) {
    const message =
      "say which experiment or upstream: there is more than one that it could go to, or none";
    add(at, "route_target", message);
  }
  for (const field of ["class", "classify", "handle"] as const) {
    if (route[field] === undefined) continue;
    add([...at, field], "route_preset", "the preset says this; write a route with match before it");
  }
}

/** Every request under a preset's prefix is taken by it. */
function allOf({ match, preset, prefix = "" }: WrittenRoute): RouteMatch | null {
  if (preset !== undefined) return { methods: null, pattern: `${prefix}/**` };
  return match ?? null;
}

function checkShadowed(
  at: readonly PropertyKey[],
  index: number,
  { routes }: Readable,
  add: AddIssue,
): void {
  const later = allOf(routes[index] as WrittenRoute);
  if (later === null) return;
  const earlier = routes.slice(0, index).findIndex((other) => {
    const taken = other === null ? null : allOf(other);
    return taken !== null && shadows(taken, later);
  });
  if (earlier === -1) return;
  const { match, preset } = routes[earlier] as WrittenRoute;
  const name = match?.written ?? `preset ${preset}`;
  const message = `can never match: routes[${earlier}] (${name}) takes all of it`;
  const field = routes[index]?.preset === undefined ? "match" : "preset";
  add([...at, field], "shadowed_route", message);
}

function checkExperiments(
  at: readonly PropertyKey[],
  keys: readonly string[],
  written: Readable,
  add: AddIssue,
): void {
  const path = [...at, "experiment"];
  for (const [index, key] of keys.entries()) {
    const own = keys.length === 1 ? path : [...path, index];
    if (!written.experimentNames.includes(key)) {
      add(own, "unknown_experiment", unknown("experiment", key, written.experimentNames));
    } else if (keys.indexOf(key) !== index) {
      add(own, "duplicate_experiment", `${key} is listed already`);
    }
  }
  if (keys.length === 1) return;
  const spaces = keys.flatMap((key) => {
    const experiment = written.experiments.get(key);
    return experiment === undefined ? [] : [{ key, space: experiment.assignment.namespace }];
  });
  for (const [index, { key, space }] of spaces.entries()) {
    if (space === null) {
      const message = `experiments share a route only through a namespace; ${key} has none`;
      add([...path, index], "namespace_missing", message);
      continue;
    }
    for (const { key: other, space: taken } of spaces.slice(0, index)) {
      if (taken === null || other === key) continue;
      if (taken.id !== space.id) {
        const message = `${other} and ${key} are in different namespaces, so they may share users`;
        add([...path, index], "namespace_overlap", message);
      } else if (taken.range[0] < space.range[1] && space.range[0] < taken.range[1]) {
        const message = `the ranges of ${other} and ${key} in namespace ${space.id} overlap`;
        add([...path, index], "namespace_overlap", message);
      }
    }
  }
}

/** Where a preset's routes go that names nothing: to the only experiment, or without one to the only upstream. */
function targetOf(
  { experiment, upstream }: WrittenRoute,
  { experimentNames, upstreamNames }: Pick<Readable, "experimentNames" | "upstreamNames">,
): RouteTarget | null {
  if (experiment !== undefined) return { kind: "experiment", experiments: experiment };
  if (upstream !== undefined) return { kind: "upstream", upstream };
  const [only, ...others] = experimentNames.length > 0 ? experimentNames : upstreamNames;
  if (only === undefined || others.length > 0) return null;
  return experimentNames.length > 0
    ? { kind: "experiment", experiments: [only] }
    : { kind: "upstream", upstream: only };
}

/** The routes that an entry stands for; none where it is broken. */
export function resolveRoute(written: WrittenRoute, readable: Readable): RoutePolicy[] {
  const target = targetOf(written, readable);
  if (target === null) return [];
  if (written.preset !== undefined) {
    const name = written.preset;
    return presets[name].map((route) => ofPreset(name, route, written, target));
  }
  if (written.match === undefined) return [];
  return [
    {
      match: written.match.written,
      methods: written.match.methods,
      pattern: written.match.pattern,
      target,
      timeouts: written.timeouts,
      bodyBytesMax: written.limits.body ?? null,
      class: written.class ?? (target.kind === "upstream" ? "pin" : "split"),
      classify: written.classify ?? null,
      handle: written.handle ?? null,
      prefix: written.prefix ?? "",
      preset: null,
    },
  ];
}

function ofPreset(
  name: PresetName,
  route: PresetRoute,
  { prefix = "", timeouts, limits }: WrittenRoute,
  target: RouteTarget,
): RoutePolicy {
  const [methods, path] = route.match.startsWith("/")
    ? ["", route.match]
    : (route.match.split(" ") as [string, string]);
  const match = `${methods === "" ? "" : `${methods} `}${prefix}${path}`;
  const parsed = parseRouteMatch(match);
  if (!parsed.ok) throw new Error(`the preset ${name} has a route that is none: ${parsed.error}`);
  const isUpstream = target.kind === "upstream";
  return {
    match,
    ...parsed.value,
    target,
    timeouts: { ...route.timeouts, ...timeouts },
    bodyBytesMax: limits.body ?? route.bodyBytesMax ?? null,
    class: isUpstream ? "pin" : route.class,
    classify: route.classify ?? null,
    handle: isUpstream ? null : (route.handle ?? null),
    prefix,
    preset: { name, reason: route.reason },
  };
}
