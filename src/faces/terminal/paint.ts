import type { Line, Tone } from "./line.ts";

/** Colours that the terminal has: none, the 16 of old, or 256. */
export type ColourDepth = 0 | 16 | 256;

type Look = { readonly few: string; readonly many: string };

/**
 * SGR parameters of each tone. The 256 colours are of the Okabe–Ito kind, told apart with every colour vision; what
 * is good or bad is written as well, never shown by colour alone.
 */
const looks: Readonly<Record<Tone, Look>> = {
  plain: { few: "", many: "" },
  dim: { few: "90", many: "38;5;245" },
  strong: { few: "1", many: "1" },
  title: { few: "1;36", many: "1;38;5;117" },
  frame: { few: "90", many: "38;5;240" },
  good: { few: "32", many: "38;5;43" },
  warn: { few: "33", many: "38;5;220" },
  bad: { few: "1;31", many: "1;38;5;209" },
  calm: { few: "36", many: "38;5;110" },
  control: { few: "34", many: "38;5;75" },
  treatment: { few: "35", many: "38;5;214" },
  third: { few: "36", many: "38;5;177" },
  brand: { few: "1;34", many: "1;38;5;75" },
  key: { few: "1", many: "1;38;5;117" },
  selected: { few: "1;7", many: "1;38;5;231;48;5;24" },
};

const escape = "\u001B[";

/** The line as a terminal of that many colours takes it; without colours nothing but the text. */
export function paint(parts: Line, depth: ColourDepth): string {
  if (depth === 0) return parts.map(({ text }) => text).join("");
  return parts
    .map(({ text, tone }) => {
      const look = looks[tone][depth === 16 ? "few" : "many"];
      return look === "" || text === "" ? text : `${escape}${look}m${text}${escape}0m`;
    })
    .join("");
}
