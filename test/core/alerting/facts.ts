import type {
  AlertFacts,
  ExperimentAlertFacts,
  PlanAlertFacts,
  VariantAlertFacts,
} from "../../../src/core/alerting/facts.ts";

/** Facts under which nothing is wrong; tests change what they are about. */

export function variant(fields: Partial<VariantAlertFacts> = {}): VariantAlertFacts {
  return {
    variant: "new",
    share: 0.5,
    requests: 1000,
    errors: 0,
    latencyMsAt: () => 100,
    ...fields,
  };
}

export function experiment(fields: Partial<ExperimentAlertFacts> = {}): ExperimentAlertFacts {
  return {
    experiment: "e",
    variants: [variant({ variant: "control" }), variant()],
    secondsWithoutRequests: 0,
    sampleRatio: null,
    plan: null,
    ...fields,
  };
}

export function facts(fields: Partial<AlertFacts> = {}): AlertFacts {
  return {
    experiments: [experiment()],
    upstreams: [{ upstream: "smp", healthyEndpoints: 2, unhealthyEndpoints: 0 }],
    rollouts: [{ experiment: "e", rolledBack: null, breaches: [] }],
    reloadFault: null,
    storeFault: null,
    mirrors: [],
    ...fields,
  };
}

const day = 86_400_000;

/** Halfway through a fortnight, with half of what is needed. */
export function plan(fields: Partial<PlanAlertFacts> = {}): PlanAlertFacts {
  return {
    unit: "users",
    collected: 1000,
    required: 2000,
    planned: null,
    ranMs: 7 * day,
    plannedMs: 14 * day,
    alpha: 0.05,
    power: 0.8,
    ...fields,
  };
}
