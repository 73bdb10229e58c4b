import { bar, columnChart, highest, sparkline, squeeze } from "./charts.ts";
import { joined, line, padLine, span, type Line, type Span, type Tone } from "./line.ts";
import type { Model } from "./model.ts";
import { count, duration, percent, plannedPercent, rate, span as formatSpan } from "./numbers.ts";
import { successOf, type Subject, type VariantTraffic } from "./subjects.ts";
import { drawTable, type Column } from "./table.ts";
import { cut, neutralise } from "./text.ts";

const tones: readonly Tone[] = ["control", "treatment", "third", "calm"];

/** The tone of the variant at that place; the control is the first. */
export function toneOf(at: number): Tone {
  return tones[Math.min(at, tones.length - 1)] ?? "calm";
}

/** The variants beside each other. */
export function drawVariants(
  { key, variants }: Subject,
  { samples, glyphs }: Pick<Model, "samples" | "glyphs">,
  columns: number,
): Line[] {
  if (variants.length === 0) return [line("  No traffic is routed to it", "dim")];
  const at = (variant: VariantTraffic) => toneOf(variants.indexOf(variant));
  const barWidth = columns >= 140 ? 24 : columns >= 100 ? 16 : columns >= 60 ? 10 : 6;
  const trend = columns >= 140 ? 30 : columns >= 100 ? 20 : 10;
  const top = highest(variants.flatMap((variant) => [...samples.of(key, variant.key, "rate")]));
  const fields: Column<VariantTraffic>[] = [
    {
      title: "variant",
      cell: ({ key, control }) => neutralise(key) + (control ? " (control)" : ""),
      tone: at,
      grows: true,
      width: columns >= 70 ? 14 : 8,
      rank: 20,
    },
    {
      title: "share",
      cell: ({ observed_share: share, configured_share: wanted }) =>
        bar(share ?? wanted, barWidth, glyphs),
      tone: at,
      rank: 12,
    },
    {
      title: "seen",
      cell: ({ observed_share: share }) => percent(share),
      align: "right",
      rank: 18,
    },
    {
      title: "wanted",
      cell: ({ configured_share: share }) => plannedPercent(share),
      align: "right",
      rank: 15,
    },
    {
      title: "req/s",
      cell: ({ requests_per_second: perSecond }) => rate(perSecond),
      align: "right",
      rank: 16,
    },
    {
      title: "success",
      cell: (variant) => percent(successOf(variant)),
      align: "right",
      rank: 17,
      tone: (variant) => ((successOf(variant) ?? 1) < 0.95 ? "bad" : "plain"),
    },
    { title: "p50", cell: ({ latency_ms: of }) => duration(of?.p50), align: "right", rank: 4 },
    { title: "p95", cell: ({ latency_ms: of }) => duration(of?.p95), align: "right", rank: 14 },
    { title: "p99", cell: ({ latency_ms: of }) => duration(of?.p99), align: "right", rank: 5 },
    { title: "requests", cell: ({ requests }) => count(requests), align: "right", rank: 3 },
    { title: "users", cell: ({ users }) => count(users), align: "right", rank: 6 },
    { title: "in flight", cell: ({ in_flight: now }) => count(now), align: "right", rank: 2 },
    {
      title: "trend",
      cell: (variant) =>
        sparkline(
          squeeze(samples.of(key, variant.key, "rate").slice(-180), trend),
          trend,
          glyphs,
          top,
        ),
      tone: at,
      rank: 11,
    },
  ];
  const lead: Span[] = variants.map(() => span("  "));
  const { head, lines } = drawTable(fields, variants, { columns, lead, mark: glyphs.more });
  return [head, ...lines];
}

/** Why answers were bad, where any were. */
export function drawTroubles({ variants }: Subject): Line[] {
  const parts = variants.flatMap(({ key, outcomes, failures }, at): Line[] => {
    const bad = Object.entries(outcomes)
      .filter(([name, times]) => name !== "success" && times > 0)
      .map(([name, times]) => `${count(times)} ${name.replaceAll("_", " ")}`);
    if (bad.length === 0) return [];
    const why = Object.entries(failures).map(([name, times]) => `${count(times)} ${name}`);
    const words = [...bad, ...why].join(", ");
    return [[span(`${neutralise(key)} `, toneOf(at)), span(neutralise(words), "dim")]];
  });
  return parts.length === 0 ? [] : [[span("  not good: ", "dim"), ...joined(parts, span("   "))]];
}

/** Requests a second and latency over time, a chart for each variant, side by side where there is room. */
export function drawCharts(
  subject: Subject,
  { samples, glyphs }: Pick<Model, "samples" | "glyphs">,
  columns: number,
  rows: number,
): Line[] {
  const { key, variants } = subject;
  // A line of titles for each row of charts, and one below that says what time they show.
  const isOneRow = columns >= 96 && rows < 20;
  const rowsOfCharts = isOneRow || variants.length < 2 ? 1 : 2;
  const height = Math.min(10, Math.floor((rows - 1) / rowsOfCharts) - 1);
  if (variants.length === 0 || height < 2) return [];
  const charts = (["rate", "p95"] as const).flatMap((name) => {
    const series = variants.slice(0, 2).map((variant) => samples.of(key, variant.key, name));
    const top = highest(series.flat());
    return variants.slice(0, 2).map((variant, at) => ({
      name: neutralise(variant.key),
      unit: name === "rate" ? "req/s" : "p95",
      top: name === "rate" ? rate(top) : duration(top),
      scale: top,
      values: series[at] ?? [],
      tone: toneOf(at),
    }));
  });
  // Before the first request there is nothing to see.
  if (charts.every(({ scale }) => scale === 0)) return [];
  const perRow = isOneRow ? charts.length : Math.min(2, charts.length);
  const gap = 2;
  const width = Math.floor((columns - 2 - gap * (perRow - 1)) / perRow);
  if (width < 12) return [];
  const lines: Line[] = [];
  for (let from = 0; from < charts.length; from += perRow) {
    const row = charts.slice(from, from + perRow).map((chart) => drawChart(chart, width, height));
    for (let at = 0; at <= height; at += 1) {
      const cells = row.map((chart) => padLine(chart[at] ?? [], width));
      lines.push([span("  "), ...joined(cells, span(" ".repeat(gap)))]);
    }
  }
  const seconds = Math.max(...charts.map(({ values }) => values.length));
  return [...lines, line(`  the last ${formatSpan(seconds * 1000)}, now at the right`, "dim")];

  function drawChart(
    { name, unit, top, scale, values, tone }: (typeof charts)[number],
    width: number,
    height: number,
  ): Line[] {
    const room = Math.max(4, width - unit.length - top.length - 5);
    const head: Line = [span(`${cut(name, room)} ${unit}`, tone), span(`  to ${top}`, "dim")];
    const drawn = columnChart(squeeze(values, width), width, height, glyphs, scale);
    return [head, ...drawn.map((text) => line(text, tone))];
  }
}
