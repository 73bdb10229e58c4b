import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { effectiveExperiment } from "../../../src/core/experiment/effective.ts";
import type { LifecyclePolicy } from "../../../src/core/experiment/lifecycle-policy.ts";
import { restoreExperiment, saveExperiment } from "../../../src/core/experiment/saved.ts";
import type {
  ExperimentCommandName,
  ExperimentFacts,
  ExperimentState,
} from "../../../src/core/experiment/state.ts";
import { createExperiment, ranMs, stepExperiment } from "../../../src/core/experiment/step.ts";
import { smallText, valid } from "../config/texts.ts";

const policy: LifecyclePolicy = {
  initial: "running",
  analysis: null,
  ends: { afterMs: 60_000, users: 500, requests: 9000, onDecision: true },
  onEnd: "control",
  autoRollout: null,
};
const calm: ExperimentFacts = { users: 10, requests: 100, decision: null };
const decided = (outcome: "treatment_wins" | "keep_running" | "no_difference") => ({
  outcome,
  winner: outcome === "treatment_wins" ? "new" : null,
  reason: "measured",
});

/** An experiment on a clock of its own. */
class Life {
  state: ExperimentState;
  nowMs = 0;
  readonly told: string[] = [];

  constructor(initial: LifecyclePolicy["initial"] = "running") {
    this.state = createExperiment({ ...policy, initial }, 0);
  }

  command(name: ExperimentCommandName, keepUsers = false): string | null {
    return this.#feed({ kind: "command", name, actor: "ann", keepUsers });
  }

  look(facts: Partial<ExperimentFacts> = {}): string {
    this.#feed({ kind: "look", facts: { ...calm, ...facts } });
    return this.state.phase.kind;
  }

  #feed(event: Parameters<typeof stepExperiment>[2]): string | null {
    const { next, journal, refused } = stepExperiment(policy, this.state, event, this.nowMs);
    this.state = next;
    this.told.push(...journal.map(({ what }) => what));
    return refused;
  }
}

describe("an A/B experiment", () => {
  it("goes from draft to archive, each step written down", () => {
    const life = new Life("draft");
    for (const name of ["start", "pause", "resume", "stop", "archive"] as const) {
      expect(life.command(name)).toBeNull();
      // Sent twice it changes nothing.
      expect(life.command(name)).toBeNull();
    }
    expect(life.told).toEqual(["started", "paused", "resumed", "ended", "archived"]);
  });

  it("says why a command cannot be carried out", () => {
    const draft = new Life("draft");
    expect(draft.command("pause")).toBe("it is draft, not running");
    expect(draft.command("stop")).toBe("it was not started");
    const running = new Life();
    expect(running.command("archive")).toBe("it is running: stop it first");
    running.command("pause");
    expect(running.command("start")).toContain("resume continues");
    running.command("stop");
    running.command("archive");
    expect(running.command("start")).toContain("another key");
    expect(running.command("resume")).toBe("it is archived, not paused");
  });

  it.each<[string, Partial<ExperimentFacts>, string]>([
    ["enough users", { users: 500 }, "500 users in every arm"],
    ["enough requests", { requests: 9000 }, "9000 requests in every arm"],
    ["a decision", { decision: decided("no_difference") }, "decided: measured"],
  ])("ends with %s", (_, facts, reason) => {
    const life = new Life();
    expect(life.look({ decision: decided("keep_running") })).toBe("running");
    expect(life.look(facts)).toBe("ended");
    expect(life.state.phase).toMatchObject({ reason, winner: null });
  });

  it("ends when its time is over, pauses and restarts of the process left out", () => {
    const life = new Life();
    life.nowMs = 50_000;
    life.command("pause");
    life.nowMs = 500_000;
    expect(life.look()).toBe("paused");
    life.command("resume");
    const kept = restoreExperiment(
      JSON.parse(JSON.stringify(saveExperiment(life.state, 505_000))),
      7,
    );
    if (kept === null) throw new Error("not kept");
    expect(ranMs(kept, 7)).toBe(55_000);
    life.state = kept;
    life.nowMs = 7 + 4_999;
    expect(life.look()).toBe("running");
    life.nowMs = 7 + 5_000;
    expect(life.look()).toBe("ended");
  });

  it("remembers who won", () => {
    const life = new Life();
    life.look({ decision: decided("treatment_wins") });
    expect(life.state.phase).toMatchObject({ kind: "ended", winner: "new" });
  });

  it("is never lost, whatever comes", () => {
    const commands = fc.constantFrom<ExperimentCommandName>(
      "start",
      "pause",
      "resume",
      "stop",
      "archive",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(commands, fc.nat(30_000))), (events) => {
        const life = new Life("draft");
        for (const [name, afterMs] of events) {
          life.nowMs += afterMs;
          const before = life.state;
          const refused = life.command(name);
          if (refused !== null) expect(life.state).toBe(before);
          expect(life.state.run - before.run).toBe(life.state.run > before.run ? 1 : 0);
          expect(ranMs(life.state, life.nowMs)).toBeLessThanOrEqual(life.nowMs);
          life.look();
          const kept = saveExperiment(life.state, life.nowMs);
          expect(restoreExperiment(kept, life.nowMs)?.phase.kind).toBe(life.state.phase.kind);
        }
        // From anywhere but the archive it can be brought to an end.
        if (life.state.phase.kind === "draft") life.command("start");
        life.command("stop");
        expect(["ended", "archived"]).toContain(life.state.phase.kind);
      }),
    );
  });
});

