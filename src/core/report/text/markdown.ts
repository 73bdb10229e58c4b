import { unreachable } from "../../../base/result.ts";
import type { Advice, Block, KeyNumber, ReportDocument, Table } from "../document.ts";
import { formatCell, formatTime } from "./format.ts";

/** A report as Markdown (GitHub's kind): for pull requests and wikis. Charts are told in words. */
export function renderMarkdown(report: ReportDocument): string {
  const { title, subtitle, verdict, generated_at, version, sections } = report;
  const parts = [
    `# ${escapeMarkdown(title)}`,
    escapeMarkdown(subtitle),
    `**${escapeMarkdown(verdict.label)}**: ${escapeMarkdown(verdict.headline)}`,
  ];
  for (const { title, blocks } of sections) {
    parts.push(`## ${escapeMarkdown(title)}`, ...blocks.flatMap(renderBlock));
  }
  parts.push("---", `Made by Sluice ${escapeMarkdown(version)}, ${formatTime(generated_at)}.`);
  return `${parts.reduce(join)}\n`;
}

/** Quotations one after the other are one, or readers differ on where each ends. */
function join(text: string, part: string): string {
  const isQuoted = part.startsWith("> ") && text.slice(text.lastIndexOf("\n") + 1).startsWith("> ");
  return `${text}${isQuoted ? "\n>\n" : "\n\n"}${part}`;
}

function renderBlock(block: Block): string[] {
  switch (block.kind) {
    case "paragraph":
      return [escapeMarkdown(block.text)];
    case "terms":
      return [
        block.items
          .map(({ term, text }) => `- ${strong(term)}: ${escapeMarkdown(text)}`)
          .join("\n"),
      ];
    case "key_numbers":
      return [renderKeyNumbers(block.items)];
    case "note":
      return [`> ${strong(block.title)}. ${escapeMarkdown(block.text)}`];
    case "narrative":
      return [renderNarrative(block)];
    case "advice":
      return [block.items.map(renderAdvice).join("\n")];
    case "table":
      return renderTable(block);
    case "figure":
      return [
        `_Chart_: ${escapeMarkdown(block.caption)}`,
        escapeMarkdown(block.description),
        ...(block.table === null ? [] : renderTable(block.table)),
      ];
    case "code":
      return [renderCode(block)];
    default:
      return unreachable(block);
  }
}

type Narrative = Extract<Block, { kind: "narrative" }>;

function renderKeyNumbers(items: readonly KeyNumber[]): string {
  const rows = items.map(({ label, text, note }) => [
    strong(label),
    escapeCell(text),
    escapeCell(note),
  ]);
  return tableOf(["Figure", "Value", "Against"], [":--", "--:", ":--"], rows);
}

/** One quotation, so that it cannot be taken for the report's own words. */
function renderNarrative({ title, paragraphs, mark }: Narrative): string {
  const parts = [strong(title), ...paragraphs.map(escapeMarkdown), `_${escapeMarkdown(mark)}_`];
  return parts.map((part) => `> ${part}`).join("\n>\n");
}

function renderAdvice({ title, text, evidence }: Advice, at: number): string {
  const lines = [`${at + 1}. ${strong(title)}. ${escapeMarkdown(text)}`];
  // Under the item's text, whatever its number's width.
  const indent = " ".repeat(String(at + 1).length + 2);
  for (const each of evidence) {
    lines.push(`${indent}- ${escapeMarkdown(each.label)}: ${escapeMarkdown(each.text)}`);
  }
  return lines.join("\n");
}

function renderTable({ caption, columns, rows }: Table): string[] {
  const shown = rows.map((row) =>
    row.map((cell, at) => {
      const format = columns[at]?.format ?? "text";
      const { text } = formatCell(cell, format);
      return format === "code" ? codeCell(text) : escapeCell(text);
    }),
  );
  const rules = columns.map(({ format }) =>
    format === "text" || format === "code" || format === "time" ? ":--" : "--:",
  );
  const names = columns.map(({ name }) => escapeCell(name));
  return [escapeMarkdown(caption), tableOf(names, rules, shown)];
}

function tableOf(
  names: readonly string[],
  rules: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [lineOf(names), lineOf(rules), ...rows.map(lineOf)].join("\n");
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The fence is longer than any run of backticks inside. */
function renderCode({
  language,
  text,
}: {
  readonly language: string;
  readonly text: string;
}): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  // A tab is no layout that every reader agrees on; control characters have no place in a text.
  const safe = withoutControls(text, /[\u0000-\u0008\u000b-\u001f\u007f]/g).replaceAll(
    "\t",
    "    ",
  );
  return `${fence}${language}\n${safe.replace(/\n+$/, "")}\n${fence}`;
}

function codeCell(text: string): string {
  const safe = oneLine(text);
  const longest = Math.max(0, ...Array.from(safe.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = longest > 0 ? " " : "";
  return `${fence}${pad}${safe.replaceAll("|", String.raw`\|`)}${pad}${fence}`;
}

function strong(text: string): string {
  return `**${escapeMarkdown(text)}**`;
}

function escapeCell(text: string): string {
  return escapeMarkdown(text);
}

/** Text that means itself: no markup, no HTML, no link and no new line comes of it. */
export function escapeMarkdown(text: string): string {
  return (
    oneLine(text)
      // An underscore within a word is no emphasis.
      .replaceAll(
        /[\\`*[\]<>|~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
        (character) => `\\${character}`,
      )
      .replaceAll("&", "&amp;")
      // What would begin a heading, a list or a quotation at the start of a line.
      .replace(
        /^(#{1,6}|[-+]|\d+[.)])(?=\s|$)/,
        (start) => `${start.slice(0, -1)}\\${start.slice(-1)}`,
      )
      // A bare address would become a link.
      .replaceAll(/(https?|ftp):\/\//gi, "$1&#58;//")
      .replaceAll(/\bwww\./gi, "www&#46;")
      .replaceAll("@", "&#64;")
  );
}

function oneLine(text: string): string {
  return withoutControls(text.replaceAll(/\s+/g, " "), /[\u0000-\u001f\u007f]/g).trim();
}

/** Also without what turns the direction of the text around it. */
function withoutControls(text: string, controls: RegExp): string {
  return text.replaceAll(controls, "").replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
