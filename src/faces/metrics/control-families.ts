import type { Outcome } from "../../core/statistics/decision/facts.ts";
import type { Family } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

const phases = ["draft", "running", "paused", "ended", "archived"] as const;
const decisions = [
  "treatment_wins",
  "control_wins",
  "no_difference",
  "keep_running",
  "invalid",
] as const satisfies Outcome[];
const results = ["sent", "failed", "dropped"] as const;

/** Experiments' lives, alerts and the store: what the control plane is doing. */
export const controlFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_experiment_phase",
    help: "1 for the phase that an A/B experiment is in, 0 for the others.",
    type: "gauge",
    read: ({ lives }) =>
      lives.flatMap(({ experiment, state }) =>
        phases.map((phase) => ({
          labels: { experiment, phase },
          value: state.phase.kind === phase ? 1 : 0,
        })),
      ),
  },
  {
    name: "sluice_experiment_sample_ratio_p_value",
    help: "Always-valid p-value of the split being as configured; absent where it cannot be tested.",
    type: "gauge",
    read: ({ lives }) =>
      lives.flatMap(({ experiment, watch }) =>
        watch.sampleRatioPValue === null
          ? []
          : { labels: { experiment }, value: watch.sampleRatioPValue },
      ),
  },
  {
    name: "sluice_experiment_decision",
    help: "1 for what an A/B experiment comes to at the last look, 0 for the rest; absent without analysis.",
    type: "gauge",
    read: ({ lives }) =>
      lives.flatMap(({ experiment, watch: { facts } }) =>
        facts === null || facts.decision === null
          ? []
          : decisions.map((decision) => ({
              labels: { experiment, decision },
              value: facts.decision?.outcome === decision ? 1 : 0,
            })),
      ),
  },
  {
    name: "sluice_experiment_change",
    help: "Change of a treatment's primary metric, as a share of the control's unless that is 0: the estimate and the interval that holds at every look.",
    type: "gauge",
    read: ({ lives }) =>
      lives.flatMap(({ experiment, watch: { analyses } }) =>
        analyses.flatMap(({ variant, change }) => {
          if ("code" in change) return [];
          const { metric, estimate, interval } = change;
          return Object.entries({ low: interval.low, estimate, high: interval.high }).map(
            ([bound, value]) => ({ labels: { experiment, variant, metric, bound }, value }),
          );
        }),
      ),
  },
  {
    name: "sluice_alert_firing",
    help: "1 for each alert that fires.",
    type: "gauge",
    read: ({ alerts }) =>
      [...alerts.state.alerts.values()]
        .filter(({ phase }) => phase.kind === "firing")
        .map(({ kind, severity, experiment, subject }) => ({
          labels: { kind, severity, experiment: experiment ?? "", subject: subject ?? "" },
          value: 1,
        })),
  },
  {
    name: "sluice_alerts_without_room_total",
    help: "Alerts that there was no room for.",
    type: "counter",
    read: ({ alerts }) => [{ labels: {}, value: alerts.state.withoutRoomTotal }],
  },
  {
    name: "sluice_alert_notices_total",
    help: "Notices delivered, attempts that failed, and notices given up, by channel.",
    type: "counter",
    read: ({ alerts }) =>
      alerts.channels.flatMap((channel) =>
        results.map((result) => ({
          labels: { channel: channel.name, result },
          value: channel[result],
        })),
      ),
  },
  {
    name: "sluice_alert_notices_queued",
    help: "Notices that wait to be delivered.",
    type: "gauge",
    read: ({ alerts }) =>
      alerts.channels.map(({ name, queued }) => ({ labels: { channel: name }, value: queued })),
  },
  {
    name: "sluice_gate_questions_total",
    help: "Questions to the webhooks of steps, and what became of them.",
    type: "counter",
    read: ({ gates }) =>
      (["asked", "opened", "closed", "dropped", "refused"] as const).map((result) => ({
        labels: { result },
        value: gates[result],
      })),
  },
  {
    name: "sluice_live_listeners",
    help: "Open WebSockets of /v1/live.",
    type: "gauge",
    read: ({ live }) => (live === null ? [] : [{ labels: {}, value: live.listeners }]),
  },
  {
    name: "sluice_live_events_total",
    help: "What happened to the listeners of /v1/live.",
    type: "counter",
    read: ({ live }) =>
      Object.entries(live ?? {})
        .filter(([event]) => event !== "listeners")
        .map(([event, value]) => ({
          labels: { event: event.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) },
          value,
        })),
  },
  {
    name: "sluice_admin_denied_total",
    help: "Requests that the admin port did not let in, by code: wrong or missing proof, too many tries, other sites.",
    type: "counter",
    read: ({ denials }) =>
      Object.entries(denials).map(([code, value]) => ({ labels: { code }, value })),
  },
  {
    name: "sluice_store_up",
    help: "1 while the last write to the store worked; absent without a store.",
    type: "gauge",
    read: ({ store }) => (store === null ? [] : [{ labels: {}, value: store.isUp ? 1 : 0 }]),
  },
  {
    name: "sluice_history_rows_total",
    help: "Rows of telemetry history that the store took, and those that were lost.",
    type: "counter",
    read: ({ store }) =>
      store === null
        ? []
        : (["written", "dropped"] as const).map((result) => ({
            labels: { result },
            value: store.history[result],
          })),
  },
  {
    name: "sluice_history_rows_waiting",
    help: "Rows of telemetry history that wait for their time to be over, or for the store.",
    type: "gauge",
    read: ({ store }) => (store === null ? [] : [{ labels: {}, value: store.history.waiting }]),
  },
];
