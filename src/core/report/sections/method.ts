import type { Arms } from "../arms.ts";
import { isOneSided } from "../comparable.ts";
import type { Block, Cell, Table } from "../document.ts";
import type { ComparisonFacts, ReportFacts } from "../facts.ts";
import { capital, formatSeconds, formatTime, formatValue, nameOf } from "../text/format.ts";

/** How it was decided: every test with what it takes for granted. */
export function describeMethod(facts: ReportFacts, arms: Arms): readonly Block[] {
  const { comparison, lifecycle, rollout, status } = facts;
  const blocks: Block[] = [];
  if (comparison !== null) {
    blocks.push({ kind: "terms", items: principles(comparison, facts) });
    blocks.push(splitTable(comparison), testsTable(comparison, arms));
  } else if (status !== null) {
    blocks.push({
      kind: "paragraph",
      text: `Variants were not compared by tests: ${isOneSided(facts) ? "everybody has the same one at present" : "there is no analysis of this experiment, or nothing was measured yet"}.`,
    });
  }
  if (rollout !== null) {
    blocks.push({
      kind: "paragraph",
      text: "Guardrails are detectors (a Shiryaev-Roberts mixture over the time at which something may have gone wrong): their p-values hold at every look, for the whole rollout. A limit that holds is no proof that the treatment is better.",
    });
  }
  if (lifecycle !== null) {
    const ends = endsOf(lifecycle.ends);
    if (ends !== null)
      blocks.push({ kind: "paragraph", text: `The experiment was to end ${ends}.` });
  }
  return blocks;
}

function principles(comparison: ComparisonFacts, { range }: ReportFacts) {
  const level = formatValue(comparison.confidence, "share");
  const { since, randomised, min_effect } = comparison;
  return [
    {
      term: "Unit",
      text:
        randomised === "users"
          ? "The user: variances come from sums over users, since requests of one user are alike."
          : "The request: one user may have been in several variants, whose requests are alike; p-values are then too small.",
    },
    {
      term: "Data",
      text: `The present split${since === null ? "" : `, since ${formatTime(since)}`}, up to ${formatTime(range.to)}; earlier splits are left out.`,
    },
    {
      term: "Looking",
      text: `"One look" is valid at one moment chosen beforehand. "Always valid" holds at every look (a confidence sequence by the mixture method): it is wider, and it decides. Both have ${level} confidence.`,
    },
    {
      term: "What counts",
      text:
        min_effect > 0
          ? `A change of ${formatValue(min_effect, "share")} of the control's value or more. "No difference" means that the interval lies within it, or that such a change would have been found and was not.`
          : "Any change that is surely there.",
    },
    {
      term: "Relative changes",
      text: "Shown as shares of the control's measured value. The intervals of secondary metrics are of the absolute change, so that they leave out how surely the control's value itself is known.",
    },
  ];
}

function splitTable({ sample_ratio }: ComparisonFacts): Table {
  const total = Object.values(sample_ratio.users).reduce((sum, each) => sum + each, 0);
  return {
    kind: "table",
    id: "sample_ratio",
    caption: `Sample ratio: users expected and seen. ${capital(sample_ratio.says)}`,
    columns: [
      { name: "Variant", format: "text" },
      { name: "Expected share", format: "share" },
      { name: "Expected users", format: "count" },
      { name: "Users", format: "count" },
      { name: "Share", format: "share" },
    ],
    rows: Object.entries(sample_ratio.expected).map(([variant, expected]) => {
      const users = sample_ratio.users[variant] ?? 0;
      return [variant, expected, expected * total, users, total === 0 ? null : users / total];
    }),
  };
}

function testsTable({ metrics }: ComparisonFacts, arms: Arms): Table {
  const assumptions = metrics.flatMap(({ metric, primary, treatments, control }) =>
    treatments.map((each): Cell[] => [
      `${capital(nameOf(metric))}${arms.treatments.length > 1 ? `, ${each.variant}` : ""}${primary ? " (decides)" : ""}`,
      each.test,
      Math.min(each.users, control.users),
      each.users_needed,
      each.power,
      assumptionsOf(metric),
    ]),
  );
  return {
    kind: "table",
    id: "tests",
    caption:
      "Tests, their assumptions, and the power to find the smallest effect that counts with the users so far.",
    columns: [
      { name: "Metric", format: "text" },
      { name: "Test", format: "text" },
      { name: "Users, smaller arm", format: "count" },
      { name: "Needed", format: "count" },
      { name: "Power", format: "share" },
      { name: "Takes for granted", format: "text" },
    ],
    rows: assumptions,
  };
}

function assumptionsOf(metric: string): string {
  const users = "users are independent of each other";
  if (metric.includes("_p") && /_p\d/.test(metric)) {
    return `${users}; the density near the quantile is not 0`;
  }
  if (metric.endsWith("_rate"))
    return `${users}; failures are not too rare for a mean to be normal`;
  return `${users}; enough of them that the mean is normal, without a few that hold most of the sum`;
}

function endsOf({
  after_seconds,
  users,
  requests,
  decision,
}: NonNullable<ReportFacts["lifecycle"]>["ends"]): string | null {
  const ends = [
    after_seconds === null ? null : `after ${formatSeconds(after_seconds)}`,
    users === null ? null : `with ${formatValue(users, "count")} users in every arm`,
    requests === null ? null : `with ${formatValue(requests, "count")} requests in every arm`,
    decision ? "as soon as it is decided" : null,
  ].filter((each) => each !== null);
  return ends.length === 0
    ? null
    : `${ends.join(", or ")}${ends.length > 1 ? ", whichever comes first" : ""}`;
}