describe("what is routed", () => {
  const experimentOf = (rest = "") => {
    const experiment = valid(`${smallText}${rest}`).experiments["e"];
    if (experiment === undefined) throw new Error("no experiment");
    return experiment;
  };
  const stateOf = (phase: ExperimentState["phase"], assignmentRun = 1): ExperimentState => {
    return { phase, run: assignmentRun, assignmentRun, ranMs: 0 };
  };
  const running = { kind: "running", sinceMs: 0 } as const;
  const ended = { kind: "ended", reason: "x", winner: "new" } as const;

  it("a running experiment is routed as it is written; other phases give everybody the control", () => {
    const experiment = experimentOf();
    expect(effectiveExperiment(experiment, stateOf(running))).toBe(experiment);
    for (const kind of ["draft", "paused"] as const) {
      expect(effectiveExperiment(experiment, stateOf({ kind })).disabled).toBe(true);
    }
    expect(effectiveExperiment(experiment, stateOf(ended)).disabled).toBe(true);
  });

  it("a later run draws its users anew, unless it was told to keep them", () => {
    const experiment = experimentOf();
    expect(effectiveExperiment(experiment, stateOf(running, 1)).assignment.seed).toBe("e");
    expect(effectiveExperiment(experiment, stateOf(running, 2)).assignment.seed).toBe("e#2");
    const life = new Life("draft");
    life.command("start");
    life.command("stop");
    life.command("start", true);
    expect(life.state).toMatchObject({ run: 2, assignmentRun: 1 });
    life.command("stop");
    life.command("start");
    expect(life.state).toMatchObject({ run: 3, assignmentRun: 3 });
  });

  it("a winner gets everybody when the file says so, or climbs step by step", () => {
    const all = experimentOf("    analysis: { primary: latency_mean }\n    on_end: winner\n");
    const shares = (experiment: typeof all) =>
      Object.fromEntries(experiment.variants.map(({ key, weight }) => [key, weight]));
    expect(shares(effectiveExperiment(all, stateOf(ended)))).toEqual({ control: 0, new: 1 });
    const gone = { ...ended, winner: "removed" };
    expect(effectiveExperiment(all, stateOf(gone)).disabled).toBe(true);
    const climbing = experimentOf(
      "    analysis: { primary: latency_mean }\n    auto_rollout: { steps: [ { share: 60% }, { share: 100% } ] }\n    guardrails: [ { metric: error_rate, max: 5% } ]\n",
    );
    expect(effectiveExperiment(climbing, stateOf(ended))).toMatchObject({
      rolloutShare: 0,
      rollout: { desired: "running", steps: [{ share: 0.6 }, { share: 1 }] },
    });
    const lost = { ...ended, winner: "control" };
    expect(effectiveExperiment(climbing, stateOf(lost))).toMatchObject({
      rollout: null,
      disabled: true,
    });
  });
});
