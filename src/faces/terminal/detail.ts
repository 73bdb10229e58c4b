import type { RolloutStatus } from "../../wire/admin-api.ts";
import { drawArms, drawProgress } from "./decision.ts";
import { blank, line, span, type Line } from "./line.ts";
import type { Model } from "./model.ts";
import { plannedPercent } from "./numbers.ts";
import { stackSections, type Panel, type Section } from "./panel.ts";
import { drawGuardrails, drawPreparation, drawTrack, drawWait } from "./rollout-track.ts";
import type { Subject } from "./subjects.ts";
import { neutralise, wrap } from "./text.ts";
import { drawCharts, drawTroubles, drawVariants } from "./variants.ts";

/** One experiment: the verdict, where it stands, what that rests on. */
export function drawDetail(model: Model, columns: number, rows: number): Panel {
  const { selected, ui, glyphs } = model;
  if (selected === null) {
    return { title: [span("Nothing selected", "title")], lines: [] };
  }
  const title: Line = [
    span(selected.name, "title"),
    span(`  ${kindWords[selected.kind]}, `, "dim"),
    span(selected.state, selected.tone),
  ];
  const sections = sectionsOf(model, selected, columns, rows);
  if (ui.view !== "detail") return { title, lines: stackSections(sections, rows, glyphs) };
  const all = stackSections(sections, 10_000, glyphs);
  const from = Math.min(ui.scroll, Math.max(0, all.length - rows));
  const note =
    all.length <= rows
      ? blank
      : line(`${from + 1}–${Math.min(all.length, from + rows)} of ${all.length} lines`, "dim");
  return { title, note, lines: all.slice(from) };
}

const kindWords: Readonly<Record<Subject["kind"], string>> = {
  rollout: "rollout",
  experiment: "A/B experiment",
  split: "fixed split",
};

function sectionsOf(model: Model, subject: Subject, columns: number, rows: number): Section[] {
  const { glyphs, ui } = model;
  const { rollout, life } = subject;
  const isOpen = ui.view === "detail";
  const linesMax = isOpen || rows >= 20 ? 4 : rows >= 8 ? 2 : 1;
  const verdict = wrap(subject.verdict, columns - 2, linesMax, glyphs.more).map((text) =>
    line(`  ${text}`, subject.tone),
  );
  const table = drawVariants(subject, model, columns);
  const variants = rows < 4 ? table.slice(1) : table;
  const variantSection = { lines: variants, least: Math.min(variants.length, 6) };
  const standing = standingOf(model, subject, columns);
  const sections: Section[] = [
    { lines: verdict, least: 1 },
    // Where there is hardly any room, numbers say more than the way that is still to go.
    ...(rows < 7 ? [variantSection, standing] : [standing, variantSection]),
  ];
  if (rollout !== null) {
    const isJudged = rollout.phase !== "waiting" || rollout.verdicts.length > 0;
    const guardrails = isJudged ? drawGuardrails(rollout, model, columns) : [];
    sections.push({ lines: guardrails, least: Math.min(guardrails.length, 4) });
    sections.push({ lines: drawPreparation(rollout, glyphs), least: 1 });
  } else if (life !== null) {
    sections.push({ lines: drawArms(life, glyphs, columns), least: 2 });
  }
  const remarks = [...drawTroubles(subject), ...notes(subject, model)];
  sections.push({ lines: remarks, least: rows < 7 ? 0 : 1 });
  const journal = drawJournal((rollout ?? life)?.journal ?? [], isOpen ? 50 : 12);
  const used = sections.filter(({ lines }) => lines.length > 0);
  const spent = used.reduce((sum, { lines, gap = true }) => sum + lines.length + (gap ? 1 : 0), 0);
  const spare = rows - spent;
  const charts = drawCharts(subject, model, columns, isOpen ? Math.max(8, spare - 1) : spare - 1);
  sections.push({ lines: charts, least: charts.length }, { lines: journal, least: 0 });
  return sections;
}

/** Where it stands on its way. */
function standingOf(model: Model, { rollout, life }: Subject, columns: number): Section {
  if (rollout === null) {
    return { lines: life === null ? [] : drawProgress(life), least: 1, gap: false };
  }
  const lines = [drawTrack(rollout, model.glyphs, columns), ...drawWait(rollout, model, columns)];
  return { lines, least: lines.length, gap: false };
}

/** What else is to be known: copies, mirrored writes, findings. */
function notes({ traffic, variants }: Subject, { glyphs }: Model): Line[] {
  const copies = variants.flatMap(({ key, copies }): Line[] => {
    if (copies === null) return [];
    const rate = copies.success_rate;
    const ok = rate === null ? "" : `, ${(rate * 100).toFixed(1)}% of them good`;
    return [
      [
        span("  copies ", "dim"),
        span(`${neutralise(key)} answered ${copies.requests.toLocaleString("en-US")} copies${ok}`),
      ],
    ];
  });
  const mirrored = (traffic?.mirrored ?? []).map(({ variant, state, queued, failure }): Line => [
    span("  writes ", "dim"),
    span(
      `${neutralise(variant)} is ${state.replaceAll("_", " ")}, ${queued} queued`,
      state === "in_step" ? "plain" : "warn",
    ),
    span(failure === null ? "" : `: ${neutralise(failure)}`, "dim"),
  ]);
  const findings = (traffic?.compatibility?.findings ?? []).map(({ severity, message }): Line => [
    span(`  ${severity === "refuse" ? glyphs.failed : glyphs.error} `, "warn"),
    span(neutralise(message)),
  ]);
  return [...findings, ...mirrored, ...copies];
}

/** The last entries, the newest first. */
function drawJournal(journal: RolloutStatus["journal"], most: number): Line[] {
  return journal
    .slice(-most)
    .toReversed()
    .map(({ at, what, actor, facts }) => {
      const details = Object.entries(facts)
        .filter(([name, value]) => name !== "of" && value !== null && value !== "")
        .map(([name, value]) => factWords(name, value, facts["of"]));
      return [
        span(`  ${neutralise(at.slice(11, 19))}  `, "dim"),
        span(neutralise(what.replaceAll("_", " ")).padEnd(12), "strong"),
        span(` by ${neutralise(actor)}`),
        span(details.length === 0 ? "" : `  ${neutralise(details.join(", "))}`, "dim"),
      ];
    });
}

type Fact = RolloutStatus["journal"][number]["facts"][string];

function factWords(name: string, value: Fact, of: Fact | undefined): string {
  if (name === "share" && typeof value === "number") return `share ${plannedPercent(value)}`;
  const words = `${name.replaceAll("_", " ")} ${String(value)}`;
  return name === "step" && of !== undefined ? `${words} of ${String(of)}` : words;
}
