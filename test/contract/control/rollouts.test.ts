import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import { createRollouts, judgeEveryMs } from "../../../src/control/rollouts.ts";
import type { Gates } from "../../../src/control/gates.ts";
import type { Store } from "../../../src/control/store/store.ts";
import { smallText, valid } from "../../core/config/texts.ts";
import { createFakeTime } from "../../support/fake-time.ts";

const config =
  valid(`${smallText}    rollout: { steps: [ { share: 5% }, { share: 50%, gate: approval } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);

type Kept = Parameters<Store["append"]>;

/** Rollouts over fake time; the store and the workers do what the test says. */
function open({ storeWorks = true } = {}) {
  const time = createFakeTime();
  const kept: Kept[] = [];
  const applied: number[] = [];
  const logs: string[] = [];
  const asked: Parameters<Gates["ask"]>[] = [];
  const cancelled: string[] = [];
  const system = { storeWorks, workersTake: true };
  const rollouts = createRollouts(config, {
    ...time,
    store: {
      append: (...call) => {
        if (!system.storeWorks) return err({ code: "full", message: "no room" });
        kept.push(call);
        return ok(kept.length);
      },
      states: () => ok([]),
      read: () => ok([]),
    },
    apply: async () => {
      if (!system.workersTake) return err("a worker refused");
      applied.push(rollouts.withShares(config).experiments["e"]?.rolloutShare ?? -1);
      return ok(null);
    },
    log: (_level, message) => logs.push(message),
    gates: {
      ask: (...call) => asked.push(call),
      cancel: (experiment) => cancelled.push(experiment),
    },
    queries: () => null,
  });
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { rollouts, time, kept, applied, logs, system, settle, asked, cancelled };
}

describe("rollouts", () => {
  it("write down before they act, entries and state together", async () => {
    const { rollouts, kept, applied, settle } = open();
    expect(rollouts.command("e", "start", "ann")).toBeNull();
    expect(kept).toHaveLength(1);
    expect(kept[0]?.[0]).toMatchObject([
      { actor: "ann", scope: "rollout", subject: "e", kind: "step" },
    ]);
    expect(kept[0]?.[1]).toMatchObject([
      { subject: "e", state: { share: 0.05, phase: { kind: "stepping" } } },
    ]);
    await settle();
    expect(applied).toEqual([0.05]);
  });

  it("put the share in force again when it was changed while the workers took it over", async () => {
    const waiting: (() => void)[] = [];
    const routed: number[] = [];
    const { time } = open();
    const rollouts = createRollouts(config, {
      ...time,
      store: null,
      apply: async () => {
        // What is wanted when its turn comes is what is routed.
        await new Promise<void>((resolve) => waiting.push(resolve));
        routed.push(rollouts.withShares(config).experiments["e"]?.rolloutShare ?? -1);
        await new Promise<void>((resolve) => waiting.push(resolve));
        return ok(null);
      },
      log: () => {},
      gates: { ask: () => {}, cancel: () => {} },
      queries: () => null,
    });
    const turn = async () => {
      waiting.shift()?.();
      for (let hop = 0; hop < 10; hop += 1) await Promise.resolve();
    };
    rollouts.command("e", "start", "ann");
    await turn();
    await turn();
    rollouts.command("e", "rollback", "ann");
    rollouts.command("e", "retry", "ann");
    await turn();
    rollouts.command("e", "rollback", "ann");
    while (waiting.length > 0) await turn();
    expect(routed).toEqual([0.05, 0.05, 0]);
    expect(rollouts.view()[0]?.appliedShare).toBe(0);
  });

  it("without room in the store take no risk, and still take it back", async () => {
    const { rollouts, kept, applied, system, settle, logs, time } = open();
    rollouts.command("e", "start", "ann");
    await settle();
    system.storeWorks = false;
    expect(rollouts.command("e", "promote", "ann")).toBe("the store cannot keep it: no room");
    expect(rollouts.view()[0]?.state.share).toBe(0.05);
    expect(rollouts.command("e", "rollback", "ann")).toBeNull();
    await settle();
    expect(applied).toEqual([0.05, 0]);
    time.advance(judgeEveryMs * 10);
    expect(logs.filter((message) => message === "rollout not written down")).toHaveLength(1);
    // With room again, what was not written down is, in its order and with its state.
    const before = kept.length;
    system.storeWorks = true;
    time.advance(judgeEveryMs * 3);
    expect(kept.slice(before)).toMatchObject([
      [
        [{ kind: "rolled_back", actor: "ann" }],
        [{ state: { share: 0, phase: { kind: "rolled_back" } } }],
      ],
    ]);
  });

  it("try again what the workers did not take, the newest share only", async () => {
    const { rollouts, time, applied, system, settle } = open();
    system.workersTake = false;
    rollouts.command("e", "start", "ann");
    await settle();
    expect(rollouts.view()[0]).toMatchObject({ appliedShare: 0, state: { share: 0.05 } });
    rollouts.command("e", "promote", "ann");
    await settle();
    system.workersTake = true;
    time.advance(judgeEveryMs);
    await settle();
    expect(applied).toEqual([0.5]);
    expect(rollouts.view()[0]?.appliedShare).toBe(0.5);
  });

  it("begin anew at 0 when their plan changes, and write that down (acceptance 3)", async () => {
    const { rollouts, kept, applied, settle, time } = open();
    rollouts.command("e", "start", "ann");
    await settle();
    const changed = valid(`${smallText}    rollout: { steps: [ { share: 10% } ] }\n`);
    // The workers get the new treatment with nobody in it, before the rollout knows of it (acceptance 20).
    expect(rollouts.withShares(changed).experiments["e"]?.rolloutShare).toBe(0);
    rollouts.configure(changed);
    expect(kept.at(-1)?.[0]).toMatchObject([
      {
        kind: "plan_changed",
        actor: "reload",
        facts: { former_share: 0.05, former_phase: "stepping" },
      },
    ]);
    expect(rollouts.withShares(changed).experiments["e"]?.rolloutShare).toBe(0);
    time.advance(judgeEveryMs);
    await settle();
    expect(applied).toEqual([0.05]);
    expect(rollouts.view()[0]?.journal.map(({ what }) => what)).toEqual(["step", "plan_changed"]);
  });

  it("do what the file wants when it changes its mind, and keep the plan", async () => {
    const { rollouts, settle } = open();
    const wanting = (state: string) =>
      valid(`${smallText}    rollout: { state: ${state}, steps: [ { share: 5% }, { share: 50%, gate: approval } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
    const phases: (string | undefined)[] = [];
    for (const state of ["running", "paused", "running", "rolled_back", "running", "promoted"]) {
      rollouts.configure(wanting(state));
      await settle();
      phases.push(rollouts.view()[0]?.state.phase.kind);
    }
    // A failed run needs an explicit retry.
    expect(phases).toEqual([
      "stepping",
      "paused",
      "stepping",
      "rolled_back",
      "rolled_back",
      "rolled_back",
    ]);
    expect(rollouts.view()[0]?.journal.map(({ what, actor }) => `${what} ${actor}`)).toEqual([
      "step configuration",
      "paused configuration",
      "resumed configuration",
      "rolled_back configuration",
    ]);
    rollouts.command("e", "retry", "ann");
    expect(rollouts.view()[0]?.state.phase.kind).toBe("stepping");
  });

  it("a webhook opens a step's gate, is asked with the evidence, and is left alone by a rollback", async () => {
    const { rollouts, time, asked, settle } = open();
    rollouts.configure(
      valid(`${smallText}    rollout:
      steps:
        - { share: 5%, hold: 1s, min_requests: 0, gate: { webhook: "http://127.0.0.1:1/x", headers: { authorization: secret } } }
        - { share: 50%, hold: 1s, min_requests: 0, gate: { webhook: "http://127.0.0.1:1/y" } }
`),
    );
    rollouts.command("e", "start", "ann");
    await settle();
    time.advance(2000);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.[0]).toMatchObject({
      experiment: "e",
      step: 1,
      share: 0.05,
      timeoutMs: 10_000,
    });
    asked[0]?.[2]({ kind: "closed", detail: "403: not yet" });
    expect(rollouts.view()[0]).toMatchObject({ waitsFor: "403: not yet", state: { share: 0.05 } });
    time.advance(8000);
    expect(asked).toHaveLength(1);
    time.advance(1000);
    expect(asked).toHaveLength(2);
    asked[1]?.[2]({ kind: "open", detail: "200" });
    time.advance(judgeEveryMs);
    expect(rollouts.view()[0]?.state).toMatchObject({ share: 0.5, phase: { step: 1 } });
    time.advance(2000);
    expect(asked).toHaveLength(3);
    expect(rollouts.command("e", "rollback", "ann")).toBeNull();
    asked[2]?.[2]({ kind: "open", detail: "200" });
    time.advance(5000);
    expect(rollouts.view()[0]?.state).toMatchObject({ share: 0, phase: { kind: "rolled_back" } });
    expect(rollouts.view()[0]?.journal.map(({ what }) => what)).toEqual([
      "plan_changed",
      "step",
      "gate_closed",
      "gate_opened",
      "step",
      "rolled_back",
    ]);
  });

  it("know only experiments with steps, and stop", () => {
    const { rollouts, time } = open();
    expect(rollouts.command("x", "start", "ann")).toBeUndefined();
    rollouts.configure(valid(smallText));
    expect(rollouts.view()).toEqual([]);
    rollouts.stop();
    expect(time.pending()).toBe(0);
  });
});

