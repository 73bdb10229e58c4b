import type { Clock, Timers } from "../base/clock.ts";
import type { PrometheusPolicy } from "../core/config/model.ts";
import type { QueryTick } from "../core/rollout/guardrail/window.ts";
import {
  createPrometheusPoller,
  pollerLimits,
  type PrometheusPoller,
  type PrometheusQuery,
} from "./prometheus/poller.ts";
import { createPrometheusClient } from "./prometheus/query.ts";
import type { RolloutView } from "./rollout-view.ts";
import type { SupervisorLog } from "./worker-slot.ts";

/** How often it is looked which rollouts are under way. */
const followEveryMs = 1000;
/** Added to the serial numbers of each new poller, which count from 1. */
const serialsPerPoller = 1e9;

export type GuardrailQueriesDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The server to ask now; null without one. */
  readonly server: () => PrometheusPolicy | null;
  readonly rollouts: () => readonly RolloutView[];
  readonly log: SupervisorLog;
};

/** Asks Prometheus what the guardrails of rollouts under way want to know; ends with the rollout. */
export type GuardrailQueries = {
  /** The last answer, or the last failure to get one; null before the first. */
  latest(experiment: string, guardrail: string): QueryTick | null;
  stop(): Promise<void>;
};

export function createGuardrailQueries(
  dependencies: GuardrailQueriesDependencies,
): GuardrailQueries {
  const { clock, timers, server, rollouts, log } = dependencies;
  let asked = "";
  let poller: PrometheusPoller | null = null;
  let pollers = 0;

  function follow(): void {
    const target = server();
    const all = target === null ? [] : rollouts().flatMap(queriesOf);
    const queries = all.slice(0, pollerLimits.queriesMax);
    const wanted = JSON.stringify([target, queries]);
    if (wanted === asked) return;
    asked = wanted;
    if (all.length > queries.length) {
      log("error", "too many queries: some guardrails have no value", {
        queries: all.length,
        asked: queries.length,
      });
    }
    void poller?.stop();
    poller = null;
    if (target === null || queries.length === 0) return;
    pollers += 1;
    const client = createPrometheusClient(target, { timers });
    poller = createPrometheusPoller(queries, { clock, timers, client });
  }

  const cancel = timers.every(followEveryMs, follow);
  return {
    latest(experiment, guardrail) {
      const measured = poller?.latest(nameOf(experiment, guardrail));
      if (measured === undefined || measured.kind === "none") return null;
      const serial = pollers * serialsPerPoller + measured.serial;
      return measured.kind === "value"
        ? { kind: "query", serial, value: measured.value, error: null }
        : { kind: "query", serial, value: null, error: measured.reason };
    },
    async stop() {
      cancel();
      await poller?.stop();
    },
  };
}

/** The queries of a rollout, while it is judged. */
function queriesOf({ experiment, policy, state }: RolloutView): PrometheusQuery[] {
  if (!["stepping", "observing", "paused"].includes(state.phase.kind)) return [];
  return policy.guardrails.flatMap(({ name, metric }) =>
    metric.kind === "promql"
      ? { name: nameOf(experiment, name), expression: metric.query, everyMs: metric.everyMs }
      : [],
  );
}

function nameOf(experiment: string, guardrail: string): string {
  return `${experiment}/${guardrail}`;
}
