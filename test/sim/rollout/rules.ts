import type { CountsTick } from "../../../src/core/rollout/guardrail/counts.ts";
import {
  createGuardrail,
  judge,
  watch,
  type GuardrailState,
} from "../../../src/core/rollout/guardrail.ts";
import type { GuardrailPolicy } from "../../../src/core/rollout/policy.ts";
import { guardrailOf } from "../../support/guardrails.ts";
import { canaryShare, latencyLimitMs, tickMs, type ArmTick } from "./world.ts";

/** A decision rule that watches a canary tick by tick; true from the tick on in which it rolls back. */
export type Rule = {
  readonly name: string;
  readonly create: () => (treatment: ArmTick, control: ArmTick) => boolean;
};

/** What every rule holds the canary against: 5 % errors, and a p95 of 1.2 times the healthy one. */
const errorMax = 0.05;
const slowMax = 0.05;

const slow = { kind: "slow", of: "duration", limitMs: latencyLimitMs } as const;
const policies: readonly GuardrailPolicy[] = [
  guardrailOf({ max: errorMax }),
  guardrailOf({ name: "error_rate_ratio", max: null, maxRatio: 1.5 }),
  guardrailOf({ name: "latency_p95", metric: slow, max: slowMax }),
  guardrailOf({ name: "slow_rate_ratio", metric: slow, max: null, maxRatio: 1.5 }),
];

/** Sluice's guardrails, the very code. */
export const sluice: Rule = {
  name: "Sluice",
  create: () => {
    const guardrails: GuardrailState[] = policies.map((policy) => createGuardrail(policy));
    let told = { bad: 0, count: 0 };
    let seen = { bad: 0, count: 0 };
    return (treatment, control) => {
      // As control/rollouts: what hangs beyond the limit counts once, from then on.
      seen = { bad: seen.bad + treatment.slow, count: seen.count + treatment.finished };
      const bad = Math.max(told.bad, seen.bad + treatment.overdue);
      const count = Math.max(told.count, seen.count + treatment.overdue);
      const slow = { bad: bad - told.bad, count: count - told.count };
      told = { bad, count };
      const errors = { bad: treatment.errors, count: treatment.finished };
      const ofControl = { bad: control.errors, count: control.finished };
      const firstErrors = { treatment: treatment.newlyFailing, control: control.newlyFailing };
      const firstSlow = { treatment: treatment.newlySlow, control: control.newlySlow };
      const base = { kind: "counts", share: canaryShare } as const;
      const byErrors: CountsTick = { ...base, treatment: errors, control: ofControl, firstErrors };
      const bySpeed: CountsTick = {
        ...base,
        treatment: slow,
        control: { bad: control.slow, count: control.finished },
        firstErrors: firstSlow,
      };
      const ticks = [byErrors, byErrors, bySpeed, bySpeed];
      for (const [at, tick] of ticks.entries()) {
        guardrails[at] = watch(guardrails[at] as GuardrailState, tick, 0);
      }
      return guardrails.some((guardrail) => judge(guardrail, 0).verdict === "breach");
    };
  },
};

/** One interval's metrics as a scrape would give them. */
type Interval = { finished: number; errors: number; slow: number };

/**
 * Flagger, as its documentation and scheduler say (reference/canary.md §2, §4): metrics of each interval against their
 * thresholds, no data is a failed check too; at `threshold` failed checks the next tick rolls back.
 */
export function flagger(intervalSeconds: number, threshold: number): Rule {
  return {
    name: `Flagger ${intervalSeconds} s × ${threshold}`,
    create: () => {
      let failed = 0;
      return eachInterval(intervalSeconds, (interval) => {
        if (failed >= threshold) return true;
        if (interval.finished === 0 || isBad(interval)) failed += 1;
        return false;
      });
    },
  };
}

/** Argo Rollouts: a measurement each interval; more failed ones than `failureLimit` abort at once. No data is no failure. */
export function argo(intervalSeconds: number, failureLimit: number): Rule {
  return {
    name: `Argo ${intervalSeconds} s, limit ${failureLimit}`,
    create: () => {
      let failed = 0;
      return eachInterval(intervalSeconds, (interval) => {
        if (interval.finished > 0 && isBad(interval)) failed += 1;
        return failed > failureLimit;
      });
    },
  };
}

function isBad({ finished, errors, slow }: Interval): boolean {
  return errors / finished > errorMax || slow / finished > slowMax;
}

function eachInterval(seconds: number, check: (interval: Interval) => boolean) {
  const ticks = (seconds * 1000) / tickMs;
  let interval: Interval = { finished: 0, errors: 0, slow: 0 };
  let at = 0;
  let isOver = false;
  return (treatment: ArmTick): boolean => {
    interval.finished += treatment.finished;
    interval.errors += treatment.errors;
    interval.slow += treatment.slow;
    at += 1;
    if (at % ticks === 0) {
      isOver ||= check(interval);
      interval = { finished: 0, errors: 0, slow: 0 };
    }
    return isOver;
  };
}

export const rules: readonly Rule[] = [
  sluice,
  flagger(60, 10),
  flagger(10, 1),
  argo(30, 0),
  argo(30, 3),
];
