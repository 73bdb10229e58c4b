import { describe, expect, it } from "vitest";
import { assign } from "../../src/core/assignment/assign.ts";
import { compileExperiment } from "../../src/core/assignment/compile.ts";
import type { ExperimentPolicy } from "../../src/core/experiment/policy.ts";
import type { GuardrailTick } from "../../src/core/rollout/guardrail.ts";
import type { RolloutPolicy } from "../../src/core/rollout/policy.ts";
import { forgetProven, isProven, noteProven } from "../../src/core/rollout/proven.ts";
import { restoreRollout, saveRollout } from "../../src/core/rollout/saved.ts";
import type {
  RolloutCommandName,
  RolloutEvent,
  RolloutState,
} from "../../src/core/rollout/state.ts";
import { createRollout, step } from "../../src/core/rollout/step.ts";
import { smallText, valid } from "../core/config/texts.ts";
import { countsTick, rolloutOf } from "../support/guardrails.ts";

// The cases of reference/canary.md §5 that no other test is named after. The others carry "(acceptance N)" in their
// names: 1, 2, 14, 16, 17, 18, 22, 23 in core/rollout/step, 3 and 20 in contract/control/rollouts, 9, 10, 11 and 24 in
// core/rollout/guardrail/window, 12 and 13 in contract/prometheus.

/** A rollout on a clock of its own. */
class Canary {
  state: RolloutState;
  nowMs = 0;
  readonly shares: number[] = [];
  readonly splits: { share: number; shadow: number }[] = [];
  readonly policy: RolloutPolicy;
  requests = 0;

  constructor(policy: RolloutPolicy, state = createRollout(policy)) {
    this.policy = policy;
    this.state = state;
  }

  feed(event: RolloutEvent): void {
    const { next, commands } = step(this.policy, this.state, event, this.nowMs);
    for (const command of commands) {
      if (command.kind !== "set_share") continue;
      this.shares.push(command.share);
      this.splits.push({ share: command.share, shadow: command.shadow });
      this.requests = 0;
    }
    this.state = next;
  }

  command(name: RolloutCommandName): this {
    this.feed({ kind: "command", name, actor: "ann" });
    return this;
  }

  /** Seconds with ten requests a tick in both arms. */
  pass(
    seconds: number,
    tick: (count: number) => GuardrailTick = (count) => countsTick(count),
  ): this {
    for (let at = 0; at < seconds * 4; at += 1) {
      this.nowMs += 250;
      this.requests += 10;
      this.feed({
        kind: "tick",
        ticks: new Map(this.policy.guardrails.map(({ name }) => [name, tick(10)])),
        treated: { users: 10, requests: this.requests },
      });
    }
    return this;
  }
}

const started = (policy = rolloutOf()) => new Canary(policy).command("start");

