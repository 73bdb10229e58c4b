import { describe, expect, it } from "vitest";
import {
  createGuardrail,
  judge,
  startStep,
  watch,
} from "../../../../src/core/rollout/guardrail.ts";
import type { GuardrailState } from "../../../../src/core/rollout/guardrail.ts";
import type { GuardrailPolicy, WindowPolicy } from "../../../../src/core/rollout/policy.ts";
import { countsTick, guardrailOf } from "../../../support/guardrails.ts";

const window: WindowPolicy = {
  kind: "window",
  windowMs: 60_000,
  everyMs: 10_000,
  minRequests: 20,
  failureLimit: 0,
  consecutive: null,
  inconclusiveLimit: null,
};

/** A window guardrail that is looked at every ten seconds, with so many requests in between. */
class Looked {
  state: GuardrailState;
  nowMs = 0;

  constructor(changed: Partial<WindowPolicy> = {}, policy: Partial<GuardrailPolicy> = {}) {
    this.state = createGuardrail(guardrailOf({ evidence: { ...window, ...changed }, ...policy }));
    this.state = watch(this.state, countsTick(0), 0);
  }

  look(bad: number, count = 100, badControl = 0): string {
    this.nowMs += 10_000;
    this.state = watch(this.state, countsTick(count, bad, { badControl }), this.nowMs);
    return this.verdict.verdict;
  }

  get verdict() {
    return judge(this.state, 0);
  }
}

describe("a window", () => {
  it("three failed looks: with a limit of two a breach, with three none (acceptance 9)", () => {
    const strict = new Looked({ failureLimit: 2 });
    expect([strict.look(50), strict.look(50), strict.look(50)]).toEqual(["wait", "wait", "breach"]);
    expect(strict.verdict.reason).toContain("3 failed looks, 2 allowed");
    const lenient = new Looked({ failureLimit: 3 });
    expect([lenient.look(50), lenient.look(50), lenient.look(50)]).not.toContain("breach");
  });

  it("looks with too few requests are inconclusive, and pause when they are too many (acceptance 10)", () => {
    const patient = new Looked();
    for (let look = 0; look < 50; look += 1) expect(patient.look(1, 1)).toBe("wait");
    const limited = new Looked({ inconclusiveLimit: 2, windowMs: 10_000 });
    expect([limited.look(0, 5), limited.look(0, 5), limited.look(0, 5)]).toEqual([
      "wait",
      "wait",
      "breach",
    ]);
    expect(limited.verdict).toMatchObject({ pausesOnly: true });
    expect(limited.verdict.reason).toContain("5 of at least 20 requests in the last 10s");
  });

  it("failed looks in a row are a breach, single ones are not", () => {
    const streak = new Looked({ consecutive: 3, failureLimit: 1e6, windowMs: 5_000 });
    const seen = [50, 50, 0, 50, 50, 50].map((bad) => streak.look(bad));
    expect(seen).toEqual(["wait", "wait", "ok", "wait", "wait", "breach"]);
  });

  it("holds what is in the window only, against the limit or the control", () => {
    const absolute = new Looked({ failureLimit: 9 });
    absolute.look(100);
    for (let look = 0; look < 6; look += 1) absolute.look(0);
    expect(absolute.verdict).toMatchObject({ verdict: "ok", value: 0, n: 600 });
    const relative = new Looked({}, { max: null, maxRatio: 2 });
    expect(relative.look(9, 100, 5)).toBe("ok");
    expect(relative.look(40, 100, 5)).toBe("breach");
  });

  it("compares nothing once nobody has the control, and still holds the absolute limit", () => {
    const alone = (max: number | null, bad: number) => {
      const evidence = { ...window, failureLimit: 9 };
      const start = createGuardrail(guardrailOf({ evidence, max, maxRatio: 2 }));
      const none = { kind: "counts", control: { bad: 0, count: 0 }, firstErrors: null } as const;
      const tick = { ...none, treatment: { bad, count: 100 }, share: 1 };
      return judge(watch(watch(start, tick, 0), tick, 10_000), 0).verdict;
    };
    expect(alone(null, 50)).toBe("ok");
    expect(alone(0.1, 50)).toBe("wait");
  });

  it("a step begins with an empty window, and keeps what failed", () => {
    const looked = new Looked({ failureLimit: 1 });
    looked.look(100);
    looked.state = startStep(looked.state);
    expect(looked.verdict).toMatchObject({ verdict: "wait", value: null });
    looked.state = watch(looked.state, countsTick(0), looked.nowMs);
    expect(looked.look(100)).toBe("breach");
  });

  it("looks once, however long nobody looked (acceptance 24)", () => {
    const looked = new Looked({ failureLimit: 1 });
    looked.nowMs += 3_600_000;
    expect(looked.look(100)).toBe("wait");
    looked.state = watch(looked.state, countsTick(100, 100), looked.nowMs + 9_999);
    expect(looked.verdict.verdict).toBe("wait");
  });

  it("is kept in a bounded number of parts", () => {
    const looked = new Looked();
    for (let at = 0; at < 5_000; at += 1) {
      looked.state = watch(looked.state, countsTick(1), at * 37);
    }
    const { seen } = looked.state;
    expect(seen.kind === "window" ? seen.slots.length : Infinity).toBeLessThanOrEqual(32);
  });
});

describe("a query", () => {
  const asked = (changed: Partial<WindowPolicy> = {}, limits: Partial<GuardrailPolicy> = {}) => {
    const policy = guardrailOf({
      metric: { kind: "promql", query: "up", everyMs: 10_000 },
      evidence: { ...window, ...changed },
      max: 5,
      ...limits,
    });
    let state = createGuardrail(policy);
    let serial = 0;
    return (value: number | null, isNew = true) => {
      if (isNew) serial += 1;
      const error = value === null ? "the server cannot be reached" : null;
      state = watch(state, { kind: "query", serial, value, error }, 0);
      return judge(state, 0);
    };
  };

  it("four errors in a row are waited out, five are an error, and a value ends them (acceptance 11)", () => {
    const look = asked();
    const verdicts = Array.from({ length: 5 }, () => look(null).verdict);
    expect(verdicts).toEqual(["wait", "wait", "wait", "wait", "error"]);
    expect(look(null).reason).toContain("6 errors in a row: the server cannot be reached");
    expect(look(1).verdict).toBe("ok");
  });

  it("an error is no failed look, and does not excuse one", () => {
    const look = asked({ consecutive: 2, failureLimit: 1e6 });
    look(9);
    look(null);
    expect(look(9).verdict).toBe("breach");
    const strict = asked();
    strict(9);
    for (let error = 0; error < 9; error += 1) expect(strict(null).verdict).toBe("breach");
  });

  it("is held against its max and its min, once for each answer", () => {
    const look = asked({ failureLimit: 1 }, { min: 2 });
    expect(look(5).verdict).toBe("ok");
    expect(look(1).verdict).toBe("wait");
    expect(look(1, false).verdict).toBe("wait");
    expect(look(6).verdict).toBe("breach");
  });
});
