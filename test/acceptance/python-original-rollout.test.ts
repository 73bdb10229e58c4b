import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config/parse.ts";
import type { GuardrailTick } from "../../src/core/rollout/guardrail.ts";
import type { RolloutPolicy } from "../../src/core/rollout/policy.ts";
import type { RolloutCommandName, RolloutEvent } from "../../src/core/rollout/state.ts";
import { createRollout, step } from "../../src/core/rollout/step.ts";
import { configOf } from "../support/plane.ts";

// Defects of the Python original's canary and of its monitoring, on the decisions alone; python-original-live has the rest.

/** The original's plan: 5 % and 10 points more every 5 minutes, at most 5 % errors. */
const shares = [5, 15, 25, 35, 45, 55, 65, 75, 85, 95, 100];

const text = (guardrails: string, more = "") => `
upstreams: { old: { url: "http://127.0.0.1:1" }, new: { url: "http://127.0.0.1:2" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: old, control: true }, new: { upstream: new } }
    rollout:
      steps: [ ${shares.map((share) => `{ share: ${share}%, hold: 5m, min_requests: 100 }`).join(", ")} ]
      observe: 5m
      ${more}
    guardrails: [ ${guardrails} ]
`;

const errorRate = "{ metric: error_rate, max: 5% }";

function policyOf(guardrails: string): RolloutPolicy {
  const policy = configOf(text(guardrails)).experiments["e"]?.rollout;
  if (policy === undefined || policy === null) throw new Error("no rollout");
  return policy;
}

type Badness = { readonly bad?: number; readonly badControl?: number };

/** A started rollout under 100 requests a second of both arms together, judged every 250 ms. */
function start(guardrails = errorRate) {
  const policy = policyOf(guardrails);
  let state = createRollout(policy);
  let nowMs = 0;
  let requests = 0;
  const shown: number[] = [];
  const journal: string[] = [];
  /** All requests since the start, of both arms, and the bad ones among them. */
  const pooled = { bad: 0, count: 0 };

  function feed(event: RolloutEvent): string | null {
    const { next, commands, refused } = step(policy, state, event, nowMs);
    state = next;
    for (const command of commands) {
      if (command.kind === "set_share") {
        shown.push(command.share);
        requests = 0;
      } else if (command.kind === "journal") journal.push(command.what);
    }
    return refused;
  }

  /** Whole requests, however small the share: parts of one are carried on. */
  let [partTreatment, partBad, partControl] = [0, 0, 0];
  function tick({ bad = 0, badControl = 0 }: Badness): void {
    nowMs += 250;
    partTreatment += 25 * state.share;
    const count = Math.floor(partTreatment + 1e-9);
    partTreatment -= count;
    partBad += count * bad;
    const badNow = Math.floor(partBad + 1e-9);
    partBad -= badNow;
    const control = 25 - count;
    partControl += control * badControl;
    const badOfControl = Math.floor(partControl + 1e-9);
    partControl -= badOfControl;
    pooled.bad += badNow + badOfControl;
    pooled.count += 25;
    requests += count;
    const one: GuardrailTick = {
      kind: "counts",
      treatment: { bad: badNow, count },
      control: { bad: badOfControl, count: control },
      firstErrors: null,
      share: state.share,
    };
    feed({
      kind: "tick",
      ticks: new Map(policy.guardrails.map(({ name }) => [name, one])),
      treated: { users: requests, requests },
    });
  }

  const command = (name: RolloutCommandName) => feed({ kind: "command", name, actor: "ann" });
  command("start");
  return {
    shares: shown,
    journal,
    pooled,
    command,
    pass(seconds: number, badness: Badness = {}) {
      for (let at = 0; at < seconds * 4; at += 1) tick(badness);
    },
    /** Seconds until it is decided, at most `seconds`. */
    passUntilDecided(seconds: number, badness: Badness = {}): number {
      const beganMs = nowMs;
      while (nowMs - beganMs < seconds * 1000) {
        tick(badness);
        if (state.phase.kind === "rolled_back" || state.phase.kind === "promoted") break;
      }
      return (nowMs - beganMs) / 1000;
    },
    phase: () => state.phase.kind,
    verdicts: () => state.verdicts,
  };
}

describe("a canary is judged by itself", () => {
  it("a treatment that is 100 % broken at 5 % share is rolled back although the pooled error rate is under the limit", () => {
    const run = start();
    // Some minutes of health first, as when the deployment comes later.
    run.pass(120);
    const seconds = run.passUntilDecided(60, { bad: 1 });
    expect(run.phase()).toBe("rolled_back");
    expect(seconds).toBeLessThanOrEqual(3);
    expect(run.shares).toEqual([0.05, 0]);
    expect(run.pooled.bad / run.pooled.count).toBeLessThan(0.05);
  });

  it("and from the very first request on, where the pooled rate is the share at most", () => {
    const run = start();
    expect(run.passUntilDecided(60, { bad: 1 })).toBeLessThanOrEqual(3);
    expect(run.phase()).toBe("rolled_back");
    expect(run.pooled.bad / run.pooled.count).toBeLessThanOrEqual(0.05);
  });

  it("a treatment that is 40 % broken never gets beyond the first share (the original promoted it to 100 %)", () => {
    const run = start();
    run.pass(3600, { bad: 0.4 });
    expect(run.phase()).toBe("rolled_back");
    expect(run.shares).toEqual([0.05, 0]);
  });

  it("checks that were good before do not excuse what is bad now: no mean of the last five", () => {
    const run = start();
    run.pass(5 * 300 + 60);
    expect(run.shares.at(-1)).toBeCloseTo(0.55, 10);
    expect(run.passUntilDecided(60, { bad: 0.4 })).toBeLessThanOrEqual(3);
    expect(run.phase()).toBe("rolled_back");
  });

  it("a broken control does not roll the treatment back, and does not hide in it", () => {
    const run = start("{ metric: error_rate, relative_to: control, max_ratio: 2 }");
    run.pass(600, { bad: 0.01, badControl: 0.5 });
    expect(run.phase()).toBe("stepping");
  });
});

