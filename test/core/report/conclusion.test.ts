import { describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import type { Block, ReportDocument } from "../../../src/core/report/document.ts";
import type { MetricFacts, ReportFacts } from "../../../src/core/report/facts.ts";
import {
  cases,
  clearLoss,
  clearWin,
  invalid,
  noDifference,
  stillRunning,
} from "../../support/report/cases.ts";

function sectionOf(report: ReportDocument, id: string): readonly Block[] {
  return report.sections.find((section) => section.id === id)?.blocks ?? [];
}

function termsOf(facts: ReportFacts): Readonly<Record<string, string>> {
  const terms = sectionOf(composeReport(facts), "summary").find((block) => block.kind === "terms");
  return Object.fromEntries((terms?.items ?? []).map(({ term, text }) => [term, text]));
}

function rulesOf(facts: ReportFacts): string[] {
  return sectionOf(composeReport(facts), "next").flatMap((block) =>
    block.kind === "advice" ? block.items.map(({ rule }) => rule) : [],
  );
}

function findingsOf(facts: ReportFacts): string[] {
  return sectionOf(composeReport(facts), "quality").flatMap((block) =>
    block.kind === "note" ? [block.title] : [],
  );
}

describe("what a report comes to", () => {
  const table = [
    ["clear-win", "treatment_wins", "good", "ship"],
    ["clear-loss", "control_wins", "bad", "keep_control"],
    ["no-difference", "no_difference", "neutral", "choose_by_cost"],
    ["rolled-back", "rolled_back", "bad", "mend_before_retry"],
    ["invalid", "invalid", "bad", "mend_split"],
    ["empty", "empty", "caution", "find_traffic"],
    ["still-running", "keep_running", "neutral", "keep_running"],
    ["variant-silent", "variant_silent", "caution", "wake_silent_variant"],
    ["six-variants", "treatment_wins", "good", "ship"],
    ["climbing", "climbing", "neutral", "wait_for_step"],
    ["promoted", "promoted", "good", "tidy_up"],
  ] as const;
  for (const [name, outcome, tone, rule] of table) {
    it(`${name}: ${outcome}, and first of all ${rule}`, () => {
      const facts = cases[name] as ReportFacts;
      expect(composeReport(facts).verdict).toMatchObject({ outcome, tone });
      expect(rulesOf(facts)[0]).toBe(rule);
    });
  }

  it("every recommendation brings its evidence", () => {
    for (const facts of Object.values(cases)) {
      for (const block of sectionOf(composeReport(facts), "next")) {
        if (block.kind !== "advice") continue;
        for (const { rule, evidence } of block.items) {
          expect([rule, evidence.length]).not.toEqual([rule, 0]);
        }
      }
    }
  });

  it("a broken split is invalid, whatever was decided before and however sure it looks", () => {
    const facts: ReportFacts = {
      ...clearWin,
      comparison: {
        ...(clearWin.comparison as NonNullable<ReportFacts["comparison"]>),
        sample_ratio: {
          ...(invalid.comparison?.sample_ratio as NonNullable<
            ReportFacts["comparison"]
          >["sample_ratio"]),
        },
      },
    };
    expect(composeReport(facts).verdict).toMatchObject({ outcome: "invalid", label: "Invalid" });
    expect(termsOf(facts)["How sure"]).toMatch(/^Not at all/);
    expect(rulesOf(facts)).not.toContain("ship");
    const effect = sectionOf(composeReport(facts), "effect");
    expect(JSON.stringify(effect)).not.toMatch(/"better"/);
    expect(effect[0]).toMatchObject({ kind: "note", title: "Not valid" });
  });

  it("an experiment that ended without a decision does not say that it is still running", () => {
    const facts = {
      ...stillRunning,
      lifecycle: { ...stillRunning.lifecycle, phase: "ended", reason: "14d are over" },
    } as ReportFacts;
    expect(composeReport(facts).verdict).toMatchObject({ label: "Undecided", tone: "caution" });
    expect(termsOf(facts)["Decision"]).toContain("It ended: 14d are over.");
  });

  it("a rollout that was promoted is not called better", () => {
    const text = JSON.stringify(composeReport(cases["promoted"] as ReportFacts));
    expect(text).not.toMatch(/is better than old/);
    expect(termsOf(cases["promoted"] as ReportFacts)["How sure"]).toContain(
      "limits hold, not that the treatment is better",
    );
  });

  it("tells what the treatment cost its users, and by how many more than the control", () => {
    expect(termsOf(clearLoss)["What it cost"]).toContain(
      "of which 2,090 failed (4.38 %), against 0.4 % with full: about 1,899 more",
    );
  });
});

describe("data quality", () => {
  it("a clock that was set back shows in the journal", () => {
    const [first, second] = noDifference.journal.entries;
    const facts = {
      ...noDifference,
      journal: { entries: [first, { ...second, at: "2026-11-26T13:00:00.120Z" }], is_cut: false },
    } as ReportFacts;
    expect(findingsOf(facts)).toContain("The clock was set back");
    expect(findingsOf(noDifference)).not.toContain("The clock was set back");
  });

  it("a gap in the history is told with its length", () => {
    const history = noDifference.history as NonNullable<ReportFacts["history"]>;
    const at_ms = history.at_ms.map((ms, at) => (at < 20 ? ms : ms + 8 * 3_600_000));
    const facts = { ...noDifference, history: { ...history, at_ms } };
    expect(findingsOf(facts)).toContain("The history has 1 gap");
    expect(JSON.stringify(sectionOf(composeReport(facts), "quality"))).toContain("8 h");
  });

  it("what is lost, unread, mixed, too small or randomised by request is told", () => {
    const comparison = noDifference.comparison as NonNullable<ReportFacts["comparison"]>;
    const [metric] = comparison.metrics as [MetricFacts];
    const facts = {
      ...stillRunning,
      comparison: {
        ...comparison,
        since: "2026-11-28T01:00:00.000Z",
        randomised: "requests",
        metrics: [{ ...metric, control: { ...metric.control, users: 41 } }],
      },
      upkeep: {
        history_rows_dropped: 12,
        answers_uninspected: { too_large: 3, encoded: 1 },
        answers_uninspected_here: 2,
        store: { up: false, rows_waiting: 40 },
        replicas: null,
      },
      missing: [{ what: "History", why: "The store is locked." }],
    } as ReportFacts;
    expect(findingsOf(facts)).toEqual(
      expect.arrayContaining([
        "Few users",
        "Requests were randomised, not users",
        "The range holds more than one split",
        "The store did not keep everything",
        "The store did not answer when this report was made",
        "Some answers passed unread",
        "History could not be had",
      ]),
    );
  });

  it("what other experiments did not read is not this one's fault", () => {
    const upkeep = { ...noDifference.upkeep, answers_uninspected: { encoded: 9 } };
    expect(findingsOf({ ...noDifference, upkeep })).not.toContain("Some answers passed unread");
  });

  it.each([
    [{}, null],
    [{ cut_off: true, merges: false }, "this one is cut off from the store"],
    [{ merges: false }, "ask the leader for the whole report"],
    [{ silent: 1 }, "1 of them were silent"],
    [
      { other_configuration: 2, parts_lost: 7 },
      "another configuration; 7 parts of their telemetry",
    ],
  ])("of replicas, what is not in the report is told: %j", (changes, words) => {
    const replicas = {
      count: 5,
      silent: 0,
      other_configuration: 0,
      merges: true,
      cut_off: false,
      parts_lost: 0,
      ...changes,
    };
    const upkeep = { ...noDifference.upkeep, replicas };
    const told = JSON.stringify(sectionOf(composeReport({ ...noDifference, upkeep }), "quality"));
    if (words === null) expect(told).not.toContain("replicas");
    else expect(told).toContain(words);
  });

  it("nothing to find is said, too", () => {
    const facts = {
      ...noDifference,
      range: { ...noDifference.range, to: "2026-12-04T14:00:00.000Z" },
    };
    expect(findingsOf(facts)).toEqual([]);
    expect(sectionOf(composeReport(facts), "quality")).toHaveLength(1);
  });
});
