import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import { createRollouts, judgeEveryMs } from "../../../src/control/rollouts.ts";
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
  });
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { rollouts, time, kept, applied, logs, system, settle };
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

  it("without room in the store take no risk, and still take it back", async () => {
    const { rollouts, applied, system, settle, logs, time } = open();
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

  it("begin anew at 0 when their plan changes, and write that down", async () => {
    const { rollouts, kept, applied, settle, time } = open();
    rollouts.command("e", "start", "ann");
    await settle();
    const changed = valid(`${smallText}    rollout: { steps: [ { share: 10% } ] }\n`);
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
    // What was in force is taken back.
    expect(applied).toEqual([0.05, 0]);
    expect(rollouts.view()[0]?.journal.map(({ what }) => what)).toEqual(["step", "plan_changed"]);
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
