import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/base/result.ts";
import { createExperiments } from "../../../src/control/experiments.ts";
import type { Authority } from "../../../src/control/replica/sharing.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import type { Config } from "../../../src/core/config/model.ts";
import { smallText, valid } from "../../core/config/texts.ts";
import { createFakeTime } from "../../support/fake-time.ts";

const config = valid(`${smallText}    analysis: { primary: error_rate }\n`);

/** A replica's experiments; the store and the other replicas are what the test makes of them. */
function open({
  isKnown = true,
  authority = "follow",
}: { isKnown?: boolean; authority?: Authority } = {}) {
  const time = createFakeTime();
  const system = { isKnown, authority, works: true, stored: new Map<string, JsonValue>() };
  const routed: string[] = [];
  const experiments = createExperiments(config, {
    ...time,
    store: {
      append: (_entries, states) => {
        if (!system.works) return err({ code: "unreachable", message: "gone" });
        for (const { subject, state } of states) {
          if (state !== null) system.stored.set(subject, state);
        }
        return ok(1);
      },
      states: () => ok([]),
      read: () => ok([]),
    },
    sharing: {
      authority: () => system.authority,
      isKnown: () => system.isKnown,
      latest: (_scope, subject) => system.stored.get(subject),
    },
    measured: () => null,
    apply: async (experiment) => {
      routed.push(experiment);
      return ok(null);
    },
    log: () => {},
  });
  const split = (of: Config = config) => experiments.effective(of).experiments["e"];
  const phase = () => experiments.view()[0]?.state.phase.kind;
  return { experiments, system, routed, split, phase };
}

const ended = {
  phase: { kind: "ended", reason: "harmful", winner: null },
  run: 1,
  assignmentRun: 1,
  ranMs: 1000,
};

describe("experiments that replicas share", () => {
  it("give nobody a treatment before it is known whether somebody ended them", () => {
    const { experiments, system, split, phase } = open({ isKnown: false });
    expect(split()?.disabled).toBe(true);
    system.stored.set("e", ended);
    system.isKnown = true;
    experiments.adopt("e");
    expect(phase()).toBe("ended");
    expect(split()?.disabled).toBe(true);
  });

  it("run as the file says once it is known that nobody decided anything", () => {
    const { system, split } = open({ isKnown: false });
    system.isKnown = true;
    expect(split()?.disabled).toBe(false);
  });

  it("follow what another replica made of them", () => {
    const { experiments, system, routed, phase } = open();
    expect(phase()).toBe("running");
    system.stored.set("e", ended);
    experiments.adopt("e");
    expect(phase()).toBe("ended");
    expect(routed).toEqual(["e"]);
  });

  it("take orders at any replica, but none that raises the risk where it is cut off", () => {
    const { experiments, system, phase } = open();
    expect(experiments.command("e", "pause", "ann")).toBeNull();
    system.authority = "cut_off";
    expect(experiments.command("e", "resume", "ann")).toContain("cannot reach the store");
    expect(phase()).toBe("paused");
  });

  it("do what the file wants when their replica leads", () => {
    const { experiments, phase } = open({ authority: "lead" });
    experiments.command("e", "stop", "ann");
    const draft = valid(`${smallText}    analysis: { primary: error_rate }\n    state: draft\n`);
    const { experiments: follower, system, phase: followed } = open();
    follower.configure(draft);
    expect(followed()).toBe("running");
    system.authority = "lead";
    follower.lead();
    expect(followed()).toBe("ended");
    expect(phase()).toBe("ended");
  });
});
