import type { Family } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

/** What is kept of the past, and what had to go. */
export const pastFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_recent_history_rows",
    help: "Rows of telemetry of the last hour that are held in memory.",
    type: "gauge",
    read: ({ past }) => [{ labels: {}, value: past.recent.rows }],
  },
  {
    name: "sluice_recent_history_bytes",
    help: "Bytes of telemetry of the last hour that are held in memory.",
    type: "gauge",
    read: ({ past }) => [{ labels: {}, value: past.recent.bytes }],
  },
  {
    name: "sluice_recent_history_dropped_total",
    help: "Rows of telemetry and of verdicts that left memory before their time, because there were too many.",
    type: "counter",
    read: ({ past }) => [
      { labels: { kind: "telemetry" }, value: past.recent.dropped },
      { labels: { kind: "verdicts" }, value: past.verdicts.recent.dropped },
    ],
  },
  {
    name: "sluice_verdict_rows_total",
    help: "Rows of verdict history that the store took, and those that were lost.",
    type: "counter",
    read: ({ past, store }) =>
      store === null
        ? []
        : (["written", "dropped"] as const).map((result) => ({
            labels: { result },
            value: past.verdicts[result],
          })),
  },
  {
    name: "sluice_verdict_rows_waiting",
    help: "Rows of verdict history that wait for their time to be over, or for the store.",
    type: "gauge",
    read: ({ past, store }) =>
      store === null ? [] : [{ labels: {}, value: past.verdicts.waiting }],
  },
  {
    name: "sluice_past_questions_refused_total",
    help: "Questions about the past that were refused because too many waited.",
    type: "counter",
    read: ({ past }) => [{ labels: {}, value: past.refused }],
  },
];
