import type { RolloutStatus } from "../../wire/admin-api.ts";
import type { Glyphs } from "./glyphs.ts";
import { cutLine, joined, line, lineWidth, span, type Line, type Tone } from "./line.ts";
import type { Model } from "./model.ts";
import { count, inUnit, limitInUnit, plannedPercent, span as formatSpan } from "./numbers.ts";
import { bar, sparkline, squeeze } from "./charts.ts";
import { holdToldMs, reasonOf } from "./subjects.ts";
import { drawTable, type Column } from "./table.ts";
import { neutralise } from "./text.ts";

/** A rollout's way up, what it waits for, and what its guardrails say. */

type Step = RolloutStatus["steps"][number];
type Verdict = RolloutStatus["verdicts"][number];

/** Where the rollout stands on its way; each step with its share, the present one marked. */
export function drawTrack(rollout: RolloutStatus, glyphs: Glyphs, columns: number): Line {
  const { phase, steps, share } = rollout;
  const reached = reachedOf(rollout);
  const parts: Line[] = steps.map((step, at) => {
    const words =
      step.shadow > 0 ? `copies ${plannedPercent(step.shadow)}` : plannedPercent(step.share);
    const gate = step.gate === "none" ? "" : step.gate === "approval" ? " (asks)" : " (webhook)";
    if (at < reached.done) return [span(`${glyphs.done} ${words}`, "good")];
    if (at === reached.now) {
      const isBad = phase === "rolled_back";
      const isPaused = phase === "paused";
      const tone: Tone = isBad ? "bad" : isPaused ? "warn" : "key";
      const sign = isBad ? glyphs.failed : glyphs.now;
      return [span(`${sign} ${words}${gate}`, tone)];
    }
    return [span(`${glyphs.next} ${words}${gate}`, "dim")];
  });
  const end: Line =
    phase === "promoted"
      ? [span(`${glyphs.ok} promoted`, "good")]
      : phase === "observing"
        ? [span(`${glyphs.now} watching`, "key")]
        : [span(`${glyphs.next} promoted`, "dim")];
  const all = [...parts, end];
  const joint = (at: number, length: number) =>
    at <= reached.done
      ? span(` ${glyphs.walked.repeat(length)} `, "good")
      : span(` ${glyphs.ahead.repeat(length)} `, "dim");
  const head = span("  ");
  for (const length of [4, 2, 1]) {
    const whole = [head].concat(
      all.flatMap((part, at) => (at === 0 ? part : [joint(at, length)].concat(part))),
    );
    if (lineWidth(whole) <= columns) return whole;
  }
  // With many steps: the present one and its neighbours.
  const place = Math.max(0, reached.now ?? reached.done);
  const near = all.slice(Math.max(0, place - 1), place + 3);
  const whole: Line = [
    head,
    span(`${Math.min(place + 1, steps.length)} of ${steps.length}  `, "strong"),
    ...joined(near, span(` ${glyphs.ahead} `, "dim")),
  ];
  return cutLine(
    lineWidth(whole) <= columns ? whole : [head, span(plannedPercent(share))],
    columns,
  );
}

function reachedOf({ phase, step, steps, share, journal }: RolloutStatus): {
  readonly done: number;
  readonly now: number | null;
} {
  if (phase === "promoted" || phase === "observing") return { done: steps.length, now: null };
  if (phase === "waiting") return { done: 0, now: null };
  if (step !== null) return { done: step - 1, now: step - 1 };
  // After a rollback the document names no step; the journal says which was the last.
  const last = journal.findLast(({ what }) => what === "step")?.facts["step"];
  const at = typeof last === "number" ? last - 1 : steps.findLastIndex((one) => one.share <= share);
  return at < 0 || at >= steps.length ? { done: 0, now: null } : { done: at, now: at };
}

/** What it waits for, and how long it holds still. */
export function drawWait(
  rollout: RolloutStatus,
  { nowMs, glyphs }: Pick<Model, "nowMs" | "glyphs">,
  columns: number,
): Line[] {
  const { phase, step, steps, share, applied_share: applied, users, requests } = rollout;
  if (phase !== "stepping" && phase !== "observing") return [];
  const present = step === null ? undefined : steps[step - 1];
  const hold = holdLeft(rollout, nowMs);
  const holdMs = (present?.hold_seconds ?? 0) * 1000;
  const gauge =
    hold === null || holdMs === 0 || columns < 60
      ? ""
      : `${bar(Math.max(0, 1 - hold / holdMs), 10, glyphs)} `;
  const parts: Line = [
    span("  hold ", "dim"),
    span(gauge, "calm"),
    span(hold === null ? "–" : `${formatSpan(hold)} left`, "strong"),
    span("   users ", "dim"),
    span(needed(users, present?.min_users)),
    span("   requests ", "dim"),
    span(needed(requests, present?.min_requests)),
    ...(applied === share
      ? []
      : [span(`   ${plannedPercent(applied)} in force, ${plannedPercent(share)} wanted`, "warn")]),
  ];
  return [parts];
}

