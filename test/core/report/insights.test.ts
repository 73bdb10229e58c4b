import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { armsOf } from "../../../src/core/report/arms.ts";
import { composeReport } from "../../../src/core/report/compose.ts";
import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { acceptInsights } from "../../../src/core/report/insights/accept.ts";
import { briefOf, type Brief } from "../../../src/core/report/insights/brief.ts";
import { promptOf } from "../../../src/core/report/insights/prompt.ts";
import { cases, clearWin } from "../../support/report/cases.ts";

function briefFor(facts: ReportFacts): Brief {
  return briefOf(facts, armsOf(facts), composeReport(facts));
}

const brief: Brief = {
  names: ["checkout", "qwen2.5-7b", "v2", "50", "latency_p95"],
  lines: [
    "checkout: 48,210 requests of 2,412 users over 2 days; step 2 of 4",
    "change −18.1 %, interval −21.5 % to −14.7 %, which is 18.1 % lower",
    "mean 173 ms, p95 1.24 s, failed 0.4 %, confidence 95 %, p-value 0.041, score 3.2",
    "shares 50 % and 50 %; 2026-11-26 14:00 to 2026-11-28 14:00 UTC; 12 failed; 5 % counts",
  ],
};

describe("numbers that stand in the facts", () => {
  it.each([
    "It fell by 18.1 %, or 18%, or some 18 percent.",
    "A share of 0.181; within 14.7 to 21.5 %, and between 14.7 and 21.5 percent.",
    "About 48,000 requests, 48 210 requests, 48.2k requests, 48 thousand.",
    "0.173 s, 173ms and 1240 milliseconds, 1.2 seconds at p95, at the 95th percentile.",
    "Two days, 48 hours; twelve failures; step 2 of four; a 50/50 split.",
    "A 4.1 % chance, since the p-value is 0.041. Five percent counts. Half of the users.",
    "From 26 November 2026 to November 28, and from 2026-11-26T14:00:00Z, until 14:00.",
    "qwen2.5-7b and V2 were compared; one of them is an A/B test's first arm.",
    "−18.1 %, -21.5 % and 0.4 %, ４８,２１０ requests.",
    "The 2nd of 4 steps; no 5xx among 0.4 % failures.",
  ])("%s", (text) => {
    expect(acceptInsights(text, brief)).toEqual({ ok: true, value: [text.normalize("NFKC")] });
  });
});

describe("numbers that do not", () => {
  it.each([
    ["It fell by 18.2 %.", "18.2 %"],
    ["It fell by 19 %.", "19 %"],
    ["It rose by +18.1 %.", "+18.1 %"],
    ["Some 47,000 requests.", "47,000"],
    ["It took 183 ms.", "183 ms"],
    ["It took 173 s.", "173 s"],
    ["It took 173 of them.", "173"],
    ["seven users left.", "seven"],
    ["twenty-five users left.", "twenty-five"],
    ["It doubled.", "doubled"],
    ["It is 3x as fast.", "3x"],
    ["a third of the users.", "a third"],
    ["1 user of 100 %.", "1, 100 %"],
    ["Some 100 % of them.", "100 %"],
    ["On 27 November.", "27 November"],
    ["At 15:30.", "15:30"],
    ["In 2031.", "2031"],
    ["v9 was compared.", "9"],
    ["HTTP 503 came often.", "503"],
    ["3\u200b7 users.", "37"],
    ["50 users.", "50"],
    ["It costs $99 more.", "99"],
    ["about20% fewer.", "20%"],
    ["½ of it.", "1"],
  ])("%s", (text, named) => {
    const read = acceptInsights(text, brief);
    expect(read).toEqual({ ok: false, error: expect.stringContaining(named) as string });
  });

  it("digits of other scripts cannot be checked, and do not pass", () => {
    for (const text of ["٣٧ users left.", "३७ users left.", "Users: ⅷ and ㊲ and 𐄫."]) {
      expect(acceptInsights(text, brief).ok).toBe(false);
    }
  });

  it("whatever is rounded rightly passes, and what is off by more does not", () => {
    const number = fc.double({ min: 20, max: 90_000, noNaN: true });
    fc.assert(
      fc.property(number, fc.integer({ min: 2, max: 5 }), (fact, digits) => {
        const told: Brief = { names: [], lines: [`value ${fact}`] };
        const rounded = Number(fact.toPrecision(digits));
        expect(acceptInsights(`It was ${rounded} in all.`, told).ok).toBe(true);
        expect(acceptInsights(`It was ${rounded * 1.2 + 1} in all.`, told).ok).toBe(false);
      }),
    );
  });
});

