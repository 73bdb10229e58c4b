import type { Environment } from "../../core/config/environment.ts";
import { asciiGlyphs, unicodeGlyphs, type Glyphs } from "./glyphs.ts";
import type { ColourDepth } from "./paint.ts";

/** What a terminal can show, by what its environment says. */
export type Capabilities = {
  readonly depth: ColourDepth;
  readonly glyphs: Glyphs;
  /** Whether the cursor can be moved; without that, lines come one after the other. */
  readonly canMove: boolean;
};

export type CapabilityOptions = {
  readonly isTerminal: boolean;
  /** False for --no-color. */
  readonly colour: boolean;
  /** For --ascii and --no-ascii; null looks at the locale. */
  readonly ascii: boolean | null;
};

export function capabilitiesOf(
  env: Environment,
  { isTerminal, colour, ascii }: CapabilityOptions,
): Capabilities {
  const term = env["TERM"] ?? "";
  const isAscii = ascii ?? !isUtf8(env);
  return {
    depth: colour ? depthOf(env, isTerminal) : 0,
    glyphs: isAscii ? asciiGlyphs : unicodeGlyphs,
    canMove: isTerminal && term !== "dumb" && term !== "",
  };
}

/** NO_COLOR (https://no-color.org) goes before everything; FORCE_COLOR gives a pipe colours. */
function depthOf(env: Environment, isTerminal: boolean): ColourDepth {
  if ((env["NO_COLOR"] ?? "") !== "") return 0;
  const forced = env["FORCE_COLOR"];
  if (forced === "0") return 0;
  const term = env["TERM"] ?? "";
  if (forced === undefined && (!isTerminal || term === "dumb" || term === "")) return 0;
  const isRich = /256|direct|kitty|ghostty|alacritty|wezterm/.test(term);
  return isRich || /^(?:truecolor|24bit)$/.test(env["COLORTERM"] ?? "") ? 256 : 16;
}

/** As setlocale reads them: the first that is set decides. */
function isUtf8(env: Environment): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find(
    (value) => value !== undefined && value !== "",
  );
  return /utf-?8/i.test(locale ?? "");
}
