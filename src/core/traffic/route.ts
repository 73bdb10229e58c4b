import type { RoutePolicy } from "./policy.ts";

/** Routes ready for the request path. */
export type RouteMatcher = { readonly size: number };

export function compileRoutes(routes: readonly RoutePolicy[]): RouteMatcher {
  throw new Error(`stub ${routes.length}`);
}

/** Index of the first route that matches, or -1. `target` may carry a query; it is not looked at. */
export function matchRoute(matcher: RouteMatcher, method: string, target: string): number {
  throw new Error(`stub ${matcher.size} ${method} ${target}`);
}
