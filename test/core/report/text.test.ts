import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { lint } from "markdownlint/sync";
import { describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { renderCsv as renderPieces } from "../../../src/core/report/text/csv.ts";
import {
  formatMs,
  formatP,
  formatSeconds,
  formatTime,
  formatValue,
} from "../../../src/core/report/text/format.ts";
import { escapeMarkdown, renderMarkdown } from "../../../src/core/report/text/markdown.ts";
import { cases, clearWin } from "../../support/report/cases.ts";
import { hostile } from "../../support/report/hostile.ts";

describe("numbers for people", () => {
  it("shares, changes, times and p-values", () => {
    for (const [value, format, words] of [
      [0.05, "share", "5 %"],
      [0.9995, "share", "99.95 %"],
      [0.99999, "share", "99.999 %"],
      [-0.082, "change", "−8.2 %"],
      [0, "change", "±0 %"],
      [0.0012, "points", "+0.12 pp"],
      [-12.34, "ms_change", "−12.3 ms"],
      [1_234_567, "count", "1,234,567"],
      [Infinity, "change", "no upper bound"],
    ] as const) {
      expect(formatValue(value, format)).toBe(words);
    }
    for (const [value, words] of [
      [0, "0 ms"],
      [0.34, "340 µs"],
      [1240, "1.24 s"],
      [200_000, "3.33 min"],
    ] as const) {
      expect(formatMs(value)).toBe(words);
    }
    for (const [value, words] of [
      [45, "45 s"],
      [3600, "1 h"],
      [604_800, "7 days"],
    ] as const) {
      expect(formatSeconds(value)).toBe(words);
    }
    for (const [value, words] of [
      [0.000_01, "< 0.0001"],
      [0.0412, "0.041"],
    ] as const) {
      expect(formatP(value)).toBe(words);
    }
    expect(formatTime("2026-11-28T14:00:05.123Z")).toBe("2026-11-28 14:00:05 UTC");
  });
});

const options = { default: true, MD013: false } as const;

describe("Markdown", () => {
  for (const [name, facts] of Object.entries({ ...cases, hostile })) {
    it(`${name} lints clean`, () => {
      const text = renderMarkdown(composeReport(facts));
      const { report = [] } = lint({ strings: { report: text }, config: options });
      expect(report).toEqual([]);
    });
  }

  it("no name becomes markup, a link, HTML or another line", () => {
    const whole = renderMarkdown(composeReport(hostile));
    const text = whole.replace(/````yaml[^]*?````/, "").replaceAll(/`` .*? ``/g, "");
    expect(text).not.toBe(whole);
    expect(text).not.toMatch(/(?<!\\)</);
    expect(text).not.toMatch(/(?<!\\)\]\(/);
    expect(text).not.toMatch(/https?:\/\/evil/);
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u0000-\u0009\u000b-\u001f]/);
    // Each row of a table has as many cells as its head.
    const widths = text
      .split("\n\n")
      .filter((part) => part.startsWith("| "))
      .map(
        (table) => new Set(table.split("\n").map((line) => line.split(/(?<!\\)\|/).length)).size,
      );
    expect(new Set(widths)).toEqual(new Set([1]));
  });

  it("escaped text never opens anything", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const escaped = escapeMarkdown(text);
        expect(escaped).not.toMatch(/[\n\r\t\u0000]/);
        expect(escaped).not.toMatch(/(?<!\\)[`*[\]<>|~]/);
      }),
    );
  });
});

describe("CSV", () => {
  const renderCsv = (...given: Parameters<typeof renderPieces>) => {
    const { summary, time_series, histogram } = renderPieces(...given);
    const [first, second, third] = [summary, time_series, histogram].map((pieces) =>
      [...pieces].join(""),
    );
    return { summary: first ?? "", time_series: second ?? "", histogram: third ?? "" };
  };
  const read = (text: string) =>
    parse(text, { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[];

  it("a spreadsheet gets numbers, times and names as they are", () => {
    const { summary, time_series, histogram } = renderCsv(clearWin, composeReport(clearWin));
    const [latency] = read(summary);
    expect(latency).toMatchObject({
      experiment: "two_models",
      outcome: "treatment_wins",
      metric: "latency_mean",
      primary: "true",
      treatment: "compact",
    });
    expect(Number(latency?.["change_relative"])).toBeCloseTo(-0.181, 10);
    const rows = read(time_series);
    expect(rows).toHaveLength(96);
    for (const { time, requests, p95_ms, tokens_in } of rows) {
      expect(new Date(time as string).toISOString()).toBe(time);
      expect(requests).toMatch(/^\d+$/);
      expect(p95_ms).toMatch(/^\d+(\.\d+)?$/);
      expect(tokens_in).toMatch(/^\d+$/);
    }
    const buckets = read(histogram).filter(({ variant }) => variant === "full");
    const counted = buckets.reduce((sum, { requests }) => sum + Number(requests), 0);
    expect(Math.abs(counted - 48_210)).toBeLessThan(50);
    expect(Number(buckets[1]?.["from_ms"])).toBe(Number(buckets[0]?.["to_ms"]));
  });

  it("a long time series comes in pieces, and every line once", () => {
    const { history } = clearWin;
    const stretches = 9000;
    const many = history && {
      ...history,
      at_ms: Array.from({ length: stretches }, (_, at) => at * 1000),
    };
    const facts = { ...clearWin, history: many };
    const pieces = [...renderPieces(facts, composeReport(facts)).time_series];
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(300_000);
    expect(read(pieces.join(""))).toHaveLength(2 * stretches);
  });

  it("what was not measured is empty, never 0 or NaN", () => {
    const facts = cases["variant-silent"] as ReportFacts;
    const { summary, time_series } = renderCsv(facts, composeReport(facts));
    expect(read(summary)[0]).toMatchObject({
      change_absolute: "",
      interval_low: "",
      treatment_users: "0",
    });
    expect(read(time_series).find(({ variant }) => variant === "compact")).toMatchObject({
      requests: "0",
      p95_ms: "",
    });
    expect(summary + time_series).not.toMatch(/NaN|null|undefined|Infinity/);
  });

  it("an experiment without a comparison still has its outcome", () => {
    const facts = cases["empty"] as ReportFacts;
    const { summary, time_series, histogram } = renderCsv(facts, composeReport(facts));
    expect(read(summary)).toMatchObject([{ outcome: "empty", metric: "" }]);
    expect(read(time_series)).toEqual([]);
    expect(read(histogram).every(({ requests }) => requests === "0")).toBe(true);
  });

  it("no name runs as a formula, breaks a row or hides a quotation mark", () => {
    for (const start of ["=", "+", "-", "@", "\t=", "＝"]) {
      const experiment = `${start}cmd|' /C calc'!A0,"x"\r\ny`;
      const { summary } = renderCsv(
        { ...clearWin, experiment },
        composeReport({ ...clearWin, experiment }),
      );
      const [row] = read(summary);
      expect(row?.["experiment"]).toBe(`'${experiment}`);
    }
  });
});
