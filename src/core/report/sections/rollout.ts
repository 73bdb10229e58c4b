import { leadingTreatment, type Arms } from "../arms.ts";
import { reduceColumn } from "../charts/reduce.ts";
import type { TimeSeriesChart } from "../charts/chart.ts";
import type { Block, Figure, Tone } from "../document.ts";
import type { GuardrailHistory, GuardrailVerdict, ReportFacts, RolloutFacts } from "../facts.ts";
import {
  capital,
  formatQuantity,
  formatSeconds,
  formatTime,
  formatValue,
  nameOf,
} from "../text/format.ts";
import { marksOf } from "./marks.ts";

/** How a rollout climbed, and what its guardrails saw. */
export function describeRollout(facts: ReportFacts, arms: Arms): readonly Block[] {
  const { rollout, verdicts } = facts;
  if (rollout === null) return [];
  const blocks: Block[] = [];
  const timeline = shareOverTime(facts, arms);
  if (timeline !== null) blocks.push(timeline);
  blocks.push(stepsTable(rollout));
  if (rollout.verdicts.length > 0) blocks.push(verdictsTable(rollout));
  for (const guardrail of verdicts?.guardrails ?? []) {
    const figure = guardrailOverTime(facts, guardrail, verdicts?.step_seconds ?? 0, arms);
    if (figure !== null) blocks.push(figure);
  }
  return blocks;
}

/** Journal entries that change the share, and to what. */
const sharing: ReadonlySet<string> = new Set([
  "step",
  "restored",
  "promoted",
  "observing",
  "rolled_back",
]);

function shareOverTime(facts: ReportFacts, arms: Arms): Figure | null {
  const { journal, experiment, range, rollout } = facts;
  const variant = leadingTreatment(facts, arms);
  const [from, to] = [Date.parse(range.from), Date.parse(range.to)];
  const entries = journal.entries.filter(
    ({ scope, subject, what }) =>
      scope === "rollout" && subject === experiment && sharing.has(what),
  );
  const steps = entries.flatMap(({ at, what, facts }): (readonly [number, number])[] => {
    const share = what === "rolled_back" ? 0 : facts["share"];
    return typeof share === "number" ? [[Math.max(from, Date.parse(at)), share]] : [];
  });
  if (variant === null || rollout === null) return null;
  if (steps.length === 0) steps.push([from, rollout.applied_share]);
  // What was before the first entry is known only when that entry is the first step.
  const first = entries[0];
  if (first?.what === "step" && first.facts["step"] === 1) steps.unshift([from, 0]);
  const words = steps
    .filter(([, share], at) => share !== steps[at - 1]?.[1])
    .map(
      ([ms, share]) =>
        `${formatValue(share, "share")} from ${formatTime(new Date(ms).toISOString())}`,
    );
  return {
    kind: "figure",
    id: "share_over_time",
    caption: `Share of users who get ${variant}.`,
    description: words.join(", "),
    chart: {
      kind: "steps",
      from_ms: from,
      to_ms: to,
      series: [{ name: variant, colour: 1 + arms.treatments.indexOf(variant), steps }],
      marks: marksOf(facts).filter(({ label }) => !label.endsWith("%")),
    },
    table: null,
  };
}

function stepsTable({ steps, step, phase }: RolloutFacts): Block {
  const state = (at: number): { text: string; tone: Tone } => {
    if (phase === "promoted" || phase === "observing") return { text: "done", tone: "good" };
    if (phase === "rolled_back" || step === null) return { text: "–", tone: "neutral" };
    if (at + 1 < step) return { text: "done", tone: "good" };
    return at + 1 === step
      ? { text: phase === "paused" ? "paused here" : "now", tone: "neutral" }
      : { text: "to come", tone: "neutral" };
  };
  return {
    kind: "table",
    id: "steps",
    caption: "The plan.",
    columns: [
      { name: "Step", format: "count" },
      { name: "Share of users", format: "share" },
      { name: "Copies", format: "share" },
      { name: "Hold", format: "text" },
      { name: "Requests at least", format: "count" },
      { name: "Users at least", format: "count" },
      { name: "Gate", format: "text" },
      { name: "State", format: "text" },
    ],
    rows: steps.map((each, at) => [
      at + 1,
      each.share,
      each.shadow,
      formatSeconds(each.hold_seconds),
      each.min_requests,
      each.min_users,
      each.gate,
      state(at),
    ]),
  };
}

const verdictTones: Readonly<Record<GuardrailVerdict, Tone>> = {
  ok: "good",
  breach: "bad",
  wait: "neutral",
  error: "caution",
};

