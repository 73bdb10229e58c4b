import type { AlertNotice } from "./notice.ts";
import { alertLimits, type Alert, type AlertsState } from "./state.ts";

/**
 * Alerts that one replica has told and that the store of all replicas does not have, by id, as they were told last:
 * no other replica tells their end.
 */
export type UnsharedAlerts = ReadonlyMap<string, AlertNotice>;

/** What is left of them where the store has `shared`: whoever leads tells the end of what was told there. */
export function leftUnshared(unshared: UnsharedAlerts, shared: AlertsState): UnsharedAlerts {
  const left = [...unshared].filter(([id]) => !shared.owed.has(id) && !isTold(shared, id));
  return new Map(left);
}

/**
 * What the store has, and the unshared alerts as they are in `own`. Those without room are not in it, and have to be
 * told as over.
 */
export function withUnshared(
  shared: AlertsState,
  own: AlertsState,
  unshared: UnsharedAlerts,
): { readonly next: AlertsState; readonly withoutRoom: UnsharedAlerts } {
  const alerts = new Map<string, Alert>(shared.alerts);
  const owed = new Map(shared.owed);
  const withoutRoom = new Map<string, AlertNotice>();
  for (const [id, told] of unshared) {
    if (alerts.size + owed.size >= alertLimits.alertsMax) {
      withoutRoom.set(id, told);
      continue;
    }
    const alert = own.alerts.get(id);
    const end = own.owed.get(id);
    if (alert !== undefined) alerts.set(id, alert);
    if (end !== undefined) owed.set(id, end);
  }
  return { next: { ...shared, alerts, owed }, withoutRoom };
}

function isTold({ alerts }: AlertsState, id: string): boolean {
  const phase = alerts.get(id)?.phase;
  return phase?.kind === "firing" && phase.toldMs !== null;
}