function needed(have: number, least: number | undefined): string {
  return least === undefined || least === 0 ? count(have) : `${count(have)} of ${count(least)}`;
}

/** Milliseconds; null where nothing tells. */
export function holdLeft(rollout: RolloutStatus, nowMs: number): number | null {
  const { waits_for: waits, step, steps, journal, phase } = rollout;
  const toldMs = holdToldMs(waits);
  if (toldMs !== null) return toldMs;
  if (phase !== "stepping" || step === null) return null;
  const last = journal.findLast(({ what }) => ["step", "paused", "resumed"].includes(what));
  const present: Step | undefined = steps[step - 1];
  // After a pause the journal alone does not tell how much was left.
  if (last === undefined || last.what !== "step" || present === undefined) return null;
  return Math.max(0, Date.parse(last.at) + present.hold_seconds * 1000 - nowMs);
}

const verdictWords: Readonly<Record<Verdict["verdict"], readonly [string, Tone]>> = {
  ok: ["ok", "good"],
  wait: ["wait", "calm"],
  breach: ["BREACH", "bad"],
  error: ["error", "warn"],
};

/** What each guardrail says. */
export function drawGuardrails(
  { experiment, verdicts }: RolloutStatus,
  { samples, glyphs }: Pick<Model, "samples" | "glyphs">,
  columns: number,
): Line[] {
  if (verdicts.length === 0) return [line("  No guardrail has been judged yet", "dim")];
  const trend = columns >= 140 ? 24 : 12;
  const fields: Column<Verdict>[] = [
    {
      title: "guardrail",
      cell: ({ guardrail }) => neutralise(guardrail),
      grows: true,
      width: 12,
      rank: 20,
    },
    {
      title: "verdict",
      cell: ({ verdict, dry_run: dry }) =>
        `${glyphs[verdict === "ok" ? "ok" : verdict === "breach" ? "breach" : verdict === "wait" ? "wait" : "error"]} ${verdictWords[verdict][0]}${dry ? " (dry)" : ""}`,
      tone: ({ verdict }) => verdictWords[verdict][1],
      rank: 19,
    },
    {
      title: "value",
      cell: ({ value, unit }) => inUnit(value, unit),
      align: "right",
      rank: 18,
      tone: () => "strong",
    },
    {
      title: "limit",
      cell: ({ limit, unit }) => limitInUnit(limit, unit),
      align: "right",
      rank: 17,
    },
    {
      title: "control",
      cell: ({ control, unit }) => inUnit(control, unit),
      align: "right",
      rank: 15,
    },
    { title: "n", cell: ({ requests }) => count(requests), align: "right", rank: 16 },
    {
      title: "95 % interval",
      cell: ({ interval, unit }) =>
        interval === null
          ? glyphs.none
          : `${inUnit(interval[0], unit)} – ${inUnit(interval[1], unit)}`,
      align: "right",
      rank: 4,
    },
    {
      title: "trend",
      cell: ({ guardrail }) =>
        sparkline(
          squeeze(samples.of(experiment, guardrail, "value").slice(-180), trend),
          trend,
          glyphs,
        ),
      tone: ({ verdict }) => verdictWords[verdict][1],
      rank: 3,
    },
    { title: "on breach", cell: ({ on_breach: then }) => then, rank: 5 },
    {
      title: "reason",
      cell: (verdict) => neutralise(reasonOf(verdict)),
      tone: () => "dim",
      grows: true,
      width: 20,
      rank: 6,
    },
  ];
  const { head, lines } = drawTable(fields, verdicts, {
    columns,
    lead: verdicts.map(() => span("  ")),
    mark: glyphs.more,
  });
  return [head, ...lines];
}

/** What would speak against starting it. */
export function drawPreparation({ preparation }: RolloutStatus, glyphs: Glyphs): Line[] {
  if (preparation === null) return [];
  const tones: Record<string, Tone> = { error: "bad", warning: "warn", info: "dim" };
  return preparation.findings.map(({ level, message }) => [
    span(`  ${level === "error" ? glyphs.failed : glyphs.error} ${level}: `, tones[level] ?? "dim"),
    span(neutralise(message)),
  ]);
}