function verdictsTable({ verdicts }: RolloutFacts): Block {
  return {
    kind: "table",
    id: "guardrails",
    caption:
      "Guardrails at the last judgement. A p-value is the chance of as much evidence if nothing were wrong, at any look.",
    columns: [
      { name: "Guardrail", format: "text" },
      { name: "Verdict", format: "text" },
      { name: "Treatment", format: "number" },
      { name: "Control", format: "number" },
      { name: "Limit", format: "number" },
      { name: "95 % interval", format: "number" },
      { name: "Requests", format: "count" },
      { name: "p", format: "p" },
      { name: "On breach", format: "text" },
      { name: "Why", format: "text" },
    ],
    rows: verdicts.map((each) => [
      nameOf(each.guardrail),
      { text: each.verdict, tone: verdictTones[each.verdict] },
      { value: each.value, format: each.unit },
      { value: each.control, format: each.unit },
      { value: each.limit, format: each.unit },
      { value: each.interval, format: each.unit },
      each.requests,
      each.p_value,
      each.dry_run ? "nothing (dry run)" : each.on_breach,
      each.reason,
    ]),
  };
}

const stretchesMax = 160;

function guardrailOverTime(
  facts: ReportFacts,
  guardrail: GuardrailHistory,
  stepSeconds: number,
  arms: Arms,
): Figure | null {
  const { at_ms, value, control, limit, low, high, verdict, unit } = guardrail;
  if (at_ms.length === 0) return null;
  const line = (values: readonly (number | null)[]) =>
    reduceColumn({ atMs: at_ms, values, stepMs: stepSeconds * 1000 }, stretchesMax);
  const variant = leadingTreatment(facts, arms) ?? "treatment";
  const hasLimit = limit.some((each) => each !== null);
  const hasControl = control.some((each) => each !== null);
  const lows = line(low);
  const highs = line(high);
  const counts = countsOf(verdict);
  const chart: TimeSeriesChart = {
    kind: "time_series",
    format: unit,
    from_ms: Date.parse(facts.range.from),
    to_ms: Date.parse(facts.range.to),
    series: [
      ...(hasControl ? [{ name: arms.control, colour: 0, points: line(control) }] : []),
      {
        name: variant,
        colour: 1 + Math.max(0, arms.treatments.indexOf(variant)),
        points: line(value),
      },
    ],
    limit: hasLimit ? { name: "limit", points: line(limit) } : null,
    // Both ends are reduced by themselves, so an area is drawn only where they kept the same times.
    area: areaOf(lows, highs, 1 + Math.max(0, arms.treatments.indexOf(variant))),
    bands: bandsOf(guardrail, stepSeconds * 1000),
    marks: marksOf(facts),
  };
  const name = capital(nameOf(guardrail.guardrail));
  const last = value.findLast((each) => each !== null) ?? null;
  return {
    kind: "figure",
    id: `guardrail_${guardrail.guardrail}`,
    caption: `${name}${guardrail.dry_run ? " (dry run)" : ""}: what the guardrail saw${hasLimit ? ", and its limit" : ""}.`,
    description: `${name} of ${variant}, at last ${formatQuantity(last, unit)}, limit ${formatQuantity(limit.findLast((each) => each !== null) ?? null, unit)}; ${counts}.`,
    chart,
    table: null,
  };
}

function areaOf(
  lows: TimeSeriesChart["series"][number]["points"],
  highs: TimeSeriesChart["series"][number]["points"],
  colour: number,
): TimeSeriesChart["area"] {
  const byTime = new Map(highs);
  const points = lows.flatMap(([at, low]) => {
    const high = byTime.get(at);
    return high === undefined ? [] : [[at, low, high] as const];
  });
  const hasAny = points.some(([, low, high]) => low !== null && high !== null);
  return hasAny ? { name: "95 % interval", colour, points } : null;
}

/** Stretches in which it was broken. */
function bandsOf({ at_ms, verdict }: GuardrailHistory, stepMs: number): TimeSeriesChart["bands"] {
  const bands: { from_ms: number; to_ms: number; label: string; tone: Tone }[] = [];
  for (const [at, word] of verdict.entries()) {
    if (word !== "breach") continue;
    const from = at_ms[at] as number;
    const open = bands.at(-1);
    if (open !== undefined && from - open.to_ms < stepMs) open.to_ms = from + stepMs;
    else bands.push({ from_ms: from, to_ms: from + stepMs, label: "breach", tone: "bad" });
  }
  return bands.slice(-bandsMax);
}

const bandsMax = 50;

function countsOf(verdicts: readonly GuardrailVerdict[]): string {
  const breaches = verdicts.filter((each) => each === "breach").length;
  return breaches === 0
    ? "never over the limit"
    : `over the limit in ${breaches} of ${verdicts.length} stretches`;
}
