import { describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import type { ReportDocument } from "../../../src/core/report/document.ts";
import { renderMarkdown } from "../../../src/core/report/text/markdown.ts";
import { cases } from "../../support/report/cases.ts";

/** One block a line: a change of the document is seen where it is. */
function linesOf({ sections, ...head }: ReportDocument): string {
  const lines = sections.flatMap(({ id, title, blocks }) => [
    JSON.stringify({ section: id, title }),
    ...blocks.map((block) => JSON.stringify(block)),
  ]);
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`;
}

describe("golden reports", () => {
  for (const [name, facts] of Object.entries(cases)) {
    it(`${name}, as Markdown`, async () => {
      await expect(renderMarkdown(composeReport(facts))).toMatchFileSnapshot(`golden/${name}.md`);
    });

    it(`${name}, as a document`, async () => {
      await expect(linesOf(composeReport(facts))).toMatchFileSnapshot(`golden/${name}.jsonl`);
    });
  }

  it("the same facts give the same document", () => {
    for (const facts of Object.values(cases)) {
      expect(composeReport(structuredClone(facts))).toEqual(composeReport(facts));
    }
  });
});
