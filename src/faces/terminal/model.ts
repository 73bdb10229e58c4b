import type { LiveDocument } from "../../wire/live.ts";
import type { Glyphs } from "./glyphs.ts";
import type { Samples } from "./samples.ts";
import type { Subject } from "./subjects.ts";
import type { UiState } from "./ui-state.ts";

export type Size = { readonly columns: number; readonly rows: number };

/** Everything that a frame shows. */
export type Model = {
  readonly url: string;
  readonly document: LiveDocument;
  /** All subjects, and those that the filter lets through. */
  readonly subjects: readonly Subject[];
  readonly visible: readonly Subject[];
  /** The one that keys act on; null when there is none. */
  readonly selected: Subject | null;
  /** Firing first, gravest first. */
  readonly alerts: readonly Alert[];
  readonly samples: Pick<Samples, "of">;
  readonly ui: UiState;
  /** The server's clock, milliseconds since the epoch: immune to a clock of our own that is wrong. */
  readonly nowMs: number;
  /** Since the document was last confirmed. */
  readonly ageMs: number;
  /** How long it has not been kept up to date, and why; null while it is. */
  readonly stale: { readonly forMs: number; readonly why: string } | null;
  /** A token that may look only; null while that is not known. */
  readonly role: "operator" | "viewer" | null;
  readonly glyphs: Glyphs;
};

export type Alert = LiveDocument["alerts"]["alerts"][string];

const statusRank: Readonly<Record<Alert["status"], number>> = {
  firing: 0,
  pending: 1,
  resolved: 2,
};
const severityRank: Readonly<Record<Alert["severity"], number>> = {
  critical: 0,
  warning: 1,
  info: 2,
};

/** Firing before pending, unseen before acknowledged, gravest first. */
export function alertsOf({ alerts }: LiveDocument): Alert[] {
  return Object.values(alerts.alerts).toSorted(
    (one, other) =>
      statusRank[one.status] - statusRank[other.status] ||
      Number(one.acknowledged_by !== null) - Number(other.acknowledged_by !== null) ||
      severityRank[one.severity] - severityRank[other.severity] ||
      one.alert.localeCompare(other.alert, "en"),
  );
}
