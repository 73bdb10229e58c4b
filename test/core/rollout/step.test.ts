import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GuardrailTick } from "../../../src/core/rollout/guardrail.ts";
import type { GuardrailPolicy, RolloutPolicy } from "../../../src/core/rollout/policy.ts";
import type {
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../../../src/core/rollout/state.ts";
import { createRollout, step } from "../../../src/core/rollout/step.ts";
import { rolloutOf } from "../../support/guardrails.ts";

const policyOf = (
  guardrails: readonly Partial<GuardrailPolicy>[] = [{}],
  gate: "none" | "approval" = "none",
): RolloutPolicy => rolloutOf(guardrails, { gate });

/** Runs a rollout from one event to the next on its own clock. */
class Run {
  state: RolloutState;
  nowMs = 0;
  readonly shares: number[] = [];
  readonly journal: string[] = [];
  readonly asked: number[] = [];
  users = 0;
  /** In the present step. */
  requests = 0;
  readonly policy: RolloutPolicy;

  constructor(policy: RolloutPolicy) {
    this.policy = policy;
    this.state = createRollout(policy);
  }

  feed(event: RolloutEvent): string | null {
    const { next, commands, refused } = step(this.policy, this.state, event, this.nowMs);
    for (const [at, command] of commands.entries()) {
      if (command.kind === "set_share") this.shares.push(command.share);
      else if (command.kind === "ask_gate") this.asked.push(command.step);
      else this.journal.push(command.what);
      // What is done must have been written down before.
      if (command.kind === "set_share") expect(commands[at - 1]?.kind).toBe("journal");
    }
    if (commands.some(({ kind }) => kind === "set_share")) this.requests = 0;
    this.state = next;
    return refused;
  }

  command(name: RolloutCommandName, actor = "ann"): string | null {
    return this.feed({ kind: "command", name, actor });
  }

  /** `seconds` with `rate` requests a second in both arms, of which `bad` of the treatment's (`badControl`) fail. */
  pass(seconds: number, { rate = 40, bad = 0, badControl = 0 } = {}): void {
    for (let tick = 0; tick < seconds * 4; tick += 1) {
      this.nowMs += 250;
      const count = rate / 4;
      const of = (share: number) => ({ bad: Math.round(count * share), count });
      const one: GuardrailTick = {
        kind: "counts",
        treatment: of(bad),
        control: of(badControl),
        firstErrors: null,
        share: this.state.share,
      };
      this.feed({
        kind: "tick",
        ticks: new Map(this.policy.guardrails.map(({ name }) => [name, one])),
        treated: { users: this.users, requests: (this.requests += count) },
      });
    }
  }

  get phase(): string {
    return this.state.phase.kind;
  }
}

const started = (policy = policyOf()) => {
  const run = new Run(policy);
  run.command("start");
  return run;
};

describe("a healthy treatment", () => {
  it("climbs every step in order, is observed, and is promoted (acceptance 1)", () => {
    const run = started();
    run.pass(10.25);
    expect(run.shares).toEqual([0.05, 0.25]);
    run.pass(25);
    expect(run.shares).toEqual([0.05, 0.25, 1]);
    expect(run.phase).toBe("promoted");
    expect(run.journal).toEqual(["step", "step", "step", "observing", "promoted"]);
  });

  it("does not climb before its hold is over, nor without the requests that a step asks for", () => {
    const run = started();
    run.pass(9);
    expect(run.shares).toEqual([0.05]);
    const thin = started();
    thin.pass(20, { rate: 4 });
    expect(thin.shares).toEqual([0.05]);
    expect(thin.state.verdicts[0]).toMatchObject({
      verdict: "wait",
      reason: "80 of at least 100 requests",
    });
  });

  it("a step waits for its requests, whatever its guardrails", () => {
    const run = started(rolloutOf([{ onBreach: "alert" }], { minRequests: 5000 }));
    run.pass(60);
    expect(run.shares).toEqual([0.05]);
    run.pass(65);
    expect(run.shares).toEqual([0.05, 0.25]);
  });

  it("a step waits for the users that it asks for (acceptance 23)", () => {
    const run = started(rolloutOf([{}], { minUsers: 30 }));
    run.users = 29;
    run.pass(60);
    expect(run.shares).toEqual([0.05]);
    run.users = 30;
    run.pass(0.25);
    expect(run.shares).toEqual([0.05, 0.25]);
  });

  it("a control that breaks the limit excuses a treatment that is as bad, not one that is much worse", () => {
    const alike = started();
    alike.pass(20, { bad: 0.3, badControl: 0.3 });
    expect(alike.phase).toBe("paused");
    const worse = started();
    worse.pass(20, { bad: 1, badControl: 0.3 });
    expect(worse.phase).toBe("rolled_back");
  });

  it("no traffic holds: neither up nor down (acceptance 22)", () => {
    const run = started();
    run.pass(3600, { rate: 0 });
    expect(run.shares).toEqual([0.05]);
    expect(run.state.verdicts[0]).toMatchObject({ verdict: "wait", reason: "no requests yet" });
  });

  it("a rate that may be above the limit is no evidence", () => {
    const run = started();
    run.pass(10.25, { bad: 0.1 });
    expect(run.shares).toEqual([0.05]);
  });
});

describe("a bad treatment", () => {
  it("is rolled back within a second at ten requests a second, once and for good (acceptance 2)", () => {
    const run = started(policyOf());
    run.pass(5, { rate: 12 });
    const before = run.nowMs;
    run.pass(10, { rate: 12, bad: 1 });
    expect(run.shares).toEqual([0.05, 0]);
    expect(run.state.phase).toMatchObject({
      kind: "rolled_back",
      reason: expect.stringContaining("error_rate"),
    });
    expect((run.state.phase as { atMs: number }).atMs - before).toBeLessThanOrEqual(1000);
    run.pass(60);
    expect(run.shares).toEqual([0.05, 0]);
    expect(run.command("start")).toBe("it was rolled back: retry starts it anew");
    expect(run.command("promote")).toContain("rolled back");
  });

  it("is rolled back from every phase that has traffic: paused, waiting for approval, observed", () => {
    const paused = started();
    paused.command("pause");
    paused.pass(5, { bad: 1 });
    expect(paused.phase).toBe("rolled_back");
    const gated = started(policyOf([{}], "approval"));
    gated.pass(60);
    expect(gated.shares).toEqual([0.05]);
    gated.pass(5, { bad: 1 });
    expect(gated.phase).toBe("rolled_back");
    const observed = started();
    observed.pass(31);
    expect(observed.phase).toBe("observing");
    observed.pass(5, { bad: 1 });
    expect(observed.shares.at(-1)).toBe(0);
  });

  it("retry starts from the first step with an open mind (acceptance 17)", () => {
    const run = started();
    run.pass(5, { bad: 1 });
    expect(run.command("retry")).toBeNull();
    expect(run.shares).toEqual([0.05, 0, 0.05]);
    run.pass(40);
    expect(run.phase).toBe("promoted");
  });

  it("is not blamed for what the control does too", () => {
    const run = started();
    run.pass(5, { bad: 1, badControl: 1 });
    expect(run.state.phase).toMatchObject({
      kind: "paused",
      by: "guardrail",
      reason: expect.stringContaining("not the treatment's fault"),
    });
    expect(run.shares).toEqual([0.05]);
  });

  it("three times the control's errors, while the absolute limit holds", () => {
    const run = started(policyOf([{ max: null, maxRatio: 1.5 }]));
    run.pass(120, { rate: 400, bad: 0.03, badControl: 0.01 });
    expect(run.phase).toBe("rolled_back");
    const equal = started(policyOf([{ max: null, maxRatio: 1.5 }]));
    equal.pass(9, { rate: 400, bad: 0.03, badControl: 0.03 });
    expect(equal.phase).toBe("stepping");
  });
});

describe("consequences", () => {
  it("failed dominates: of a rollback and a pause it is the rollback, whatever their order", () => {
    for (const order of [
      ["pause", "rollback"],
      ["rollback", "pause"],
    ] as const) {
      const run = started(policyOf(order.map((onBreach, at) => ({ onBreach, name: `g${at}` }))));
      run.pass(5, { bad: 1 });
      expect(run.phase).toBe("rolled_back");
    }
  });

  it("pause keeps the share and resumes with an open mind", () => {
    const run = started(policyOf([{ onBreach: "pause" }]));
    run.pass(5, { bad: 1 });
    expect(run.state.phase).toMatchObject({ kind: "paused", by: "guardrail" });
    expect(run.command("resume")).toBeNull();
    run.pass(2);
    expect(run.phase).toBe("stepping");
  });

  it("alert tells once and holds nobody up", () => {
    const run = started(policyOf([{ onBreach: "alert" }, { name: "other", max: 0.999 }]));
    run.pass(2, { bad: 1 });
    run.pass(40);
    expect(run.journal.filter((what) => what === "alert")).toHaveLength(1);
    expect(run.phase).toBe("promoted");
  });

  it("dry run has none, and is judged (acceptance 14)", () => {
    const run = started(policyOf([{ dryRun: true }]));
    run.pass(2, { bad: 1 });
    expect(run.state.verdicts[0]?.verdict).toBe("breach");
    run.pass(40);
    expect(run.phase).toBe("promoted");
  });

  it("a metric that cannot be measured is an error: never up, never down", () => {
    const run = started();
    for (let tick = 0; tick < 400; tick += 1) {
      run.nowMs += 250;
      run.feed({
        kind: "tick",
        ticks: new Map([["error_rate", null]]),
        treated: { users: 0, requests: 0 },
      });
    }
    expect(run.state.verdicts[0]?.verdict).toBe("error");
    expect(run.shares).toEqual([0.05]);
  });
});

describe("commands", () => {
  it("an operator's pause is not ended by time (acceptance 16), and its time does not count", () => {
    const run = started();
    run.pass(9);
    run.command("pause");
    run.pass(3600);
    expect(run.shares).toEqual([0.05]);
    run.command("resume");
    run.pass(0.75);
    expect(run.shares).toEqual([0.05]);
    run.pass(0.5);
    expect(run.shares).toEqual([0.05, 0.25]);
  });

  it("promote opens a gate and goes one step, promote_all goes to the end without judging (acceptance 18)", () => {
    const run = started(policyOf([{}], "approval"));
    run.pass(60);
    run.command("promote");
    expect(run.shares).toEqual([0.05, 0.25]);
    run.command("promote_all");
    expect(run.shares).toEqual([0.05, 0.25, 1]);
    expect(run.phase).toBe("promoted");
  });

  it("skip leaves a step without its hold, and says so", () => {
    const run = started(policyOf([{}], "approval"));
    expect(run.command("skip")).toBeNull();
    expect(run.shares).toEqual([0.05, 0.25]);
    expect(run.journal).toEqual(["step", "skipped", "step"]);
    run.command("skip");
    run.command("skip");
    expect(run.phase).toBe("observing");
    expect(run.command("skip")).toContain("no step is under way");
  });

  it("abort takes everybody back, from every phase", () => {
    for (const before of [[], ["pause"], ["promote_all"], ["skip", "skip", "skip"]] as const) {
      const run = started();
      for (const command of before) run.command(command);
      expect(run.command("abort")).toBeNull();
      expect(run.state).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
    }
  });

  it("each is idempotent, and says when it cannot be", () => {
    const run = started();
    expect([run.command("start"), run.command("resume")]).toEqual([null, null]);
    expect([run.command("pause"), run.command("pause")]).toEqual([null, null]);
    expect(run.command("retry")).toContain(
      "only a rollout that was rolled back can be retried, this one is paused",
    );
    expect([run.command("rollback"), run.command("rollback")]).toEqual([null, null]);
    expect(run.journal).toEqual(["step", "paused", "rolled_back"]);
    expect(run.command("pause")).toContain("nothing is under way");
    expect(new Run(policyOf()).command("resume")).toContain("not started");
  });

  it("after downtime past several holds there is one step a tick at most (acceptance 24)", () => {
    const run = started();
    run.pass(9.75);
    run.nowMs += 3_600_000;
    run.pass(0.25);
    expect(run.shares).toEqual([0.05, 0.25]);
    run.pass(0.25);
    expect(run.shares).toEqual([0.05, 0.25]);
  });
});

const name = fc.constantFrom<RolloutCommandName>(
  "start",
  "pause",
  "resume",
  "promote",
  "promote_all",
  "rollback",
  "retry",
);
const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      seconds: fc.double({ min: 0.25, max: 30, noNaN: true }),
      bad: fc.constantFrom(0, 0.02, 0.3, 1),
      badControl: fc.constantFrom(0, 0.02, 1),
      jumpMs: fc.integer({ min: -60_000, max: 600_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("command" as const), name }) },
);

