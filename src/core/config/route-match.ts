import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import { decodeUnreserved } from "../traffic/path.ts";

/** Which requests a route takes, from `[METHOD[,METHOD] ]PATTERN`. */
export type RouteMatch = {
  /** Upper-case; null is every method. */
  readonly methods: readonly string[] | null;
  readonly pattern: string;
};

const segmentPattern = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/;

/** Parses a route's `match`; the error says what is wrong with it. */
export function parseRouteMatch(written: string): Result<RouteMatch, string> {
  const match = /^(?:(\S+) +)?(\S+)$/.exec(written);
  if (match === null) return err('expected "PATTERN" or "METHOD[,METHOD] PATTERN"');
  const [, verbs, pattern] = match as unknown as [string, string | undefined, string];
  const methods = verbs === undefined ? null : verbs.split(",");
  if (methods !== null) {
    for (const method of methods) {
      if (!/^[A-Z][A-Z-]{0,31}$/.test(method)) {
        return err(`"${method}" is not a method; methods are written in capitals, as in GET,POST`);
      }
      if (method === "CONNECT") return err("CONNECT cannot be routed");
    }
    if (new Set(methods).size !== methods.length) return err("the same method stands there twice");
  }
  const problem = patternProblem(pattern);
  return problem === null ? ok({ methods, pattern }) : err(problem);
}

function patternProblem(pattern: string): string | null {
  if (!pattern.startsWith("/")) return "a pattern starts with /";
  if (pattern === "/") return null;
  const segments = segmentsOf(pattern);
  const names = new Set<string>();
  for (const [at, segment] of segments.entries()) {
    const last = at === segments.length - 1;
    if (segment === "**") {
      if (!last) return "** stands for the rest and must come last";
    } else if (segment.startsWith(":")) {
      if (!/^:[A-Za-z_][A-Za-z0-9_]*$/.test(segment)) return `"${segment}" is not a :name`;
      if (names.has(segment)) return `${segment} stands there twice`;
      names.add(segment);
    } else if (segment === "." || segment === "..") {
      return `"${segment}" cannot be a segment of a pattern`;
    } else if (segment === "") {
      if (!last) return "a pattern has no empty segments";
    } else if (!segmentPattern.test(segment)) {
      return `"${segment}" is neither a plain segment, nor :name, nor **`;
    }
  }
  return null;
}

/** Whether every request that `later` would take is already taken by `earlier`. */
export function shadows(earlier: RouteMatch, later: RouteMatch): boolean {
  if (earlier.methods !== null) {
    if (later.methods === null) return false;
    const taken = new Set(earlier.methods);
    if (!later.methods.every((method) => taken.has(method))) return false;
  }
  const wide = segmentsOf(earlier.pattern);
  const narrow = segmentsOf(later.pattern);
  for (const [at, segment] of wide.entries()) {
    // `/a/**` takes `/a` as well.
    if (segment === "**") return true;
    const other = narrow[at];
    if (other === undefined || other === "**") return false;
    if (segment.startsWith(":")) {
      if (other === "") return false;
    } else if (segment !== other) {
      return false;
    }
  }
  return wide.length === narrow.length;
}

/** Segments as the matcher compares them: `%61` is `a`. */
function segmentsOf(pattern: string): string[] {
  return decodeUnreserved(pattern.slice(1)).split("/");
}
