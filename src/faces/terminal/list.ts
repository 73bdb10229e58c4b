import { bar, sparkline, squeeze } from "./charts.ts";
import { line, padLine, span, type Line } from "./line.ts";
import type { Model } from "./model.ts";
import { duration, percent, plannedPercent, rate } from "./numbers.ts";
import { successOf, type Subject } from "./subjects.ts";
import { drawTable, type Column } from "./table.ts";
import type { Panel } from "./panel.ts";

/** All experiments, one line each: the verdict in words, the split, the traffic. */
export function drawList(model: Model, columns: number, rows: number): Panel {
  const { subjects, visible, selected, ui, glyphs } = model;
  // The titles of columns go first.
  const hasHead = rows > 2;
  const room = Math.max(0, hasHead ? rows - 1 : rows);
  const at = selected === null ? 0 : visible.indexOf(selected);
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), visible.length - room));
  const shown = visible.slice(from, from + room);
  const title: Line = [
    span("Experiments", "title"),
    ...(ui.filter !== "" || ui.isFiltering
      ? [
          span("  /", "key"),
          span(ui.filter),
          ...(ui.isFiltering ? [span(glyphs.isAscii ? "_" : "▏", "key")] : []),
        ]
      : []),
  ];
  const note = line(position(visible.length, subjects.length, from, shown.length), "dim");
  if (subjects.length === 0) return { title, note, lines: emptyLines };
  if (visible.length === 0) {
    return { title, note, lines: [line("  Nothing matches; Escape shows all", "dim")] };
  }
  const { head, lines } = drawTable(columnsFor(model, columns), shown, {
    columns,
    mark: glyphs.more,
    lead: shown.map((subject) =>
      subject === selected && ui.focus === "experiments"
        ? span(`${glyphs.cursor} `, "key")
        : span("  "),
    ),
  });
  const marked = lines.map((one, index) =>
    shown[index] === selected && ui.focus === "experiments" ? select(one, columns) : one,
  );
  return { title, note, lines: hasHead ? [head, ...marked] : marked };
}

const emptyLines: readonly Line[] = [
  line("  No experiments yet. Create one:"),
  line("  sluice experiment create KEY --from FILE --route 'POST /embeddings'", "key"),
];

function position(visible: number, all: number, from: number, shown: number): string {
  const of = visible === all ? `${all}` : `${visible} of ${all}`;
  return shown < visible ? `${from + 1}–${from + shown} of ${visible}` : of;
}

/** The line that keys act on stands out as a whole. */
function select(parts: Line, columns: number): Line {
  return padLine(parts, columns).map(({ text }) => span(text, "selected"));
}

function columnsFor({ glyphs, samples }: Model, columns: number): Column<Subject>[] {
  const isWide = columns >= 140;
  const barWidth = columns >= 100 ? 16 : columns >= 60 ? 10 : 5;
  const fields: Column<Subject>[] = [
    {
      title: "experiment",
      cell: ({ name }) => name,
      tone: () => "strong",
      grows: true,
      width: columns >= 70 ? 16 : 10,
      rank: 10,
    },
    {
      title: "state",
      cell: ({ state }) => state,
      tone: ({ tone }) => tone,
      rank: 9,
    },
    ...(columns < 56 ? [] : [verdictColumn]),
    {
      title: "split",
      cell: (subject) => splitCell(subject, barWidth, glyphs),
      tone: () => "treatment",
      rank: 6,
    },
    {
      title: "req/s",
      cell: ({ traffic, variants }) =>
        traffic === null
          ? glyphs.none
          : rate(variants.reduce((sum, { requests_per_second: of }) => sum + of, 0)),
      align: "right",
      rank: 5,
    },
  ];
  if (isWide) {
    fields.push(
      { title: "success", cell: pairOfSuccess, align: "right", rank: 4 },
      { title: "p95", cell: pairOfLatency, align: "right", rank: 3 },
    );
  }
  fields.push({
    title: "trend",
    cell: ({ key, variants }) => {
      const width = isWide ? 16 : 8;
      const all = variants.map((variant) => samples.of(key, variant.key, "rate"));
      return sparkline(squeeze(sumOf(all).slice(-120), width), width, glyphs);
    },
    tone: () => "calm",
    rank: 2,
  });
  return fields;
}

const verdictColumn: Column<Subject> = {
  title: "verdict",
  cell: ({ verdict }) => verdict,
  tone: ({ tone }) => tone,
  grows: true,
  width: 18,
  rank: 7,
};

function splitCell({ variants }: Subject, width: number, glyphs: Model["glyphs"]): string {
  if (variants.length === 0) return glyphs.none;
  const share = variants.reduce(
    (sum, variant) => (variant.control ? sum : sum + variant.configured_share),
    0,
  );
  return `${bar(share, width, glyphs)} ${plannedPercent(share).padStart(4)}`;
}

/** The control's and the worst treatment's. */
function pairOfSuccess({ variants }: Subject): string {
  const [control, ...treatments] = variants.map(successOf);
  const known = treatments.filter((value) => value !== null);
  const worst = known.length === 0 ? null : Math.min(...known);
  return pair(percent(control ?? null), percent(worst));
}

function pairOfLatency({ variants }: Subject): string {
  const [control, ...treatments] = variants.map(({ latency_ms: latency }) => latency?.p95 ?? null);
  const known = treatments.filter((value) => value !== null);
  const worst = known.length === 0 ? null : Math.max(...known);
  return pair(duration(control), duration(worst));
}

function pair(control: string, treatment: string): string {
  return control === treatment ? control : `${control} → ${treatment}`;
}

function sumOf(series: readonly (readonly (number | null)[])[]): (number | null)[] {
  const length = Math.max(0, ...series.map((values) => values.length));
  return Array.from({ length }, (_, at) => {
    const known = series
      .map((values) => values[values.length - length + at] ?? null)
      .filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  });
}