describe("acceptance", () => {
  it("4: the control dies while the treatment is promoted: the treatment keeps its share, and says so", () => {
    const canary = started().command("promote_all");
    canary.pass(5, (count) => countsTick(count, 0, { badControl: count, share: 1 }));
    expect(canary.state).toMatchObject({ share: 1, phase: { kind: "promoted" } });
    // Before the promotion, too, a control that fails is no reason to send everybody to it.
    const climbing = started().pass(5, (count) => countsTick(count, 0, { badControl: count }));
    expect(climbing.state.phase.kind).toBe("stepping");
  });

  it("5: a plan that mirrors first has nobody answered by the treatment, then a tenth, unmirrored", () => {
    const [plain] = rolloutOf().steps;
    const policy: RolloutPolicy = {
      ...rolloutOf(),
      steps: [
        Object.assign({}, plain, { share: 0, shadow: 1 }),
        Object.assign({}, plain, { share: 0.1 }),
      ],
    };
    const canary = started(policy);
    expect(canary.splits).toEqual([{ share: 0, shadow: 1 }]);
    // What its copies turn into counts as if they were answers.
    expect(
      new Canary(policy, canary.state).pass(2, (count) => countsTick(count, count)).state,
    ).toMatchObject({ phase: { kind: "rolled_back" }, share: 0, shadow: 0 });
    canary.pass(11);
    expect(canary.splits).toEqual([
      { share: 0, shadow: 1 },
      { share: 0.1, shadow: 0 },
    ]);
  });

  it("6: a promotion may go in steps of its own, each of them held", () => {
    const policy: RolloutPolicy = {
      ...rolloutOf(),
      steps: [0.1, 0.5, 0.75, 1].map((share) => Object.assign({}, rolloutOf().steps[0], { share })),
    };
    expect(started(policy).pass(60).shares).toEqual([0.1, 0.5, 0.75, 1]);
  });

  it("7: what failed stays failed while the file stays as it was, and a retry promotes", () => {
    const canary = started().pass(5, (count) => countsTick(count, count));
    expect(canary.state.phase.kind).toBe("rolled_back");
    canary.pass(3600).command("start").command("resume").command("promote").command("promote_all");
    expect(canary.state).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
    expect(canary.command("retry").pass(60).state.phase.kind).toBe("promoted");
  });

  it("13: one guardrail that fails ends the whole run, whatever the others are still measuring", () => {
    const policy = rolloutOf([{ name: "a" }, { name: "b" }]);
    const canary = started(policy);
    canary.nowMs += 250;
    canary.feed({
      kind: "tick",
      ticks: new Map<string, GuardrailTick | null>([
        ["a", countsTick(40, 40)],
        ["b", null],
      ]),
      treated: { users: 1, requests: 40 },
    });
    expect(canary.state.phase.kind).toBe("rolled_back");
    expect(canary.state.verdicts.map(({ verdict }) => verdict)).toEqual(["breach", "error"]);
  });

  it("15: a restart in the middle resumes the step with the time it had, and a second start adopts the run", () => {
    const experiment = valid(
      `${smallText}    rollout: { steps: [ { share: 5%, hold: 10s, min_requests: 0 }, { share: 50% } ] }\n`,
    ).experiments["e"] as ExperimentPolicy;
    const policy = experiment.rollout as RolloutPolicy;
    const before = started(policy).pass(6);
    const kept = JSON.stringify(saveRollout(experiment, before.state, [], before.nowMs));
    const restored = restoreRollout(experiment, policy, JSON.parse(kept), 0);
    if (restored === null) throw new Error("not restored");
    const after = new Canary(policy, restored).command("start");
    expect(after.shares).toEqual([]);
    expect(after.pass(3.75).shares).toEqual([]);
    expect(after.pass(0.5).shares).toEqual([0.5]);
  });

  it("19: a treatment that everybody had within the window skips the steps, and is still watched", () => {
    const policy: RolloutPolicy = { ...rolloutOf(), restoreWithinMs: 3_600_000 };
    const proven = noteProven([], "blue", 1000);
    const known = (nowMs: number) => isProven(proven, "blue", policy.restoreWithinMs, nowMs);
    const start = (isKnown: boolean) => {
      const canary = new Canary(policy);
      canary.feed({ kind: "command", name: "start", actor: "ann", isProven: isKnown });
      return canary;
    };
    const inside = start(known(3_601_000));
    expect(inside.splits).toEqual([{ share: 1, shadow: 0 }]);
    expect(inside.state.phase.kind).toBe("observing");
    expect(
      new Canary(policy, inside.state).pass(2, (count) => countsTick(count, count, { share: 1 }))
        .state.share,
    ).toBe(0);
    const outside = start(known(3_601_001));
    expect(outside.splits).toEqual([{ share: 0.05, shadow: 0 }]);
    // What was rolled back, or was never there, or is of a clock that went back, proves nothing.
    expect(isProven(forgetProven(proven, "blue"), "blue", 1e9, 2000)).toBe(false);
    expect(isProven(proven, "green", 1e9, 2000)).toBe(false);
    expect(known(999)).toBe(false);
  });

  it("21: no data is no verdict, whatever its weight, and identical data pass", () => {
    const nothing = started().pass(600, () => countsTick(0));
    expect(nothing.state.verdicts[0]).toMatchObject({ verdict: "wait", value: null });
    expect(nothing.shares).toEqual([0.05]);
    const relative = started(rolloutOf([{ max: null, maxRatio: 1.5 }]));
    // Both arms fail alike, one in ten.
    relative.pass(60, (count) => countsTick(count, 1, { badControl: 1 }));
    expect(relative.state.phase.kind).toBe("promoted");
  });

  it("8, 25: a step up only adds users to the treatment, a step down only takes the last away, and nobody else moves", () => {
    const at = (share: number) => {
      const { experiments } = valid(`${smallText}    rollout: { share: ${share * 100}% }\n`);
      return compileExperiment(experiments["e"] as ExperimentPolicy);
    };
    const users = Array.from({ length: 5000 }, (_, user) => `user-${user}`);
    const treatedAt = (share: number) => {
      const compiled = at(share);
      const treated = users.filter((user) => isTreated(compiled, user));
      // The same answer every time it is asked.
      expect(users.filter((user) => isTreated(compiled, user))).toEqual(treated);
      return new Set(treated);
    };
    let before = new Set<string>();
    for (const share of [0.01, 0.05, 0.25, 0.5, 1]) {
      const now = treatedAt(share);
      for (const user of before) expect(now.has(user)).toBe(true);
      expect(now.size / users.length).toBeCloseTo(share, 1);
      before = now;
    }
    expect(treatedAt(0).size).toBe(0);
  });
});

function isTreated(experiment: ReturnType<typeof compileExperiment>, user: string): boolean {
  const head = { method: "POST", target: "/x", headers: [] };
  const { variant } = assign(experiment, { head, user, trusted: false }, 0.5);
  return experiment.policy.variants[variant]?.key === "new";
}
