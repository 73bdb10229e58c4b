import type { States, Steps } from "./panel.ts";

/** What the dashboards ask Prometheus for, and how its answers are to be read. */

export const here = 'instance=~"$instance"';
export const ofExperiment = `${here}, experiment=~"$experiment"`;
export const ofVariants = `${ofExperiment}, variant=~"$variant"`;

/** Outcomes that count against a variant: as failingOutcomes in src/core/traffic/outcome.ts. */
const failing = "upstream_error|proxy_error|timeout|truncated|bad_answer";

const rate = "[$__rate_interval]";

/** Finished exchanges a second; who left says nothing about a variant. */
export function requestRate(labels: string, by: string, window = rate): string {
  return `sum by (${by}) (rate(sluice_outcomes_total{${labels}, outcome!="aborted"}${window}))`;
}

export function errorShare(labels: string, by: string, window = rate): string {
  const errors = `sum by (${by}) (rate(sluice_outcomes_total{${labels}, outcome=~"${failing}"}${window}))`;
  return `${errors} / ${requestRate(labels, by, window)}`;
}

/** Seconds within which a share `quantile` of the exchanges ended. */
export function latency(quantile: number, labels: string, by: string, window = rate): string {
  const grouping = by === "" ? "le" : `le, ${by}`;
  return `histogram_quantile(${quantile}, sum by (${grouping}) (rate(http_server_request_duration_seconds_bucket{${labels}}${window})))`;
}

/** Gives each variant of the expression its label `role`, control or treatment. */
export function withRole(expr: string): string {
  const roles = `topk by (experiment, variant) (1, max by (experiment, variant, role) (sluice_variant_info{${here}}))`;
  return `(${expr}) * on (experiment, variant) group_left (role) ${roles}`;
}

/** Of an expression by experiment and variant, those in this role. */
export function inRole(expr: string, role: "control" | "treatment"): string {
  return `(${expr}) * on (experiment, variant) group_left () max by (experiment, variant) (sluice_variant_info{${here}, role="${role}"})`;
}

export const byVariant = "experiment, variant";
export const variantLegend = "{{variant}} ({{role}})";

/** A rollout's phase, or an A/B experiment's, as the keys of {@link phaseStates}; of replicas the gravest. */
export function phase(labels: string): string {
  const rollout = numbered("sluice_rollout_phase", "phase", labels, {
    waiting: 0,
    stepping: 1,
    observing: 2,
    promoted: 3,
    paused: 4,
    rolled_back: 5,
  });
  return `${rollout} or ${experimentPhase(labels)}`;
}

function experimentPhase(labels: string): string {
  return numbered("sluice_experiment_phase", "phase", labels, {
    draft: 10,
    archived: 11,
    ended: 12,
    running: 13,
    paused: 14,
  });
}

export const phaseStates: States = {
  0: { text: "waiting", color: "text" },
  1: { text: "climbing", color: "blue" },
  2: { text: "observing", color: "light-blue" },
  3: { text: "promoted", color: "green" },
  4: { text: "paused", color: "orange" },
  5: { text: "rolled back", color: "red" },
  10: { text: "draft", color: "text" },
  11: { text: "archived", color: "text" },
  12: { text: "ended", color: "purple" },
  13: { text: "running", color: "blue" },
  14: { text: "paused", color: "orange" },
};

/** The gravest verdict of the guardrails in `by`, as the keys of {@link verdictStates}. */
export function verdict(labels: string, by = "experiment"): string {
  return numbered(
    "sluice_guardrail_verdict",
    "verdict",
    labels,
    { ok: 0, wait: 1, error: 2, breach: 3 },
    by,
  );
}

export const verdictStates: States = {
  0: { text: "ok", color: "green" },
  1: { text: "too little evidence", color: "blue" },
  2: { text: "metric unavailable", color: "orange" },
  3: { text: "breach", color: "red" },
};

export function decision(labels: string): string {
  return numbered("sluice_experiment_decision", "decision", labels, {
    keep_running: 0,
    no_difference: 1,
    treatment_wins: 2,
    control_wins: 3,
    invalid: 4,
  });
}

export const decisionStates: States = {
  0: { text: "keep running", color: "blue" },
  1: { text: "no difference", color: "purple" },
  2: { text: "treatment wins", color: "green" },
  3: { text: "control wins", color: "orange" },
  4: { text: "invalid", color: "red" },
};

/** The number of the state that a family of 0 and 1 is in; the highest where replicas differ. */
function numbered(
  name: string,
  label: string,
  labels: string,
  numbers: Readonly<Record<string, number>>,
  by = "experiment",
): string {
  const states = Object.entries(numbers).map(
    ([state, number]) => `(${name}{${labels}, ${label}="${state}"} == 1) * ${number}`,
  );
  return `max by (${by}) (${states.join(" or ")})`;
}

/** A sum that is 0 where Sluice runs and nothing is counted, and absent where it does not. */
export function orNone(expr: string): string {
  return `${expr} or 0 * count(sluice_build_info{${here}})`;
}

/** As Sluice's own alerts: critical above 10 %. */
export const errorSteps: Steps = [
  [null, "green"],
  [0.01, "yellow"],
  [0.1, "red"],
];

/** As Sluice's own alerts: 5 s at p95. */
export const latencySteps: Steps = [
  [null, "green"],
  [2, "yellow"],
  [5, "red"],
];

export const anyIsBad: Steps = [
  [null, "green"],
  [1, "red"],
];
export const anyIsUnusual: Steps = [
  [null, "green"],
  [1, "orange"],
];
