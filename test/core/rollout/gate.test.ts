import { describe, expect, it } from "vitest";
import type { RolloutEvent, RolloutState } from "../../../src/core/rollout/state.ts";
import { createRollout, step } from "../../../src/core/rollout/step.ts";
import { describeWait } from "../../../src/core/rollout/wait.ts";
import { countsTick, rolloutOf } from "../../support/guardrails.ts";

const gate = { url: "https://ci.example/gate", headers: {}, timeoutMs: 1000 };
const policy = rolloutOf([{}], { gate });

/** A rollout whose first step has its evidence and asks its gate. */
function atGate(): { state: RolloutState; nowMs: number; asked: number } {
  let state = createRollout(policy);
  let asked = 0;
  let nowMs = 0;
  const feed = (event: RolloutEvent) => {
    const { next, commands } = step(policy, state, event, nowMs);
    asked += commands.filter(({ kind }) => kind === "ask_gate").length;
    state = next;
  };
  feed({ kind: "command", name: "start", actor: "ann" });
  for (; nowMs < 11_000; nowMs += 250) feed(healthy(20));
  return { state, nowMs, asked };
}

const healthy = (count: number, bad = 0): RolloutEvent => ({
  kind: "tick",
  ticks: new Map([["error_rate", countsTick(count, bad)]]),
  treated: { users: 1, requests: 1e6 },
});
const said = (isOpen: boolean, at = 0): RolloutEvent => {
  return { kind: "gate", step: at, isOpen, answer: isOpen ? "200" : "403" };
};

describe("a webhook's gate", () => {
  it("is asked once the step has its time and its evidence, and again every 10 s", () => {
    const { state, nowMs, asked } = atGate();
    expect(asked).toBe(1);
    expect(describeWait(policy, state, nowMs)).toBe("its webhook is being asked");
    const closed = step(policy, state, said(false), nowMs);
    expect(closed.commands).toMatchObject([{ kind: "journal", what: "gate_closed" }]);
    expect(describeWait(policy, closed.next, nowMs)).toBe("403");
    expect(step(policy, closed.next, said(false), nowMs).commands).toEqual([]);
    expect(step(policy, closed.next, healthy(20), nowMs + 5_000).commands).toEqual([]);
    expect(step(policy, closed.next, healthy(20), nowMs + 10_000).commands).toMatchObject([
      { kind: "ask_gate", step: 0, share: 0.05, gate },
    ]);
  });

  it("lets the step pass with its yes, at the next tick", () => {
    const { state, nowMs } = atGate();
    const open = step(policy, state, said(true), nowMs);
    expect(open.commands).toMatchObject([{ what: "gate_opened", actor: "webhook" }]);
    expect(step(policy, open.next, healthy(20), nowMs).next).toMatchObject({
      share: 0.25,
      phase: { kind: "stepping", step: 1, approved: false, asked: null },
    });
  });

  it("never blocks a rollback, neither waiting nor open", () => {
    for (const answer of [null, said(false), said(true)]) {
      const { state, nowMs } = atGate();
      const before = answer === null ? state : step(policy, state, answer, nowMs).next;
      const after = step(policy, before, healthy(40, 40), nowMs + 250);
      expect(after.next).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
    }
  });

  it("does not matter any more once the step is over", () => {
    const { state, nowMs } = atGate();
    const passed = step(policy, state, { kind: "command", name: "promote", actor: "ann" }, nowMs);
    expect(step(policy, passed.next, said(true), nowMs)).toMatchObject({
      next: passed.next,
      commands: [],
    });
    const back = step(policy, state, { kind: "command", name: "abort", actor: "ann" }, nowMs);
    expect(step(policy, back.next, said(true), nowMs).next).toBe(back.next);
  });
});
