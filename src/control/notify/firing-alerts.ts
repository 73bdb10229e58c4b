import type { AlertNotice } from "../../core/alerting/notice.ts";
import {
  alertSeverities,
  type AlertSeverity,
  type ChannelPolicy,
} from "../../core/alerting/policy.ts";

export const firingLimits = {
  /** Alerts that fire and are remembered until they are over; further ones are told and not remembered. */
  alertsMax: 1000,
} as const;

/** A notice as it is told, and the gravest that its alert was told as. */
export type ToldNotice = { readonly notice: AlertNotice; readonly gravest: AlertSeverity };

/** The alerts that fire, by what was told of them last. */
export class FiringAlerts {
  readonly #alerts = new Map<string, ToldNotice>();

  /** Takes note, and returns what to tell. */
  take(notice: AlertNotice): ToldNotice {
    const before = this.#alerts.get(notice.alert);
    const gravest = graver(notice.severity, before?.gravest ?? notice.severity);
    if (notice.status === "resolved") {
      this.#alerts.delete(notice.alert);
      // A reload may have changed the severity; what ends is what was told.
      const severity = before?.notice.severity ?? notice.severity;
      return { notice: { ...notice, severity }, gravest };
    }
    const told = { notice, gravest };
    if (before !== undefined || this.#alerts.size < firingLimits.alertsMax) {
      this.#alerts.set(notice.alert, told);
    }
    return told;
  }

  /** Only these fire, as others told them; how gravely an alert was told before stays known. */
  replace(notices: readonly AlertNotice[]): void {
    const firing = new Set(notices.map(({ alert }) => alert));
    for (const alert of this.#alerts.keys()) if (!firing.has(alert)) this.#alerts.delete(alert);
    for (const notice of notices) this.take(notice);
  }

  /** Those that this channel hears about. */
  for(policy: ChannelPolicy): readonly AlertNotice[] {
    return [...this.#alerts.values()]
      .filter((told) => isWanted(told, policy))
      .map(({ notice }) => notice);
  }
}

/** Who has heard that an alert fires hears the rest, also when it is less grave by then. */
export function isWanted({ gravest }: ToldNotice, { minSeverity }: ChannelPolicy): boolean {
  return graver(gravest, minSeverity) === gravest;
}

function graver(one: AlertSeverity, other: AlertSeverity): AlertSeverity {
  return alertSeverities.indexOf(one) <= alertSeverities.indexOf(other) ? one : other;
}
