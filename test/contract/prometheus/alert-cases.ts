/** When each alert is to fire and when not: series in promtool's notation, a value every 15 s. */
export type AlertCase = {
  readonly alert: string;
  readonly about: string;
  readonly fires: boolean;
  readonly series: Readonly<Record<string, string>>;
  /** When it is asked; default 12 minutes. */
  readonly afterMinutes?: number;
};

type Series = AlertCase["series"];

/** Fifteen minutes of a value, and of a count that grows. */
const always = (value: number) => `${value}x60`;
const rising = (by: number) => `0+${by}x60`;
/** A count that grows for 90 s and then stands still. */
const stopping = (by: number) => `0+${by}x6 ${by * 6}x60`;

const job = 'job="sluice"';
const instance = `${job}, instance="a:9090"`;
const variant = (name: string) => `${instance}, experiment="e", variant="${name}"`;

/** Finished requests of a variant in each 15 s, by outcome. */
function requests(name: string, counts: Readonly<Record<string, number>>): Series {
  return Object.fromEntries(
    Object.entries(counts).map(([outcome, by]) => [
      `sluice_outcomes_total{${variant(name)}, route="/x", outcome="${outcome}"}`,
      rising(by),
    ]),
  );
}

/** Durations of a variant's requests: in each 15 s so many within these seconds. */
function durations(within: Readonly<Record<string, number>>): Series {
  return Object.fromEntries(
    Object.entries(within).map(([le, by]) => [
      `http_server_request_duration_seconds_bucket{${variant("new")}, le="${le}"}`,
      rising(by),
    ]),
  );
}

function shares(old: number, fresh: number): Series {
  return {
    [`sluice_configured_share{${variant("old")}}`]: always(old),
    [`sluice_configured_share{${variant("new")}}`]: always(fresh),
  };
}

const rollout = (phase: string, value: number): Series => ({
  [`sluice_rollout_phase{${instance}, experiment="e", phase="${phase}"}`]: always(value),
});

const guardrail = (verdict: string, value: number): Series => ({
  [`sluice_guardrail_verdict{${instance}, experiment="e", guardrail="error_rate", verdict="${verdict}"}`]:
    always(value),
});

const gauge = (name: string, labels: string, values: string): Series => ({
  [`${name}{${labels === "" ? instance : `${instance}, ${labels}`}}`]: values,
});

const firing = (kind: string): Series =>
  gauge(
    "sluice_alert_firing",
    `kind="${kind}", severity="warning", experiment="e", subject="new"`,
    always(1),
  );

/** Of a metric that is ill at one value and well at another. */
function pair(
  alert: string,
  name: string,
  labels: string,
  { ill, well }: { readonly ill: string; readonly well: string },
  afterMinutes?: number,
): AlertCase[] {
  const rest = afterMinutes === undefined ? {} : { afterMinutes };
  return [
    { alert, about: `${name} ${ill}`, fires: true, series: gauge(name, labels, ill), ...rest },
    { alert, about: `${name} ${well}`, fires: false, series: gauge(name, labels, well), ...rest },
  ];
}

const counted = { ill: "0x30 1x30", well: always(1) };

