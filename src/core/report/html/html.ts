import { unreachable } from "../../../base/result.ts";
import { drawChart } from "../charts/draw.ts";
import { escapeXml } from "../charts/svg.ts";
import type {
  Advice,
  Block,
  Column,
  Figure,
  KeyNumber,
  ReportDocument,
  Table,
} from "../document.ts";
import { formatCell, formatTime, isNumeric } from "../text/format.ts";
import { styleSheet } from "./style.ts";

/**
 * A report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere, and its policy lets none
 * in. `hash` gives the base64 of the SHA-256 of the style sheet, which the policy names.
 */
export function renderHtml(report: ReportDocument, hash: (text: string) => string): string {
  const { title, subtitle, verdict, sections, generated_at, version } = report;
  const policy = `default-src 'none'; style-src 'sha256-${hash(styleSheet)}'; base-uri 'none'; form-action 'none'`;
  const links = sections.map(
    ({ id, title }) => `<li><a href="#${id}">${escapeText(title)}</a></li>`,
  );
  const bodies = sections.map(
    ({ id, title, blocks }) =>
      `<section aria-labelledby="${id}"><h2 id="${id}">${escapeText(title)}</h2>\n${blocks.map(renderBlock).join("\n")}\n</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Sluice ${escapeText(version)}">
<title>${escapeText(title)}: ${escapeText(verdict.label)}</title>
<style>${styleSheet}</style>
</head>
<body>
<a class="skip" href="#summary">To the summary</a>
<header>
<h1>${isolate(title)}</h1>
<p class="sub">${isolate(subtitle)}</p>
<div class="verdict is-${verdict.tone}"><b>${escapeText(verdict.label)}</b><p>${isolate(verdict.headline)}</p></div>
<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>
</header>
<main>
${bodies.join("\n")}
</main>
<footer>Made by Sluice ${escapeText(version)} on ${formatTime(generated_at)}. Times are UTC.</footer>
</body>
</html>
`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return `<p>${isolate(block.text)}</p>`;
    case "terms":
      return renderTerms(block.items.map(({ term, text }) => [term, text]));
    case "key_numbers":
      return `<ul class="keys">${block.items.map(renderKeyNumber).join("")}</ul>`;
    case "note":
      return `<div class="note is-${block.tone}" role="note"><h3>${isolate(block.title)}</h3><p>${isolate(block.text)}</p></div>`;
    case "narrative":
      return `<div class="narrative" role="note"><h3>${isolate(block.title)}</h3>${block.paragraphs.map((text) => `<p>${isolate(text)}</p>`).join("")}<p class="mark">${isolate(block.mark)}</p></div>`;
    case "advice":
      return `<ol class="advice">${block.items.map(renderAdvice).join("")}</ol>`;
    case "table":
      return renderTable(block);
    case "figure":
      return renderFigure(block);
    case "code":
      return `<pre><code>${escapeText(block.text)}</code></pre>`;
    default:
      return unreachable(block);
  }
}

function renderTerms(items: readonly (readonly [string, string])[]): string {
  const written = items.map(([term, text]) => `<dt>${isolate(term)}</dt><dd>${isolate(text)}</dd>`);
  return `<dl>${written.join("")}</dl>`;
}

function renderKeyNumber({ label, text, note, tone }: KeyNumber): string {
  return `<li class="is-${tone}"><span>${isolate(label)}</span><strong>${escapeText(text)}</strong><span>${isolate(note)}</span></li>`;
}

function renderAdvice({ tone, title, text, evidence }: Advice): string {
  const shown = renderTerms(evidence.map(({ label, text }) => [label, text]));
  return `<li class="is-${tone}"><h3>${isolate(title)}</h3><p>${isolate(text)}</p>${shown}</li>`;
}

/** Cells as long as this get room for words. */
const wideLength = 40;
/** Tables with more are set closer, to be seen whole on a usual screen. */
const denseColumns = 9;

function renderTable({ caption, columns, rows, id }: Table): string {
  const isNumber = columns.map(({ format }) => isNumeric(format));
  const head = columns.map(({ name }, at) => {
    const kinds = [
      ...(isNumber[at] === true ? ["number"] : []),
      ...(name.length > wideLength ? ["wide"] : []),
    ];
    const kind = kinds.length === 0 ? "" : ` class="${kinds.join(" ")}"`;
    return `<th scope="col"${kind}>${isolate(name)}</th>`;
  });
  const body = rows.map((row) => {
    const cells = row.map((cell, at) =>
      renderCell(formatCell(cell, (columns[at] as Column).format), columns[at] as Column, at === 0),
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="group" aria-labelledby="c-${id}"><table${columns.length > denseColumns ? ' class="dense"' : ""}><caption id="c-${id}"><span>${isolate(caption)}</span></caption><thead><tr>${head.join("")}</tr></thead><tbody>
${body.join("\n")}
</tbody></table></div>`;
}

function renderCell(
  { text, tone, isNumber }: ReturnType<typeof formatCell>,
  { format }: Column,
  isFirst: boolean,
): string {
  const kind = isNumber ? ' class="number"' : text.length > wideLength ? ' class="wide"' : "";
  const shown = format === "code" ? `<code>${escapeText(text)}</code>` : isolate(text);
  const content = tone === null ? shown : `<span class="tone is-${tone}">${shown}</span>`;
  return isFirst && !isNumber
    ? `<th scope="row"${kind}>${content}</th>`
    : `<td${kind}>${content}</td>`;
}

const chartStyle = { fontOf: () => "Inter, system-ui, sans-serif" } as const;

function renderFigure({ caption, description, chart, table }: Figure): string {
  const inNumbers =
    table === null ? "" : `<details><summary>In numbers</summary>${renderTable(table)}</details>`;
  return `<figure><figcaption>${isolate(caption)}</figcaption><div class="draw">${drawChart(chart, description, chartStyle)}</div>${inNumbers}</figure>`;
}

const strongLetters = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/**
 * Text in whose surroundings nothing turns round because of what is in it. With Latin letters it is a sentence of the
 * report, which goes from left to right whatever name it begins with.
 */
function isolate(text: string): string {
  const written = escapeText(text);
  if (!strongLetters.test(text)) return written;
  return /\p{Script=Latin}/u.test(text)
    ? `<bdi dir="ltr">${written}</bdi>`
    : `<bdi>${written}</bdi>`;
}

/** Also without what turns the direction of the text around it. */
function escapeText(text: string): string {
  return escapeXml(text.replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "")).replaceAll("'", "&#39;");
}