describe("after a rollback", () => {
  it("nothing promotes, however well the treatment is afterwards", () => {
    const run = start();
    run.pass(60, { bad: 0.4 });
    expect(run.phase()).toBe("rolled_back");
    run.pass(4 * 3600);
    expect(run.phase()).toBe("rolled_back");
    expect(run.shares).toEqual([0.05, 0]);
    expect(run.journal).toEqual(["step", "rolled_back"]);
  });

  it.each(["start", "resume", "promote", "promote_all", "skip"] as const)(
    "%s is refused: there is no final stage that runs anyway",
    (name) => {
      const run = start();
      run.pass(60, { bad: 0.4 });
      expect(run.command(name)).not.toBeNull();
      expect(run.shares).toEqual([0.05, 0]);
    },
  );

  it("only a person's retry starts it again, from the first share", () => {
    const run = start();
    run.pass(60, { bad: 0.4 });
    expect(run.command("retry")).toBeNull();
    expect(run.shares).toEqual([0.05, 0, 0.05]);
  });
});

describe("every setting has its effect", () => {
  it("the least success rate rolls back, also for answers that are no server's error", () => {
    const { metric, max } = policyOf("{ metric: success_rate, min: 90% }").guardrails[0] ?? {};
    expect(metric).toMatchObject({ bad: expect.arrayContaining(["client_error"]) });
    expect(max).toBeCloseTo(0.1, 10);
    const run = start("{ metric: success_rate, min: 90% }");
    run.pass(60, { bad: 0.3 });
    expect(run.phase()).toBe("rolled_back");
  });

  it("the least sample is used: without requests enough no step is left, and without any none ever", () => {
    const policy = policyOf(errorRate);
    let state = createRollout(policy);
    state = step(policy, state, { kind: "command", name: "start", actor: "ann" }, 0).next;
    let requests = 0;
    const look = (count: number, atDay: number) => {
      requests += count;
      const arm = { bad: 0, count };
      const tick: GuardrailTick = {
        kind: "counts",
        treatment: arm,
        control: arm,
        firstErrors: null,
        share: state.share,
      };
      const ticks = new Map([["error_rate", tick]]);
      const treated = { users: requests, requests };
      state = step(policy, state, { kind: "tick", ticks, treated }, atDay * 86_400_000).next;
      return [state.share, state.verdicts[0]?.reason];
    };
    expect(look(0, 1)).toEqual([0.05, "no requests yet"]);
    expect(look(99, 2)).toEqual([0.05, "99 of at least 100 requests"]);
    expect(look(1, 3)[0]).toBe(0.15);
  });

  it("a healthy treatment climbs the whole plan in order, each share for its whole time", () => {
    const run = start();
    const seconds = run.passUntilDecided(20 * 300, { bad: 0.001, badControl: 0.001 });
    expect(run.phase()).toBe("promoted");
    expect(run.shares).toEqual(shares.map((share) => share / 100));
    // Eleven holds and the observation.
    expect(seconds).toBeGreaterThanOrEqual(12 * 300);
  });

  it.each(["stability_threshold: 0.9", "rollout_threshold: 0.95", "error_threshold: 0.05"])(
    "a setting that nothing reads is refused, not ignored: %s",
    (field) => {
      const read = parseConfig(text(errorRate, field), {
        env: {},
        cores: 1,
        files: () => ({ ok: false, error: "none" }),
      });
      const [name] = field.split(":");
      expect(read.ok ? null : read.error).toMatchObject([
        { path: `experiments.e.rollout.${name}`, line: expect.any(Number) },
      ]);
    },
  );
});

describe("alerts and percentiles", () => {
  it("one breach is told once, not with every look", () => {
    const run = start("{ metric: error_rate, max: 5%, on_breach: alert }");
    run.pass(600, { bad: 1 });
    expect(run.journal.filter((what) => what === "alert")).toHaveLength(1);
    expect(run.verdicts()[0]?.verdict).toBe("breach");
  });

  it("p95 is of many requests, not of one: a single slow one alarms nobody, one in five does", () => {
    const guardrail = "{ metric: latency_p95, max: 5s }";
    for (const secondsBefore of [0, 60]) {
      const single = start(guardrail);
      single.pass(secondsBefore);
      single.pass(0.25, { bad: 1 });
      single.pass(400);
      expect(single.pooled.bad).toBe(1);
      expect(single.phase()).toBe("stepping");
      expect(single.shares.at(-1)).toBeCloseTo(0.15, 10);
    }
    const often = start(guardrail);
    often.passUntilDecided(120, { bad: 0.2 });
    expect(often.phase()).toBe("rolled_back");
  });

  it("a slow treatment at 5 % share is rolled back although the pooled 95th percentile is the control's", () => {
    const run = start("{ metric: latency_p95, max: 5s }");
    run.pass(30);
    run.passUntilDecided(60, { bad: 1 });
    expect(run.phase()).toBe("rolled_back");
    expect(run.pooled.bad / run.pooled.count).toBeLessThan(0.05);
  });
});