describe("variants that everybody had", () => {
  const plan = (control: string, treatment: string, port = 1002, observe = "5m") =>
    valid(`
upstreams:
  a: { url: "http://localhost:1001" }
  b: { url: "http://localhost:${port}" }
  c: { url: "http://localhost:1003" }
routes: [ { match: "POST /x", experiment: e } ]
experiments:
  e:
    variants:
      old: { upstream: ${control}, control: true }
      new: { upstream: ${treatment} }
    rollout: { steps: [ { share: 5% }, { share: 100% } ], restore_within: 1h, observe: ${observe} }
`);

  /** b was promoted over a, and c over b. */
  function promoteTwice() {
    const opened = open();
    const { rollouts } = opened;
    for (const [control, treatment] of [
      ["a", "b"],
      ["b", "c"],
    ] as const) {
      rollouts.configure(plan(control, treatment));
      expect(rollouts.view()[0]?.state.share).toBe(0);
      expect(rollouts.command("e", "promote_all", "ann")).toBeNull();
    }
    return opened;
  }

  it("skip the steps inside the window (acceptance 19)", () => {
    const { rollouts, kept } = promoteTwice();
    rollouts.configure(plan("c", "b"));
    expect(rollouts.view()[0]?.state).toMatchObject({ share: 0, phase: { kind: "waiting" } });
    expect(rollouts.command("e", "start", "ann")).toBeNull();
    expect(rollouts.view()[0]?.state).toMatchObject({ share: 1, phase: { kind: "observing" } });
    expect(kept.at(-1)?.[0]).toMatchObject([{ kind: "restored", actor: "ann" }]);
    // What is remembered is kept with the state.
    expect(kept.at(-1)?.[1]).toMatchObject([{ state: { proven: { length: 3 } } }]);
  });

  it("take the whole plan outside of it, or behind another address (acceptance 19)", () => {
    const moved = promoteTwice().rollouts;
    moved.configure(plan("c", "b", 1009));
    moved.command("e", "start", "ann");
    expect(moved.view()[0]?.state.share).toBe(0.05);
    const { rollouts, time } = promoteTwice();
    time.advance(3_600_001);
    rollouts.configure(plan("c", "b", 1002, "6m"));
    rollouts.command("e", "start", "ann");
    expect(rollouts.view()[0]?.state.share).toBe(0.05);
  });
});
