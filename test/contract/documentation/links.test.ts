import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { alertingRules } from "../../support/alerting-rules.ts";
import { anchorsOf, listPages, relativeLinksOf } from "../../support/documentation.ts";

/** What is wrong with a link, seen from `folder`; null when it leads somewhere. */
function problemOf(link: string, folder: string, page: string): string | null {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(folder, path);
  if (!existsSync(target)) return `${target} does not exist`;
  if (anchor === undefined || !target.endsWith(".md")) return null;
  return anchorsOf(target).has(anchor) ? null : `${target} has no heading #${anchor}`;
}

describe("links", () => {
  it.each(listPages())("of %s lead to pages and headings that are there", (page) => {
    const problems = relativeLinksOf(page).map((link) => problemOf(link, dirname(page), page));
    expect(problems.filter((problem) => problem !== null)).toEqual([]);
  });

  it("that lead nowhere are found out", () => {
    expect(problemOf("#nowhere", "", "README.md")).toBe("README.md has no heading #nowhere");
    expect(problemOf("nowhere.md", "docs", "docs/traffic.md")).toBe(
      "docs/nowhere.md does not exist",
    );
  });

  it("of alerting rules lead to headings that are there", () => {
    const links = alertingRules.map(({ annotations }) => annotations["runbook_url"] ?? "");
    expect(links.filter((link) => !link.includes("#"))).toEqual([]);
    expect(
      links.map((link) => problemOf(link, "", "")).filter((problem) => problem !== null),
    ).toEqual([]);
  });

  it("of the README reach every page of docs", () => {
    const linked = new Set(relativeLinksOf("README.md").map((link) => link.split("#")[0]));
    const pages = listPages().filter((page) => page.startsWith("docs/"));
    expect(pages.filter((page) => !linked.has(page))).toEqual([]);
  });

  it("to pictures have a text for those who do not see them, and the pictures are small", () => {
    const pictures = Array.from(
      readFileSync("README.md", "utf8").matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g),
      ([, text = "", path = ""]) => ({ text, path }),
    );
    expect(pictures.map(({ path }) => path)).toEqual(["docs/dashboard.png", "docs/terminal.png"]);
    for (const { text, path } of pictures) {
      expect(text.length).toBeGreaterThan(20);
      expect(readFileSync(path).byteLength).toBeLessThan(200_000);
    }
  });
});
