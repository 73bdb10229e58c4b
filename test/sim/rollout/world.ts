import {
  betaVariate,
  normalVariate,
  poissonVariate,
} from "../../../src/core/statistics/random-variates.ts";
import type { Uniform } from "../../../src/core/statistics/random.ts";

/** What happens to the treatment from its onset on; the control stays well. */
export type Regression =
  | { readonly kind: "none" }
  /** Error rate of the treatment, 0…1. */
  | { readonly kind: "errors"; readonly rate: number }
  /** Every latency times this. */
  | { readonly kind: "latency"; readonly factor: number }
  /** Nothing is answered any more. */
  | { readonly kind: "hang" };

export type Scenario = {
  readonly name: string;
  /** Requests a second of the treatment; the control has the other nine tenths of the traffic. */
  readonly rate: number;
  /** Mean error rate of both arms while all is well. */
  readonly baseline: number;
  readonly regression: Regression;
  /** From the first request on, as most bad versions are; else after a minute or two of health. */
  readonly isAtOnce?: boolean;
};

/** One arm's quarter of a second, as the proxy sees it. */
export type ArmTick = {
  readonly finished: number;
  readonly errors: number;
  readonly slow: number;
  /** In flight for longer than the latency limit. */
  readonly overdue: number;
  /** Users with their first error or overdue request. */
  readonly newlyHarmed: number;
  readonly newlyFailing: number;
  /** Users with their first slow answer. */
  readonly newlySlow: number;
};

/** The treatment's share of users. */
export const canaryShare = 0.1;

export const tickMs = 250;
/** Each user sends a request every 20 seconds. */
const secondsBetween = 20;
const medianMs = 200;
const spread = 0.5;
/** 1.2 times the healthy p95. */
export const latencyLimitMs = 1.2 * medianMs * Math.exp(1.6448536269514722 * spread);
/** When a client gives up on a request that hangs. */
export const timeoutMs = 60_000;

/**
 * One arm with users who fail unequally: errors per user are Beta distributed around the baseline, as in the reference.
 */
export class SimulatedArm {
  readonly #random: Uniform;
  readonly #scenario: Scenario;
  readonly #propensities: Float64Array;
  readonly #failed: Uint8Array;
  readonly #harmed: Uint8Array;
  readonly #slowed: Uint8Array;
  readonly #rate: number;
  /** Hanging requests by the tick in which they came: how many, and whose. */
  readonly #hanging: { readonly tick: number; readonly users: readonly number[] }[] = [];

  /** `times` as much traffic as the scenario's treatment has. */
  constructor(scenario: Scenario, times: number, random: Uniform) {
    const { baseline } = scenario;
    const rate = scenario.rate * times;
    this.#rate = rate;
    const users = Math.max(20, Math.round(rate * secondsBetween));
    this.#random = random;
    this.#scenario = scenario;
    this.#failed = new Uint8Array(users);
    this.#harmed = new Uint8Array(users);
    this.#slowed = new Uint8Array(users);
    this.#propensities = Float64Array.from({ length: users }, () =>
      baseline === 0 ? 0 : betaVariate(random, 0.2, (0.2 * (1 - baseline)) / baseline),
    );
  }

  /** `ill` says whether the regression is at work on this arm. */
  step(tick: number, ill: boolean): ArmTick {
    const random = this.#random;
    const { regression } = this.#scenario;
    const arrived = poissonVariate(random, (this.#rate * tickMs) / 1000);
    let [finished, errors, slow, newlyHarmed, newlyFailing, newlySlow] = [0, 0, 0, 0, 0, 0];
    const hanging: number[] = [];
    const fail = (user: number) => {
      errors += 1;
      if (this.#failed[user] === 0) newlyFailing += 1;
      this.#failed[user] = 1;
      if (this.#harmed[user] === 0) newlyHarmed += 1;
      this.#harmed[user] = 1;
    };
    for (let at = 0; at < arrived; at += 1) {
      const user = Math.floor(random() * this.#failed.length);
      if (ill && regression.kind === "hang") {
        hanging.push(user);
        continue;
      }
      finished += 1;
      const bad =
        ill && regression.kind === "errors"
          ? regression.rate
          : (this.#propensities[user] as number);
      if (bad > 0 && random() < bad) fail(user);
      const factor = ill && regression.kind === "latency" ? regression.factor : 1;
      if (factor * medianMs * Math.exp(spread * normalVariate(random)) > latencyLimitMs) {
        slow += 1;
        if (this.#slowed[user] === 0) newlySlow += 1;
        this.#slowed[user] = 1;
        if (ill && this.#harmed[user] === 0) {
          this.#harmed[user] = 1;
          newlyHarmed += 1;
        }
      }
    }
    if (hanging.length > 0) this.#hanging.push({ tick, users: hanging });
    let overdue = 0;
    for (const { tick: since, users } of this.#hanging) {
      if ((tick - since) * tickMs < latencyLimitMs) continue;
      overdue += users.length;
      for (const user of users) {
        if (this.#harmed[user] === 0) newlyHarmed += 1;
        this.#harmed[user] = 1;
      }
    }
    while (this.#hanging[0] !== undefined && (tick - this.#hanging[0].tick) * tickMs >= timeoutMs) {
      const { users } = this.#hanging.shift() as { users: readonly number[] };
      finished += users.length;
      slow += users.length;
      for (const user of users) fail(user);
    }
    return { finished, errors, slow, overdue, newlyHarmed, newlyFailing, newlySlow };
  }
}
