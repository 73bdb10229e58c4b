import { describe, expect, it } from "vitest";
import { analyseArm, decideAll, type ArmMeasure } from "../../../src/core/experiment/analysis.ts";
import type { AnalysisPolicy } from "../../../src/core/experiment/lifecycle-policy.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import {
  addToCluster,
  clusterCount,
  createClusterSums,
} from "../../../src/core/telemetry/clusters.ts";

const policy: AnalysisPolicy = {
  primary: "latency_mean",
  confidence: 0.95,
  minEffectSize: 0.05,
  power: 0.8,
};
const plan = { sampleRatioPValue: null, plannedUsers: null, arms: 1 };

/** Users with five requests each; a user's own speed makes them alike. */
function armOf(
  variant: string,
  users: number,
  meanMs: number,
  random: Uniform,
  failing = 0,
): ArmMeasure {
  const clusters = createClusterSums();
  for (let user = 0; user < users; user += 1) {
    const own = meanMs * (0.7 + 0.6 * random());
    const cluster = Math.floor(random() * clusterCount);
    for (let request = 0; request < 5; request += 1) {
      addToCluster(clusters, cluster, own * (0.8 + 0.4 * random()), random() < failing);
    }
  }
  return { variant, clusters, users, isExact: true, requests: users * 5 };
}

describe("the analysis of a running experiment", () => {
  it("slower never wins, faster does, and the same is the same", () => {
    const random = createRandom(1);
    const control = armOf("old", 4000, 200, random);
    const outcomeAt = (meanMs: number) =>
      analyseArm(control, armOf("new", 4000, meanMs, random), policy, plan).decision.outcome;
    expect(outcomeAt(150)).toBe("treatment_wins");
    expect(outcomeAt(260)).toBe("control_wins");
    expect(outcomeAt(200)).toBe("no_difference");
  });

  it("compares failures, too, and says what it compares", () => {
    const random = createRandom(2);
    const errors: AnalysisPolicy = { ...policy, primary: "error_rate" };
    const control = armOf("old", 3000, 200, random, 0.1);
    const worse = analyseArm(control, armOf("new", 3000, 200, random, 0.2), errors, plan);
    expect(worse.decision.outcome).toBe("control_wins");
    expect(worse.change).toMatchObject({ metric: "error_rate", unit: "share" });
    const fromNothing = analyseArm(
      armOf("old", 3000, 200, random),
      armOf("new", 3000, 200, random, 0.2),
      errors,
      plan,
    );
    expect(fromNothing.change).toMatchObject({ unit: "absolute" });
  });

  it("waits for users, and for the split to be the one that was planned", () => {
    const random = createRandom(3);
    const few = analyseArm(
      armOf("old", 29, 200, random),
      armOf("new", 900, 90, random),
      policy,
      plan,
    );
    expect(few.decision.outcome).toBe("keep_running");
    expect(few.change).toMatchObject({ code: "too_few" });
    const skewed = analyseArm(
      armOf("old", 900, 200, random),
      armOf("new", 900, 90, random),
      policy,
      { ...plan, sampleRatioPValue: 1e-9 },
    );
    expect(skewed.decision.outcome).toBe("invalid");
  });

  it("ends of itself as rarely as promised where nothing differs, looked at 100 times", () => {
    let wrong = 0;
    const runs = 200;
    for (let run = 0; run < runs; run += 1) {
      const random = createRandom(1000 + run);
      const arms = ["old", "new"].map((variant) => ({ variant, clusters: createClusterSums() }));
      let isWrong = false;
      for (let look = 1; look <= 100 && !isWrong; look += 1) {
        for (const { clusters } of arms) {
          for (let user = 0; user < 20; user += 1) {
            const own = -100 * Math.log(1 - random());
            const cluster = Math.floor(random() * clusterCount);
            for (let request = 0; request < 3; request += 1)
              addToCluster(clusters, cluster, own, false);
          }
        }
        const users = 20 * look;
        const [old, fresh] = arms.map((arm) =>
          Object.assign({}, arm, { users, isExact: true, requests: 3 * users }),
        );
        if (old === undefined || fresh === undefined) throw new Error("two arms");
        const { outcome } = analyseArm(old, fresh, { ...policy, minEffectSize: 0 }, plan).decision;
        isWrong = outcome === "treatment_wins" || outcome === "control_wins";
      }
      if (isWrong) wrong += 1;
    }
    expect(wrong / runs).toBeLessThanOrEqual(0.08);
  });
});

describe("several treatments", () => {
  const random = createRandom(4);
  const control = armOf("old", 4000, 200, random);
  const against = (variant: string, meanMs: number) =>
    analyseArm(control, armOf(variant, 4000, meanMs, random), policy, { ...plan, arms: 2 });

  it("the best of those that won is the winner", () => {
    const analyses = [against("a", 150), against("b", 120)];
    expect(decideAll("old", analyses)).toMatchObject({ outcome: "treatment_wins", winner: "b" });
    expect(decideAll("old", [against("a", 260), against("b", 150)])).toMatchObject({ winner: "b" });
  });

  it("the control wins when all are worse; one that is open keeps all running", () => {
    expect(decideAll("old", [against("a", 260), against("b", 270)])).toMatchObject({
      outcome: "control_wins",
      winner: "old",
    });
    const open = analyseArm(control, armOf("c", 40, 200, random), policy, { ...plan, arms: 2 });
    expect(decideAll("old", [against("a", 260), open]).outcome).toBe("keep_running");
    expect(decideAll("old", [])).toMatchObject({ outcome: "keep_running", winner: null });
  });
});
