import type { HealthCheck } from "./policy.ts";

/** What the checks of one endpoint have shown so far. */
export type HealthState = {
  readonly healthy: boolean;
  /** Results in a row that speak against `healthy`. */
  readonly contrary: number;
};

/** Endpoints are taken for healthy until checks say otherwise. */
export const healthAtStart: HealthState = { healthy: true, contrary: 0 };

/**
 * The state after one more check: only `unhealthyAfter` failures or `healthyAfter` successes in a row
 * change the mind, so that one lost packet moves nobody.
 */
export function stepHealth(
  state: HealthState,
  ok: boolean,
  { healthyAfter, unhealthyAfter }: Pick<HealthCheck, "healthyAfter" | "unhealthyAfter">,
): HealthState {
  if (ok === state.healthy) return state.contrary === 0 ? state : { ...state, contrary: 0 };
  const contrary = state.contrary + 1;
  const needed = state.healthy ? unhealthyAfter : healthyAfter;
  return contrary >= needed ? { healthy: ok, contrary: 0 } : { ...state, contrary };
}
