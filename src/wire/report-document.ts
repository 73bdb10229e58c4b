import { z } from "zod";

/** The document of a JSON report: what every rendering shows, before it is drawn. */

const tone = z.enum(["good", "bad", "caution", "neutral"]);
const numberFormat = z
  .enum([
    "share",
    "change",
    "points",
    "ms",
    "ms_change",
    "seconds",
    "number",
    "number_change",
    "count",
    "p",
  ])
  .describe("How a number is shown; the number itself is as it was measured, shares 0…1");
const atMs = z.number().describe("Milliseconds since 1970");
const pair = z.tuple([z.number(), z.number()]);
const point = z.tuple([atMs, z.number().nullable()]);
const colour = z.int().min(0).describe("0 is the control");

const mark = z.object({ at_ms: atMs, label: z.string(), tone });
const series = z.object({ name: z.string(), colour, points: z.array(point) });

const chart = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("time_series"),
    format: numberFormat,
    from_ms: atMs,
    to_ms: atMs,
    series: z.array(series).describe("Few enough points for a picture; facts.history has all"),
    limit: z.object({ name: z.string(), points: z.array(point) }).nullable(),
    area: z
      .object({
        name: z.string(),
        colour,
        points: z.array(z.tuple([atMs, z.number().nullable(), z.number().nullable()])),
      })
      .nullable(),
    bands: z.array(z.object({ from_ms: atMs, to_ms: atMs, label: z.string(), tone })),
    marks: z.array(mark),
  }),
  z.object({
    kind: z.literal("distribution"),
    format: numberFormat,
    bounds: z.array(z.number()),
    series: z.array(
      z.object({
        name: z.string(),
        colour,
        shares: z.array(z.number()),
        marks: z.array(z.object({ label: z.string(), value: z.number() })),
      }),
    ),
  }),
  z.object({
    kind: z.literal("interval"),
    format: numberFormat,
    region: z.number().nullable(),
    rows: z.array(
      z.object({
        label: z.string(),
        detail: z.string(),
        tone,
        estimate: z.number(),
        interval: pair.nullable(),
        sequential: pair.nullable(),
      }),
    ),
  }),
  z.object({
    kind: z.literal("steps"),
    from_ms: atMs,
    to_ms: atMs,
    series: z.array(
      z.object({ name: z.string(), colour, steps: z.array(z.tuple([atMs, z.number()])) }),
    ),
    marks: z.array(mark),
  }),
]);

const cell = z.union([
  z.string(),
  z.number(),
  z.null(),
  z.object({ value: z.union([z.number(), pair, z.null()]), format: numberFormat }),
  z.object({ text: z.string(), tone }),
]);

const table = z.object({
  kind: z.literal("table"),
  id: z.string(),
  caption: z.string(),
  columns: z.array(
    z.object({
      name: z.string(),
      format: z.union([numberFormat, z.enum(["text", "time", "code"])]),
    }),
  ),
  rows: z.array(z.array(cell)),
});

const evidence = z.array(z.object({ label: z.string(), text: z.string() }));

const block = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("paragraph"), text: z.string() }),
  z.object({
    kind: z.literal("terms"),
    items: z.array(z.object({ term: z.string(), text: z.string() })),
  }),
  z.object({
    kind: z.literal("key_numbers"),
    items: z.array(
      z.object({
        id: z.string(),
        label: z.string(),
        text: z.string(),
        value: z.number().nullable(),
        note: z.string(),
        tone,
      }),
    ),
  }),
  z.object({
    kind: z.literal("narrative").describe("Written by a language model; decides nothing"),
    title: z.string(),
    model: z.string(),
    paragraphs: z.array(z.string()),
    mark: z.string(),
  }),
  z.object({ kind: z.literal("note"), tone, title: z.string(), text: z.string() }),
  z.object({
    kind: z.literal("advice"),
    items: z.array(
      z.object({
        rule: z.string().describe("Stable; what a program may rely on"),
        tone,
        title: z.string(),
        text: z.string(),
        evidence,
      }),
    ),
  }),
  table,
  z.object({
    kind: z.literal("figure"),
    id: z.string(),
    caption: z.string(),
    description: z.string(),
    chart,
    table: table.nullable(),
  }),
  z.object({ kind: z.literal("code"), language: z.string(), text: z.string() }),
]);

export const reportDocumentSchema = z
  .object({
    title: z.string(),
    subtitle: z.string(),
    generated_at: z.iso.datetime(),
    version: z.string(),
    verdict: z.object({
      outcome: z.enum([
        "treatment_wins",
        "control_wins",
        "no_difference",
        "keep_running",
        "invalid",
        "rolled_back",
        "promoted",
        "climbing",
        "not_started",
        "variant_silent",
        "empty",
      ]),
      tone,
      label: z.string(),
      headline: z.string(),
    }),
    sections: z.array(z.object({ id: z.string(), title: z.string(), blocks: z.array(block) })),
  })
  .describe("What the facts come to");