export const alertCases: readonly AlertCase[] = [
  {
    alert: "SluiceErrorRate",
    about: "14 % of 140 a minute",
    fires: true,
    series: requests("new", { success: 30, upstream_error: 3, bad_answer: 2 }),
  },
  {
    alert: "SluiceErrorRate",
    about: "9 % of 132 a minute",
    fires: false,
    series: requests("new", { success: 30, client_error: 10, timeout: 3 }),
  },
  {
    alert: "SluiceErrorRate",
    about: "half of 32 a minute are too few",
    fires: false,
    series: requests("new", { success: 4, upstream_error: 4 }),
  },
  {
    alert: "SluiceErrorRate",
    about: "those who left are not counted",
    fires: false,
    series: requests("new", { success: 30, aborted: 30 }),
  },
  {
    alert: "SluiceErrorRate",
    about: "not for a minute yet",
    fires: false,
    series: requests("new", { success: 30, upstream_error: 30 }),
    afterMinutes: 1,
  },
  {
    alert: "SluiceLatency",
    about: "one in ten takes longer than 5 s",
    fires: true,
    series: {
      ...requests("new", { success: 30 }),
      ...durations({ 1: 10, 5: 27, 10: 30, "+Inf": 30 }),
    },
  },
  {
    alert: "SluiceLatency",
    about: "one in thirty takes longer than 5 s",
    fires: false,
    series: {
      ...requests("new", { success: 30 }),
      ...durations({ 1: 10, 5: 29, 10: 30, "+Inf": 30 }),
    },
  },
  {
    alert: "SluiceLatency",
    about: "12 a minute are too few",
    fires: false,
    series: { ...requests("new", { success: 3 }), ...durations({ 1: 0, 5: 0, 10: 3, "+Inf": 3 }) },
  },
  {
    alert: "SluiceVariantSilent",
    about: "half of 120 a minute should be its",
    fires: true,
    series: { ...shares(0.5, 0.5), ...requests("old", { success: 30 }) },
  },
  {
    alert: "SluiceVariantSilent",
    about: "it has some",
    fires: false,
    series: {
      ...shares(0.5, 0.5),
      ...requests("old", { success: 30 }),
      ...requests("new", { success: 1 }),
    },
  },
  {
    alert: "SluiceVariantSilent",
    about: "with a twentieth, none may be chance",
    fires: false,
    series: { ...shares(0.95, 0.05), ...requests("old", { success: 30 }) },
  },
  {
    alert: "SluiceNoTraffic",
    about: "it had some",
    fires: true,
    series: {
      ...shares(0.5, 0.5),
      [`sluice_outcomes_total{${variant("old")}, route="/x", outcome="success"}`]: stopping(3),
    },
    afterMinutes: 14,
  },
  {
    alert: "SluiceNoTraffic",
    about: "for nine minutes only",
    fires: false,
    series: {
      ...shares(0.5, 0.5),
      [`sluice_outcomes_total{${variant("old")}, route="/x", outcome="success"}`]: stopping(3),
    },
    afterMinutes: 11,
  },
  {
    alert: "SluiceNoTraffic",
    about: "the experiment is gone from the configuration",
    fires: false,
    series: {
      [`sluice_outcomes_total{${variant("old")}, route="/x", outcome="success"}`]: stopping(3),
    },
    afterMinutes: 14,
  },
  ...pair("SluiceSampleRatio", "sluice_experiment_sample_ratio_p_value", 'experiment="e"', {
    ill: always(0.0001),
    well: always(0.01),
  }),
  { alert: "SluicePlan", about: "too few users", fires: true, series: firing("sample_size") },
  { alert: "SluicePlan", about: "another alert", fires: false, series: firing("error_rate") },
  {
    alert: "SluiceRolledBack",
    about: "at once",
    fires: true,
    series: rollout("rolled_back", 1),
    afterMinutes: 1,
  },
  {
    alert: "SluiceRolledBack",
    about: "another phase",
    fires: false,
    series: rollout("rolled_back", 0),
  },
  {
    alert: "SluiceGuardrailBreach",
    about: "of a paused rollout",
    fires: true,
    series: { ...guardrail("breach", 1), ...rollout("paused", 1) },
  },
  {
    alert: "SluiceGuardrailBreach",
    about: "of one that is over",
    fires: false,
    series: { ...guardrail("breach", 1), ...rollout("paused", 0), ...rollout("rolled_back", 1) },
  },
  {
    alert: "SluiceGuardrailUnavailable",
    about: "while it climbs",
    fires: true,
    series: { ...guardrail("error", 1), ...rollout("stepping", 1) },
  },
  {
    alert: "SluiceGuardrailUnavailable",
    about: "for four minutes",
    fires: false,
    series: { ...guardrail("error", 1), ...rollout("stepping", 1) },
    afterMinutes: 4,
  },
  ...pair(
    "SluiceWritesBehind",
    "sluice_mirrored_writes_oldest_seconds",
    'experiment="e", variant="new"',
    {
      ill: always(61),
      well: always(59),
    },
  ),
  {
    alert: "SluiceWritesDiverged",
    about: "not acknowledged",
    fires: true,
    series: firing("writes_diverged"),
  },
  {
    alert: "SluiceWritesDiverged",
    about: "another alert",
    fires: false,
    series: firing("writes_behind"),
  },
  ...pair("SluiceDown", "up", "", { ill: always(0), well: always(1) }),
  {
    alert: "SluiceDown",
    about: "something else is down",
    fires: false,
    series: { 'up{job="node", instance="a:9100"}': always(0) },
  },
  ...pair("SluiceReloadFailed", "sluice_config_last_reload_successful", "", {
    ill: always(0),
    well: always(1),
  }),
  ...pair("SluiceStoreUnavailable", "sluice_store_up", "", { ill: always(0), well: always(1) }),
  ...pair("SluiceReplicaCutOff", "sluice_replica_authority", 'authority="cut_off"', {
    ill: always(1),
    well: always(0),
  }),
  ...[0, 1].map((leads) => ({
    alert: "SluiceNoLeader",
    about: `two replicas of which ${leads} leads`,
    fires: leads === 0,
    series: {
      ...gauge("sluice_replica_authority", 'authority="lead"', always(leads)),
      [`sluice_replica_authority{${job}, instance="b:9090", authority="lead"}`]: always(0),
    },
  })),
  ...[1, 0].map((lost) => ({
    alert: "SluiceHistoryLost",
    about: `${lost} a quarter of a minute`,
    fires: lost > 0,
    series: {
      ...gauge("sluice_history_rows_total", 'result="dropped"', rising(lost)),
      ...gauge("sluice_verdict_rows_total", 'result="dropped"', always(0)),
    },
  })),
  ...pair(
    "SluiceUpstreamUnhealthy",
    "sluice_upstream_healthy",
    'upstream="u", endpoint="http://u"',
    {
      ill: always(0),
      well: always(1),
    },
  ),
  ...pair("SluiceWorkerRestarts", "sluice_worker_restarts_total", 'worker="0"', counted),
  ...pair("SluiceFaults", "sluice_faults_total", "", counted),
  ...pair("SluiceOverloaded", "sluice_refused_total", 'code="overloaded"', {
    ill: rising(1),
    well: always(9),
  }),
  {
    alert: "SluiceOverloaded",
    about: "what clients do wrong",
    fires: false,
    series: gauge("sluice_refused_total", 'code="no_route"', rising(9)),
  },
  ...[0.6, 0.4].map((seconds) => ({
    alert: "SluiceEventLoopLate",
    about: `${seconds} s`,
    fires: seconds > 0.5,
    series: {
      ...gauge("nodejs_eventloop_lag_p99_seconds", "", always(seconds)),
      ...gauge("sluice_build_info", 'version="1"', always(1)),
    },
  })),
  {
    alert: "SluiceEventLoopLate",
    about: "of another Node",
    fires: false,
    series: { 'nodejs_eventloop_lag_p99_seconds{job="web", instance="b"}': always(2) },
  },
  ...pair(
    "SluiceNoticesLost",
    "sluice_alert_notices_total",
    'channel="log-1", result="dropped"',
    counted,
  ),
];
