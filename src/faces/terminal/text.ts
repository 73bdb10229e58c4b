import stringWidth from "string-width";

/**
 * Text of others on a terminal: names, reasons and messages may hold anything.
 *
 * What could move the cursor, change colours or reorder a line is made visible as `�`; what terminals disagree about
 * (joined emoji, skin tones, variation selectors) becomes its first sign, so that a width counted here is the width there.
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Controls, line and paragraph separators, and everything that sets the direction of writing. */
const harmful =
  /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF\uFFF9-\uFFFB]|\p{Surrogate}/u;
const harmfulAll = new RegExp(harmful.source, "gu");
const plain = /^[ -~]*$/;
/** Marks on one sign; more are a prank that covers other lines. */
const marksMax = 3;
/** Longer texts are cut before anything is measured. */
const lengthMax = 4096;

/** The text without anything that a terminal would obey. */
export function neutralise(text: string): string {
  const short = text.length > lengthMax ? text.slice(0, lengthMax) : text;
  if (plain.test(short)) return short;
  let clean = "";
  for (const { segment } of segmenter.segment(short.replaceAll(harmfulAll, "�"))) {
    clean += oneSign(segment);
  }
  return clean;
}

/** A grapheme as terminals agree on it: its first sign with a few marks. */
function oneSign(segment: string): string {
  if (segment.length === 1) return /\p{Default_Ignorable_Code_Point}/u.test(segment) ? "" : segment;
  const [first = "", ...rest] = segment;
  if (/\p{Default_Ignorable_Code_Point}/u.test(first)) return "";
  if (/\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(first)) return first;
  const marks = rest.filter(
    (sign) => /\p{M}/u.test(sign) && !/\p{Default_Ignorable_Code_Point}/u.test(sign),
  );
  const letters = rest.filter((sign) => /[\p{L}\p{N}]/u.test(sign));
  return first + marks.slice(0, marksMax).join("") + letters.join("");
}

/** Columns that neutralised text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += stringWidth(segment);
  return width;
}

/** The text in `width` columns at most; what was cut is told by `mark`. */
export function cut(text: string, width: number, mark = "…"): string {
  if (width <= 0) return "";
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(mark);
  if (room < 0) return "";
  let kept = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const next = used + stringWidth(segment);
    if (next > room) break;
    kept += segment;
    used = next;
  }
  return kept + mark;
}

/** Exactly `width` columns, left-aligned. */
export function left(text: string, width: number, mark = "…"): string {
  const short = cut(text, width, mark);
  return short + " ".repeat(Math.max(0, width - widthOf(short)));
}

/** Exactly `width` columns, right-aligned. */
export function right(text: string, width: number, mark = "…"): string {
  const short = cut(text, width, mark);
  return " ".repeat(Math.max(0, width - widthOf(short))) + short;
}

/** Words in lines of `width` columns, `linesMax` at most; the last tells that there is more. */
export function wrap(text: string, width: number, linesMax: number, mark = "…"): string[] {
  if (width <= 0 || linesMax <= 0) return [];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
  }
  if (line !== "") lines.push(line);
  if (lines.length <= linesMax) return lines.map((one) => cut(one, width, mark));
  const rest = lines.slice(linesMax - 1).join(" ");
  return [...lines.slice(0, linesMax - 1), rest].map((one) => cut(one, width, mark));
}

const asciiOf: Readonly<Record<string, string>> = {
  "–": "-",
  "—": "-",
  "−": "-",
  "→": ">",
  "…": "~",
  "×": "x",
  "≥": ">",
  "≤": "<",
  "≠": "#",
  "±": "~",
  "·": "|",
  "\u00A0": " ",
  "\u202F": " ",
  "“": '"',
  "”": '"',
  "‘": "'",
  "’": "'",
  µ: "u",
  "�": "?",
};

/** For terminals that show ASCII only; as many columns as before, so that what was laid out stays so. */
export function toAscii(text: string): string {
  if (plain.test(text)) return text;
  let ascii = "";
  for (const { segment } of segmenter.segment(text)) {
    ascii += plain.test(segment) ? segment : (asciiOf[segment] ?? "?".repeat(stringWidth(segment)));
  }
  return ascii;
}
