import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExperimentPolicy } from "../../../src/core/experiment/policy.ts";
import type { GuardrailTick } from "../../../src/core/rollout/guardrail.ts";
import type { RolloutPolicy } from "../../../src/core/rollout/policy.ts";
import { restoreRollout, saveRollout } from "../../../src/core/rollout/saved.ts";
import type {
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../../../src/core/rollout/state.ts";
import { createRollout, step } from "../../../src/core/rollout/step.ts";
import { countsTick } from "../../support/guardrails.ts";
import { replay, type Line, type Stand } from "../../support/rollout-journal.ts";
import { smallText, valid } from "../config/texts.ts";

const experiment = valid(`prometheus: { url: "http://127.0.0.1:1" }
${smallText}    rollout:
      steps:
        - { share: 5%, hold: 10s, min_requests: 20 }
        - { share: 25%, hold: 10s, min_requests: 20, gate: approval }
        - { share: 50%, hold: 10s, min_requests: 20, gate: { webhook: "http://127.0.0.1:1" } }
        - { share: 100%, hold: 10s, min_requests: 20 }
      observe: 10s
    guardrails:
      - { metric: error_rate, max: 5% }
      - { metric: timeout_rate, max: 5%, on_breach: pause }
      - { metric: truncation_rate, max: 5%, on_breach: alert }
      - { metric: success_rate, min: 90%, evidence: window, window: 5s, every: 1s, failure_limit: 1 }
      - { metric: promql, name: load, query: load, max: 5, inconclusive_limit: 3 }
`).experiments["e"] as ExperimentPolicy;
const policy = experiment.rollout as RolloutPolicy;
const shares = policy.steps.map(({ share }) => share);
const planMs = policy.steps.reduce((sum, { holdMs }) => sum + holdMs, policy.observeMs);

const commands = [
  "start",
  "pause",
  "resume",
  "promote",
  "promote_all",
  "skip",
  "rollback",
  "abort",
  "retry",
] as const satisfies readonly RolloutCommandName[];

type Happening =
  /** A quarter of a second each; `bad` of ten requests fail, in the guardrail of that index alone. */
  | {
      readonly kind: "ticks";
      readonly count: number;
      readonly of: number;
      readonly bad: number;
      readonly isTwice: boolean;
    }
  /** No guardrail can be measured. */
  | { readonly kind: "blind"; readonly count: number }
  | { readonly kind: "command"; readonly name: RolloutCommandName; readonly times: number }
  | {
      readonly kind: "gate";
      readonly step: number;
      readonly isOpen: boolean;
      readonly times: number;
    }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "crash"; readonly clockMs: number };

