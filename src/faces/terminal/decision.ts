import type { ExperimentLifecycleStatus } from "../../wire/experiments-api.ts";
import type { Glyphs } from "./glyphs.ts";
import { line, span, type Line, type Tone } from "./line.ts";
import { count, plannedPercent, span as formatSpan } from "./numbers.ts";
import { drawTable, type Column } from "./table.ts";
import { neutralise } from "./text.ts";

/** What an A/B experiment has found out. */

type Arm = ExperimentLifecycleStatus["arms"][number];

const outcomeWords: Readonly<Record<Arm["outcome"], readonly [string, Tone]>> = {
  treatment_wins: ["better", "good"],
  control_wins: ["worse", "bad"],
  no_difference: ["no difference", "calm"],
  keep_running: ["undecided", "calm"],
  invalid: ["not to be trusted", "bad"],
};

/** How long it has run, with how many, and what ends it. */
export function drawProgress(life: ExperimentLifecycleStatus): Line[] {
  const { run, ran_seconds: ran, users, requests, ends, sample_ratio_p_value: ratio } = life;
  if (run === 0) return [];
  const until = [
    ends.after_seconds === null ? null : `after ${formatSpan(ends.after_seconds * 1000)}`,
    ends.users === null ? null : `with ${count(ends.users)} users an arm`,
    ends.requests === null ? null : `with ${count(ends.requests)} requests an arm`,
    ends.decision ? "with a decision" : null,
  ].filter((part) => part !== null);
  const lines: Line[] = [
    [
      span("  run ", "dim"),
      span(String(run)),
      span("   ran ", "dim"),
      span(formatSpan(ran * 1000)),
      span("   smallest arm ", "dim"),
      span(`${count(users)} users, ${count(requests)} requests`),
      span("   ends ", "dim"),
      span(until.length === 0 ? "when somebody stops it" : until.join(" or ")),
    ],
  ];
  if (ratio !== null && ratio < 0.01) {
    lines.push(
      line(
        "  The arms do not have the users that the split promises: look before you trust",
        "bad",
      ),
    );
  }
  return lines;
}

export function drawArms(
  { arms, primary }: ExperimentLifecycleStatus,
  glyphs: Glyphs,
  columns: number,
): Line[] {
  if (arms.length === 0) return [];
  const words = (value: number, unit: Arm["unit"]) => {
    const sign = value > 0 ? "+" : "";
    if (unit === "share") return `${sign}${plannedPercent(value)}`;
    return `${sign}${Number(value.toPrecision(3))}`;
  };
  const fields: Column<Arm>[] = [
    {
      title: "treatment",
      cell: ({ variant }) => neutralise(variant),
      grows: true,
      width: 12,
      rank: 20,
    },
    {
      title: "decision",
      cell: ({ outcome }) => outcomeWords[outcome][0],
      tone: ({ outcome }) => outcomeWords[outcome][1],
      rank: 19,
    },
    {
      title: primary ?? "effect",
      cell: ({ estimate, unit }) => (estimate === null ? glyphs.none : words(estimate, unit)),
      align: "right",
      rank: 18,
      tone: () => "strong",
    },
    {
      title: "interval",
      cell: ({ interval, unit }) =>
        interval === null
          ? glyphs.none
          : `${words(interval[0], unit)} to ${words(interval[1], unit)}`,
      align: "right",
      rank: 17,
    },
    {
      title: "p",
      cell: ({ p_value: p }) => (p === null ? glyphs.none : String(Number(p.toPrecision(2)))),
      align: "right",
      rank: 15,
    },
    {
      title: "reason",
      cell: ({ reason }) => neutralise(reason),
      tone: () => "dim",
      grows: true,
      width: 20,
      rank: 5,
    },
  ];
  const { head, lines } = drawTable(fields, arms, {
    columns,
    lead: arms.map(() => span("  ")),
    mark: glyphs.more,
  });
  return [head, ...lines];
}
