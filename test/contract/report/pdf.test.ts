import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { renderPdf } from "../../../src/faces/report/pdf/pdf.ts";
import { printPdfInThread } from "../../../src/main/report-thread.ts";
import { hasPoppler, poppler } from "../../support/poppler.ts";
import { cases } from "../../support/report/cases.ts";
import { hostile } from "../../support/report/hostile.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-pdf-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function fileOf(name: string, facts: ReportFacts): Promise<string> {
  const path = join(folder, `${name}.pdf`);
  writeFileSync(path, await renderPdf(composeReport(facts)));
  return path;
}

/** As one line, with plain spaces. */
function plain(text: string): string {
  return text.replaceAll(/[\s\u00a0]+/g, " ");
}

describe("PDF", { timeout: 120_000 }, () => {
  it("the same report gives the same bytes, in a thread of its own, too", async () => {
    const report = composeReport(cases["rolled-back"] as ReportFacts);
    const bytes = Buffer.from(await renderPdf(report));
    expect(Buffer.from(await renderPdf(report)).equals(bytes)).toBe(true);
    expect(Buffer.from(await printPdfInThread(report)).equals(bytes)).toBe(true);
  });

  it("a report that is none fails the thread, not the process", async () => {
    const broken = { sections: null } as unknown as Parameters<typeof printPdfInThread>[0];
    await expect(printPdfInThread(broken)).rejects.toThrow(/report's PDF could not be made/);
  });
});

describe.skipIf(!hasPoppler())(
  "PDF, as poppler reads it (skipped: needs poppler-utils)",
  { timeout: 120_000 },
  () => {
    for (const [name, facts] of Object.entries(cases)) {
      it(`${name}: every key number, section, caption and advice is in its text`, async () => {
        const path = await fileOf(name, facts);
        const text = plain(poppler("pdftotext", "-layout", path, "-"));
        const raw = plain(poppler("pdftotext", "-raw", path, "-"));
        for (const { title, blocks } of composeReport(facts).sections) {
          expect(text).toContain(title);
          for (const block of blocks) {
            if (block.kind === "key_numbers") {
              for (const { label, text: value } of block.items) {
                expect(raw).toContain(label);
                expect(text).toContain(value);
              }
            }
            if (block.kind === "advice") {
              for (const { title } of block.items) expect(raw).toContain(title);
            }
            if (block.kind === "table") expect(raw).toContain(block.columns[0]?.name);
          }
        }
      });
    }

    it("has an outline, numbered pages, embedded fonts and a title", async () => {
      const path = await fileOf("six", cases["six-variants"] as ReportFacts);
      const info = poppler("pdfinfo", path);
      expect(info).toMatch(/Title: +embedding_models: Treatment wins/);
      const pages = Number(/Pages: +(\d+)/.exec(info)?.[1]);
      expect(pages).toBeGreaterThan(3);
      const text = poppler("pdftotext", path, "-");
      for (let page = 1; page <= pages; page += 1)
        expect(text).toContain(`Page ${page} of ${pages}`);
      const fonts = poppler("pdffonts", path).trim().split("\n").slice(2);
      expect(fonts.length).toBeGreaterThan(1);
      for (const font of fonts) expect(font).toMatch(/ yes +yes +yes /);
      const html = poppler("pdftohtml", "-xml", "-i", "-stdout", path);
      const outline = Array.from(html.matchAll(/<item page="\d+">([^<]+)</g), ([, title]) => title);
      expect(outline).toEqual(
        composeReport(cases["six-variants"] as ReportFacts).sections.map(({ title }) => title),
      );
    });

    it("a table that goes over a page has its head again", async () => {
      const facts = cases["clear-win"] as ReportFacts;
      const entry = facts.journal.entries[0] as ReportFacts["journal"]["entries"][number];
      const entries = Array.from({ length: 90 }, (_, at) => ({ ...entry, sequence: at + 1 }));
      const path = await fileOf("long", { ...facts, journal: { entries, is_cut: false } });
      const heads = poppler("pdftotext", "-layout", path, "-").match(/Time +What +By +Facts/g);
      expect(heads?.length).toBeGreaterThan(1);
    });

    it("charts are drawings, not pictures", async () => {
      const path = await fileOf("drawn", cases["clear-win"] as ReportFacts);
      expect(poppler("pdfimages", "-list", path).trim().split("\n")).toHaveLength(2);
    });

    it("every page can be drawn, names of other scripts and of any length included", async () => {
      const path = await fileOf("hostile", hostile);
      poppler("pdftoppm", "-r", "40", "-png", path, join(folder, "hostile"));
      const pages = readdirSync(folder).filter((file) => /^hostile-\d+\.png$/.test(file));
      expect(pages.length).toBeGreaterThan(3);
      for (const page of pages) expect(statSync(join(folder, page)).size).toBeGreaterThan(1000);
      const text = poppler("pdftotext", path, "-");
      expect(text).toContain("<script>alert(1)</script>](https://evil.example)");
      expect(text).toMatch(/[\u05d0-\u05ea]{2}/);
      expect(text).toContain("\\u{4f60}");
      // Nothing in it is a link or a script, whatever it is called.
      expect(poppler("pdfinfo", path)).toMatch(/JavaScript: +no/);
      expect(poppler("pdfinfo", "-url", path)).not.toContain("evil");
    });
  },
);
