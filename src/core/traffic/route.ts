import { decodeUnreserved, normalisedPath } from "./path.ts";
import type { RoutePolicy } from "./policy.ts";

/**
 * Which route takes a request: the first that matches. Patterns without `:name` and `**` are looked up in a
 * map per method; the others are tried in order, but only those that stand before the literal match.
 */
export type RouteMatcher = {
  /** Path → index of the first such route, for routes of one method. */
  readonly literalsByMethod: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The same for routes of every method. */
  readonly literals: ReadonlyMap<string, number>;
  readonly patterns: readonly CompiledPattern[];
};

type CompiledPattern = {
  readonly index: number;
  readonly methods: ReadonlySet<string> | null;
  /** Text of each segment; null stands for any one segment that is not empty. */
  readonly segments: readonly (string | null)[];
  /** Ends in `**`: anything may follow, or nothing. */
  readonly isOpen: boolean;
};

/** Compiles validated routes; throws on a `**` that is not last. */
export function compileRoutes(routes: readonly RoutePolicy[]): RouteMatcher {
  const literalsByMethod = new Map<string, Map<string, number>>();
  const literals = new Map<string, number>();
  const patterns: CompiledPattern[] = [];
  for (const [index, route] of routes.entries()) {
    const segments = route.pattern.slice(1).split("/");
    if (segments.some((segment) => segment === "**" || segment.startsWith(":"))) {
      patterns.push(compilePattern(route, segments, index));
    } else if (route.methods === null) {
      keepFirst(literals, normalisedPath(route.pattern), index);
    } else {
      for (const method of route.methods) {
        const paths = literalsByMethod.get(method) ?? new Map<string, number>();
        literalsByMethod.set(method, paths);
        keepFirst(paths, normalisedPath(route.pattern), index);
      }
    }
  }
  return { literalsByMethod, literals, patterns };
}

/** Index of the first route that matches, or -1. `target` may carry a query; it is not looked at. */
export function matchRoute(matcher: RouteMatcher, method: string, target: string): number {
  const path = normalisedPath(target);
  const byMethod = matcher.literalsByMethod.get(method)?.get(path) ?? Infinity;
  const byPath = matcher.literals.get(path) ?? Infinity;
  const literal = byMethod < byPath ? byMethod : byPath;
  for (const pattern of matcher.patterns) {
    if (pattern.index > literal) break;
    if (pattern.methods !== null && !pattern.methods.has(method)) continue;
    if (patternTakes(pattern, path)) return pattern.index;
  }
  return literal === Infinity ? -1 : literal;
}

function compilePattern(
  route: RoutePolicy,
  segments: readonly string[],
  index: number,
): CompiledPattern {
  const rest = segments.indexOf("**");
  if (rest !== -1 && rest !== segments.length - 1) {
    throw new Error(`route ${route.match}: ** must come last`);
  }
  const fixed = rest === -1 ? segments : segments.slice(0, rest);
  return {
    index,
    methods: route.methods === null ? null : new Set(route.methods),
    segments: fixed.map((segment) => (segment.startsWith(":") ? null : decodeUnreserved(segment))),
    isOpen: rest !== -1,
  };
}

function keepFirst(paths: Map<string, number>, path: string, index: number): void {
  if (!paths.has(path)) paths.set(path, index);
}

function patternTakes(pattern: CompiledPattern, path: string): boolean {
  if (!path.startsWith("/")) return false;
  let at = 0;
  for (const segment of pattern.segments) {
    if (at === path.length) return false;
    const slash = path.indexOf("/", at + 1);
    const end = slash === -1 ? path.length : slash;
    const length = end - at - 1;
    if (segment === null) {
      if (length === 0) return false;
    } else if (segment.length !== length || !path.startsWith(segment, at + 1)) {
      return false;
    }
    at = end;
  }
  return pattern.isOpen || at === path.length;
}