describe("whatever happens", () => {
  it("the share is one of the plan, rollback works at once and holds, and the same events give the same log", () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 25 }),
        fc.constantFrom("none" as const, "approval" as const),
        (actions, gate) => {
          const play = () => {
            const run = new Run(
              policyOf([{}, { name: "soft", onBreach: "pause", max: 0.2 }], gate),
            );
            for (const each of actions) {
              if (each.kind === "command") run.command(each.name);
              else {
                // A clock may jump.
                run.nowMs = Math.max(0, run.nowMs + each.jumpMs);
                run.pass(each.seconds, each);
              }
              expect([0, 0.05, 0.25, 1]).toContain(run.state.share);
              expect(run.state.share === 0).toBe(
                run.phase === "waiting" ||
                  run.phase === "rolled_back" ||
                  (run.shares.at(-1) ?? 0) === 0,
              );
            }
            return run;
          };
          const [first, second] = [play(), play()];
          expect(second.journal).toEqual(first.journal);
          expect(second.state).toEqual(first.state);
          expect(first.command("rollback")).toBeNull();
          expect(first.state.share).toBe(0);
          first.pass(100);
          expect(first.phase).toBe("rolled_back");
          // Never stuck: it can always be tried again.
          expect(first.command("retry")).toBeNull();
          expect(first.state.share).toBe(0.05);
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });
});
