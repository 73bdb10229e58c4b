import { err, ok, type Result } from "../../../base/result.ts";
import type { Brief } from "./brief.ts";
import { isAmong, readNumbers } from "./written-numbers.ts";

/** What is kept of a language model's answer. */
const charactersMax = 1500;
const paragraphsMax = 6;
/** What is read of one: the rest is cut off before anything is looked at. */
const readMax = 65_536;
const namedMax = 3;

/**
 * The paragraphs of a language model's answer, as plain text; or why they are not shown. Every number must be among
 * those of the brief: a model that invents one may have invented the rest.
 */
export function acceptInsights(answer: string, brief: Brief): Result<readonly string[], string> {
  const paragraphs = shortened(plainParagraphs(answer.slice(0, readMax)));
  if (paragraphs.length === 0) return err("its answer had no text");
  const text = paragraphs.join("\n");
  if (/:\/\/|\bwww\.|\bmailto:/i.test(text)) {
    return err("it held an address, and the facts have none");
  }
  if (/(?![0-9])\p{N}/u.test(text)) return err("it had digits that could not be checked");
  const facts = readNumbers(brief.lines.join("\n"), brief.names);
  const invented = readNumbers(text, brief.names).filter((written) => !isAmong(written, facts));
  if (invented.length === 0) return ok(paragraphs);
  const named = [...new Set(invented.map((written) => written.text.slice(0, 40)))];
  const more = named.length > namedMax ? ` and ${named.length - namedMax} more` : "";
  const isOne = named.length === 1;
  return err(
    `it named ${named.slice(0, namedMax).join(", ")}${more}, which ${isOne ? "is" : "are"} not among the facts`,
  );
}

/** Without what a model thought aloud, without markup, and without letters that show nothing. */
function plainParagraphs(answer: string): readonly string[] {
  const spoken = answer
    .replaceAll(/<think(?:ing)?>[^]*?(?:<\/think(?:ing)?>|$)/gi, "")
    .normalize("NFKC")
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "");
  return spoken
    .split(/\n\s*\n|\n(?=\s*(?:[-*•]|#{1,6}|\d{1,2}[.)])\s)/)
    .map((part) =>
      part
        .replace(/^\s*(?:#{1,6}|[-*•>]+|\d{1,2}[.)])\s+/, "")
        .replaceAll(/\[([^\][]*)\]\([^()\s]*\)/g, "$1")
        .replaceAll(/[*`]+|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, "")
        .replaceAll(/\s+/g, " ")
        .trim(),
    )
    .filter((part) => /\p{L}/u.test(part));
}

/** Up to the last sentence that has room. */
function shortened(paragraphs: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let left = charactersMax;
  for (const paragraph of paragraphs.slice(0, paragraphsMax)) {
    if (paragraph.length <= left) {
      kept.push(paragraph);
      left -= paragraph.length;
      continue;
    }
    const start = paragraph.slice(0, left);
    const end = start.search(/[.!?](?=\s)(?![^]*[.!?]\s)/);
    const whole = start.slice(0, end + 1);
    if (whole !== "") kept.push(whole);
    else if (kept.length === 0) kept.push(`${start.replace(/\s+\S*$/, "")}…`);
    break;
  }
  return kept;
}