const times = fc.integer({ min: 1, max: 3 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("ticks" as const),
      count: fc.integer({ min: 1, max: 60 }),
      of: fc.nat(policy.guardrails.length - 1),
      bad: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 10),
      isTwice: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      name: fc.oneof(
        fc.constantFrom(...commands),
        // Those that lead on come more often: else few lives get to the last phases.
        fc.constantFrom("start", "retry", "pause", "resume", "promote", "skip"),
      ),
      times,
    }),
  },
  fc.record({ kind: fc.constant("blind" as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({
    kind: fc.constant("gate" as const),
    step: fc.nat(shares.length),
    isOpen: fc.boolean(),
    times,
  }),
  fc.record({
    kind: fc.constant("jump" as const),
    ms: fc.integer({ min: -60_000, max: 36_000_000 }),
  }),
  fc.record({ kind: fc.constant("crash" as const), clockMs: fc.nat(10_000_000) }),
);

/** Anything may happen anywhere: few lives would get far if all began at the beginning. */
const origin = fc
  .tuple(
    fc.integer({ min: -1, max: shares.length }),
    fc.constantFrom("pause", "resume", "promote_all"),
  )
  .map(([skips, name]): Happening[] => {
    if (skips === -1) return [];
    const skipping = Array.from({ length: skips }, (): RolloutCommandName => "skip");
    const names: RolloutCommandName[] = ["start", ...skipping, name];
    return names.map((each) => ({ kind: "command", name: each, times: 1 }));
  });
const life = fc
  .tuple(origin, fc.array(happening, { maxLength: 30 }))
  .map(([first, then]) => first.concat(then));

/** A rollout that is written down as the runner does it: journal and state together, before it takes effect. */
class Life {
  state: RolloutState = createRollout(policy);
  readonly journal: Line[] = [];
  readonly log: string[] = [];
  #stored: string | null = null;
  #nowMs = 0;
  #latestMs = 0;
  #serial = 0;
  #requests = 0;

  feed(event: RolloutEvent): string | null {
    const { share } = this.state;
    const { next, commands: orders, refused } = step(policy, this.state, event, this.#nowMs);
    const lines = orders.flatMap((order) => (order.kind === "journal" ? [order] : []));
    if (lines.length > 0) {
      this.journal.push(...lines);
      this.#stored = JSON.stringify(saveRollout(experiment, next, [], this.#nowMs));
    }
    if (orders.some(({ kind }) => kind === "set_share") || next.share !== share) this.#requests = 0;
    this.state = next;
    this.log.push(JSON.stringify([this.#nowMs, event.kind, orders, refused, next.phase]));
    return refused;
  }

  command(name: RolloutCommandName): string | null {
    return this.feed({ kind: "command", name, actor: "ann" });
  }

  tick(of = 0, bad = 0, isTwice = false): void {
    this.#nowMs += 250;
    this.#latestMs = Math.max(this.#latestMs, this.#nowMs);
    this.#requests += 10;
    this.#serial += 1;
    const ticks = new Map(
      policy.guardrails.map(({ name, metric }, at): [string, GuardrailTick] => {
        const share = Math.min(1, this.state.share);
        if (metric.kind !== "promql") return [name, countsTick(10, at === of ? bad : 0, { share })];
        const isBad = at === of && bad > 0;
        return [name, { kind: "query", serial: this.#serial, value: isBad ? 9 : 1, error: null }];
      }),
    );
    const event = {
      kind: "tick",
      ticks,
      treated: { users: 10, requests: this.#requests },
    } as const;
    for (let at = 0; at < (isTwice ? 2 : 1); at += 1) this.feed(event);
  }

  /** The process dies, and the next one, on a clock of its own, takes up what was kept. */
  crash(clockMs: number): void {
    this.#nowMs = clockMs;
    this.#latestMs = clockMs;
    this.#requests = 0;
    const kept: unknown = this.#stored === null ? null : JSON.parse(this.#stored);
    this.state =
      kept === null
        ? createRollout(policy)
        : (restoreRollout(experiment, policy, kept as never, clockMs) ?? createRollout(policy));
    this.log.push(JSON.stringify(["crash", clockMs, this.state.phase]));
  }

  meet(happened: Happening): void {
    switch (happened.kind) {
      case "ticks":
        for (let at = 0; at < happened.count; at += 1) {
          this.tick(happened.of, happened.bad, happened.isTwice);
        }
        break;
      case "blind":
        for (let at = 0; at < happened.count; at += 1) {
          this.#nowMs += 250;
          const ticks = new Map(policy.guardrails.map(({ name }) => [name, null]));
          this.feed({ kind: "tick", ticks, treated: { users: 10, requests: this.#requests } });
        }
        break;
      case "command":
        for (let at = 0; at < happened.times; at += 1) this.command(happened.name);
        break;
      case "gate":
        for (let at = 0; at < happened.times; at += 1) {
          const { step: of, isOpen } = happened;
          this.feed({ kind: "gate", step: of, isOpen, answer: isOpen ? "200" : "403" });
        }
        break;
      case "jump":
        this.#latestMs = Math.max(this.#latestMs, this.#nowMs);
        this.#nowMs = Math.max(0, this.#nowMs + happened.ms);
        break;
      case "crash":
        this.crash(happened.clockMs);
        break;
    }
  }

  /** What people do who want it promoted, while all is well; whether they get there in the time that it must take. */
  finish(): boolean {
    // A clock that went back makes up for it first; the plan may have to begin once more.
    const leftMs = Math.max(0, this.#latestMs - this.#nowMs) + 3 * planMs;
    for (let passedMs = 0; passedMs < leftMs; passedMs += 250) {
      const { phase } = this.state;
      if (phase.kind === "promoted") return true;
      if (phase.kind === "waiting") this.command("start");
      else if (phase.kind === "rolled_back") this.command("retry");
      else if (phase.kind === "paused") this.command("resume");
      else if (phase.kind === "stepping" && phase.step === 1) this.command("promote");
      else if (phase.kind === "stepping" && phase.asked !== null) {
        this.feed({ kind: "gate", step: phase.step, isOpen: true, answer: "200" });
      }
      this.tick();
    }
    return false;
  }

  get stand(): Stand {
    const { phase, share } = this.state;
    const at = phase.kind === "paused" ? phase.before : phase;
    return { phase: phase.kind, step: at.kind === "stepping" ? at.step + 1 : null, share };
  }

  /** The rollout if somebody rolled it back right now. */
  rolledBack(name: "rollback" | "abort") {
    return step(policy, this.state, { kind: "command", name, actor: "ann" }, this.#nowMs);
  }
}

describe("any life of a rollout", () => {
  it("has a legal journal that tells phase, step and share, and none of them outside the plan", () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(life, (happenings) => {
        const one = new Life();
        for (const happened of happenings) {
          one.meet(happened);
          expect([0, ...shares]).toContain(one.state.share);
          expect(replay(one.journal, shares)).toEqual(one.stand);
        }
        ends.set(one.stand.phase, (ends.get(one.stand.phase) ?? 0) + 1);
      }),
      { seed: 4, numRuns: 300 },
    );
    // Lives end in every phase, so that all the properties here are about all of them.
    for (const phase of ["waiting", "stepping", "paused", "observing", "promoted", "rolled_back"]) {
      expect([phase, ends.get(phase) ?? 0]).toEqual([
        phase,
        expect.toSatisfy((count) => count >= 4),
      ]);
    }
  });

  it("goes on after a crash where it stood", () => {
    fc.assert(
      fc.property(life, fc.nat(10_000_000), (happenings, clockMs) => {
        const one = new Life();
        for (const happened of happenings) one.meet(happened);
        const { stand } = one;
        one.crash(clockMs);
        expect(one.stand).toEqual(stand);
        // One step at most is taken with the first tick, and none is taken back.
        const before = one.journal.length;
        one.tick();
        expect(one.journal.length - before).toBeLessThanOrEqual(1);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("can be rolled back at any time", () => {
    fc.assert(
      fc.property(life, (happenings) => {
        const one = new Life();
        for (const happened of happenings) {
          one.meet(happened);
          for (const name of ["rollback", "abort"] as const) {
            const { next, refused } = one.rolledBack(name);
            expect(refused).toBeNull();
            expect(next).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
          }
        }
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it("is never stuck: with a healthy treatment it can be promoted in the time of its plan", () => {
    fc.assert(
      fc.property(life, (happenings) => {
        const one = new Life();
        for (const happened of happenings) one.meet(happened);
        expect([one.finish(), one.stand.phase]).toEqual([true, "promoted"]);
        expect(replay(one.journal, shares)).toEqual(one.stand);
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  it("has the same log for the same seed, and another one for another", () => {
    const logs = (seed: number) =>
      fc.sample(life, { seed, numRuns: 30 }).map((happenings) => {
        const one = new Life();
        for (const happened of happenings) one.meet(happened);
        return one.log;
      });
    expect(logs(8)).toEqual(logs(8));
    expect(logs(8)).not.toEqual(logs(9));
  });
});
