import type { ContentText } from "pdfmake/interfaces.js";

/**
 * Which font has which letters. Inter is the report's font; DejaVu Sans has the scripts that Inter lacks; a letter that
 * neither has is written as its code, since a box would say nothing.
 */

type Run = Pick<ContentText, "font" | "fontFeatures"> & { readonly text: string };

const inter =
  /[\t\n\u0020-\u007e\u00a0-\u024f\u02b0-\u02ff\u0370-\u03ff\u0400-\u052f\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u2070-\u209c\u20a0-\u20bf\u2190-\u2193\u2212\u2248\u2260\u2264\u2265]/;
const dejaVu =
  /[\u0531-\u058f\u05d0-\u05ea\u0600-\u06ff\u0750-\u077f\u10d0-\u10fc\u2100-\u214f\u2190-\u23ff\u2500-\u27bf\u2800-\u28ff\ufb1d-\ufb4f\ufe70-\ufefc]/;
/** Marks over and under the letter before them: in Inter for Latin, in DejaVu Sans for Hebrew. */
const marks = /^\p{M}$/u;
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** What a font is called in the PDF. */
export const fonts = { text: "Inter", other: "DejaVu", code: "DejaVuMono" } as const;

/** A text as runs, each in a font that has its letters. */
export function runsOf(text: string): Run[] {
  const runs: { text: string; font: string }[] = [];
  for (const letter of lettersOf(bound(text))) {
    const last = runs.at(-1);
    // A space and an accent belong to what is before them, so that a run of another script stays whole.
    const isPart = letter === " " || marks.test(letter);
    const font = isPart && last !== undefined ? last.font : fontOfLetter(letter);
    if (last === undefined || last.font !== font) runs.push({ text: letter, font });
    else last.text += letter;
  }
  return runs.flatMap(({ text, font }): Run[] =>
    font === fonts.other ? [{ text: inReadingOrder(text), font }] : withEvenDigits(text),
  );
}

/** On one line where there is room; a number and its unit in any case. */
function bound(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/(\d) (?=(?:%|ms|µs|s|min|h|pp|days)(?![\p{L}\d]))/gu, "$1\u00a0");
}

/**
 * Inter moves digits so close to a point that it is hard to see; its digits of one width stay apart. Only where they are
 * needed, because a font's features cost several times what plain text does.
 */
function withEvenDigits(text: string): Run[] {
  return text
    .split(/(\d[\d.,]*\d)/)
    .filter((part) => part !== "")
    .map((part) =>
      /^\d.*[.,]/.test(part)
        ? { text: part, font: fonts.text, fontFeatures: ["tnum"] }
        : { text: part, font: fonts.text },
    );
}

/** The one font for all of a text: a chart's labels cannot change theirs. */
export function fontOf(text: string): string {
  return Array.from(text).every((letter) => inter.test(letter)) ? fonts.text : fonts.other;
}

/** The same text with codes for letters that no font has. */
export function printable(text: string): string {
  return lettersOf(text).join("");
}

function lettersOf(text: string): string[] {
  const plain = text.replaceAll(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/g, "");
  return Array.from(plain).flatMap((letter) => {
    if (inter.test(letter) || dejaVu.test(letter) || marks.test(letter)) return [letter];
    const code = letter.codePointAt(0) ?? 0;
    return code < 32 ? [] : Array.from(`\\u{${code.toString(16)}}`);
  });
}

function fontOfLetter(letter: string): string {
  return inter.test(letter) ? fonts.text : fonts.other;
}

/** Words are set from left to right; those of a script that runs the other way are put the other way round. */
function inReadingOrder(text: string): string {
  if (!rightToLeft.test(text)) return text;
  const [, words = "", end = ""] = /^(.*?)(\s*)$/s.exec(text) ?? [];
  return `${words.split(" ").toReversed().join(" ")}${end}`;
}
