import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import { drawChart } from "../../../src/core/report/charts/draw.ts";
import { pointsOf, reduceColumn } from "../../../src/core/report/charts/reduce.ts";
import type { Block, Figure } from "../../../src/core/report/document.ts";
import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { renderHtml } from "../../../src/core/report/html/html.ts";
import { cases } from "../../support/report/cases.ts";
import { hostile } from "../../support/report/hostile.ts";

const hash = (text: string) => createHash("sha256").update(text).digest("base64");
const htmlOf = (facts: ReportFacts) => renderHtml(composeReport(facts), hash);
const all = Object.entries({ ...cases, hostile });

describe("HTML", () => {
  it("asks nothing of anybody: no script, no address to load from, and a policy that lets none in", () => {
    for (const [, facts] of all) {
      const html = htmlOf(facts);
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
      const sheet = /<style>([^]*?)<\/style>/.exec(html)?.[1] ?? "";
      expect(policy).toBe(
        `default-src 'none'; style-src 'sha256-${hash(sheet)}'; base-uri 'none'; form-action 'none'`,
      );
      expect(html).not.toMatch(/<(script|iframe|img|link|object|embed|base|form)\b/i);
      expect(html).not.toMatch(/<[a-z][^>]*\s(src|style|on\w+)=/i);
      expect(html).not.toMatch(/href="(?!#)/);
      expect(sheet).not.toMatch(/url\(|@import/);
    }
  });

  it("every element that opens closes, in order", () => {
    const single = new Set(["meta", "rect", "path", "line"]);
    for (const [name, facts] of all) {
      const open: string[] = [];
      for (const [, end, tag = "", self] of htmlOf(facts).matchAll(
        /<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/g,
      )) {
        if (single.has(tag) || self === "/") continue;
        if (end === "") open.push(tag);
        else expect([name, open.pop()]).toEqual([name, tag]);
      }
      expect(open).toEqual([]);
    }
  });

  it("every table has a caption and heads, every chart says what there is to be seen, every link leads somewhere", () => {
    const html = htmlOf(cases["clear-win"] as ReportFacts);
    const tables = html.match(/<table\b/g) ?? [];
    expect(tables.length).toBeGreaterThan(8);
    expect(html.match(/<caption /g)).toHaveLength(tables.length);
    expect(html.match(/<th scope="col"/g)?.length).toBeGreaterThan(tables.length);
    const charts = html.match(/<svg [^>]*>/g) ?? [];
    expect(charts.length).toBeGreaterThan(5);
    for (const chart of charts) expect(chart).toMatch(/role="img" aria-label="[^"]{20,}"/);
    for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${id}"`);
    const ids = Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("a name of another direction does not turn the text around it", () => {
    const html = htmlOf(hostile);
    expect(html).toContain('<bdi dir="ltr">مرحبا');
    expect(html).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  });
});

function figuresOf(blocks: readonly Block[]): Figure[] {
  return blocks.filter((block) => block.kind === "figure");
}

describe("charts", () => {
  const style = { fontOf: () => "Inter" };

  it("stay within their picture, and have no number that is none", () => {
    for (const [, facts] of all) {
      for (const { chart, description } of composeReport(facts).sections.flatMap(({ blocks }) =>
        figuresOf(blocks),
      )) {
        const picture = drawChart(chart, description, style);
        expect(picture).not.toMatch(/NaN|Infinity|undefined|null|currentColor/);
        const [, height] = /viewBox="0 0 720 ([\d.]+)"/.exec(picture) ?? [];
        for (const [, d = ""] of picture.matchAll(/ d="([^"]*)"/g)) {
          for (const [, x, y] of d.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)) {
            expect(Number(x)).toBeGreaterThanOrEqual(0);
            expect(Number(x)).toBeLessThanOrEqual(720);
            expect(Number(y)).toBeLessThanOrEqual(Number(height));
          }
        }
      }
    }
  });

  it("an interval without an end, and one that is far wider than the first, are cut off with an arrow", () => {
    const row = { label: "a", detail: "", tone: "neutral", estimate: 0.1, interval: null } as const;
    const picture = drawChart(
      {
        kind: "interval",
        format: "change",
        region: 0.05,
        rows: [
          { ...row, sequential: [0.05, 0.15] },
          { ...row, sequential: [-Infinity, 40] },
        ],
      },
      "x",
      style,
    );
    expect(picture).not.toMatch(/NaN|Infinity/);
    expect(picture.match(/class="tone-fill neutral"/g)).toHaveLength(4);
    const far = { ...row, estimate: 6, sequential: [5, 7] as const };
    const chart = {
      kind: "interval",
      format: "change",
      region: 0.05,
      rows: [{ ...row, sequential: null }, far],
    } as const;
    const arrows = drawChart(chart, "x", style).matchAll(
      /d="M([\d.]+) [\d.]+L([\d.]+) [\d.]+L\2 /g,
    );
    expect(Array.from(arrows, ([, tip, foot]) => Number(tip) > Number(foot))).toEqual([true]);
  });
});

describe("fewer points", () => {
  const stepMs = 10_000;
  const atMs = Array.from({ length: 60_480 }, (_, at) => at * stepMs);
  const reduce = (valueAt: (place: number) => number | null) =>
    reduceColumn({ atMs, values: atMs.map((_, place) => valueAt(place)), stepMs }, 160);

  it("no peak and no trough is lost, and the ends stay", () => {
    const reduced = reduce((place) =>
      place === 31_337 ? 99 : place === 4242 ? -99 : Math.sin(place / 500),
    );
    expect(reduced.length).toBeLessThan(161 * 5);
    expect(reduced).toContainEqual([313_370_000, 99]);
    expect(reduced).toContainEqual([42_420_000, -99]);
    expect([reduced[0], reduced.at(-1)]).toEqual([
      [0, 0],
      [604_790_000, Math.sin(60_479 / 500)],
    ]);
    expect(reduced.map(([at]) => at)).toEqual(
      reduced.map(([at]) => at).toSorted((one, other) => one - other),
    );
  });

  it("a gap stays a gap", () => {
    const reduced = reduce((place) =>
      place > 20_000 && place < 30_000 ? null : Math.sin(place / 500),
    );
    expect(reduced.some(([, value]) => value === null)).toBe(true);
    expect([...pointsOf({ atMs: [0, 10, 50], values: [1, 2, 3], stepMs: 10 })]).toEqual([
      [0, 1],
      [10, 2],
      [20, null],
      [50, 3],
    ]);
  });
});
