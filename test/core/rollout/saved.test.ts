import { describe, expect, it } from "vitest";
import { planOf, restoreRollout, saveRollout } from "../../../src/core/rollout/saved.ts";
import type { Phase } from "../../../src/core/rollout/state.ts";
import { createRollout } from "../../../src/core/rollout/step.ts";
import type { RolloutPolicy } from "../../../src/core/rollout/policy.ts";
import { smallText, valid } from "../config/texts.ts";

const experiment = valid(`${smallText}    rollout: { steps: [ { share: 5% }, { share: 50% } ] }\n`)
  .experiments["e"];
if (experiment === undefined) throw new Error("no experiment");
const policy = experiment.rollout as RolloutPolicy;

const stepping: Phase = { kind: "stepping", step: 1, sinceMs: 4_000, approved: true, asked: null };
const observing: Phase = { kind: "observing", sinceMs: 9_000 };

describe("a rollout that was kept", () => {
  it.each<[Phase, Phase]>([
    [{ kind: "waiting" }, { kind: "waiting" }],
    [stepping, { ...stepping, sinceMs: 94_000 }],
    [observing, { ...observing, sinceMs: 99_000 }],
    [
      { kind: "paused", before: stepping, by: "guardrail", reason: "x", sinceMs: 7_000 },
      {
        kind: "paused",
        before: { ...stepping, sinceMs: 94_000 },
        by: "guardrail",
        reason: "x",
        sinceMs: 97_000,
      },
    ],
    [
      { kind: "promoted", atMs: 1 },
      { kind: "promoted", atMs: 100_000 },
    ],
    [
      { kind: "rolled_back", atMs: 1, reason: "bad" },
      { kind: "rolled_back", atMs: 100_000, reason: "bad" },
    ],
  ])("%j comes back with the time it had, on the new clock", (phase, expected) => {
    const state = { ...createRollout(policy), phase, share: 0.5, alerted: ["a"] };
    const text = JSON.stringify(saveRollout(experiment, state, [], 10_000));
    const restored = restoreRollout(experiment, policy, JSON.parse(text), 100_000);
    expect(restored).toMatchObject({ phase: expected, share: 0.5, alerted: ["a"], verdicts: [] });
  });

  it("tells plans apart without telling what is in them, and knows what earlier versions kept", () => {
    const [old, fresh] = experiment.variants;
    const headers = { set: [["authorization", "Bearer s3cret"]], remove: [] };
    const secret = { ...experiment, variants: [old, { ...fresh, headers }] } as never;
    const kept = saveRollout(secret, createRollout(policy), [], 0);
    expect(JSON.stringify(kept)).not.toContain("s3cret");
    expect(restoreRollout(secret, policy, kept, 0)).not.toBeNull();
    expect(restoreRollout(experiment, policy, kept, 0)).toBeNull();
    const earlier = { ...(kept as object), plan: planOf(secret) };
    expect(restoreRollout(secret, policy, earlier, 0)).not.toBeNull();
  });

  it("is not of another plan, nor of what nobody wrote", () => {
    const kept = saveRollout(experiment, createRollout(policy), [], 0);
    const other = { ...experiment, disabled: true };
    expect(restoreRollout(other, policy, kept, 0)).toBeNull();
    for (const junk of [
      null,
      1,
      "x",
      [],
      {},
      { ...(kept as object), share: 2 },
      { ...(kept as object), phase: { kind: "flying" } },
    ]) {
      expect(restoreRollout(experiment, policy, junk, 0)).toBeNull();
    }
  });
});