describe("what is kept of an answer", () => {
  it("plain paragraphs: no markup, no thinking aloud, no lists, no invisible letters", () => {
    const answer =
      "<think>maybe 77 %?</think>\n## **Result**\r\n\r\n1. The `compact` model is\nfaster.\n- It *holds*.\u202e\n\n[More](x)";
    expect(acceptInsights(answer, brief)).toEqual({
      ok: true,
      value: ["Result", "The compact model is faster.", "It holds.", "More"],
    });
  });

  it("1,500 characters at the most, and whole sentences", () => {
    const read = acceptInsights("This is a sentence. ".repeat(200), brief);
    const [text = ""] = read.ok ? read.value : [];
    expect(text.length).toBeGreaterThan(1400);
    expect(text.length).toBeLessThanOrEqual(1500);
    expect(text).toMatch(/sentence\.$/);
    const endless = acceptInsights("word ".repeat(1000), brief);
    expect(endless.ok && endless.value[0]).toMatch(/ word…$/);
  });

  it("nothing, when there is none, or an address in it", () => {
    for (const [answer, reason] of [
      ["", "no text"],
      ["<think>only thoughts", "no text"],
      ["See https://evil.example now.", "an address"],
    ] as const) {
      expect(acceptInsights(answer, brief)).toEqual({
        ok: false,
        error: expect.stringContaining(reason) as string,
      });
    }
  });
});

describe("what the model is told", () => {
  it("figures and names, and nothing that a person wrote or that tells who or where", () => {
    for (const facts of Object.values(cases)) {
      const spied: ReportFacts = {
        ...facts,
        config: { ...facts.config, text: "api_key: spy-config" },
        lifecycle: facts.lifecycle && { ...facts.lifecycle, reason: "because of spy-reason" },
        rollout: facts.rollout && {
          ...facts.rollout,
          reason: "spy-rollout",
          waits_for: "spy-wait",
        },
        status: facts.status && {
          ...facts.status,
          variants: facts.status.variants.map((each) => ({ ...each, upstream: "spy-upstream" })),
        },
        breakdown: facts.breakdown && {
          ...facts.breakdown,
          variants: facts.breakdown.variants.map((each) => ({
            ...each,
            routes: each.routes.map((route) => ({ ...route, route: "GET /users/spy-route" })),
          })),
        },
        journal: {
          ...facts.journal,
          entries: facts.journal.entries.map((entry) => ({ ...entry, actor: "spy-actor" })),
        },
        missing: [{ what: "History", why: "spy-path" }],
      };
      const told = JSON.stringify(promptOf(briefFor(spied)));
      expect(told).not.toContain("spy-");
      expect(told).toContain(facts.experiment);
      expect(told.length).toBeLessThan(16_000);
    }
  });

  it("its own lines would pass, in every case", () => {
    for (const facts of Object.values(cases)) {
      const told = briefFor(facts);
      for (const line of told.lines) {
        expect(acceptInsights(line, told)).toMatchObject({ ok: true });
      }
    }
  });

  it("an account in other words passes for what it is, and falls with one number", () => {
    const account =
      "compact answered in 173 ms on average, full in 211 ms: about 18 percent less.\n\nFailures stayed at 0.4 %.";
    expect(acceptInsights(account, briefFor(clearWin)).ok).toBe(true);
    expect(acceptInsights(account.replace("173", "137"), briefFor(clearWin))).toEqual({
      ok: false,
      error: "it named 137 ms, which is not among the facts",
    });
  });
});
