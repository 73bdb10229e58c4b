import { jaccardOf } from "./ranking.ts";

export type AnswerText = {
  readonly text: string;
  /** File paths that the answer's body lists as its references, where it has such a list. */
  readonly references?: readonly string[];
};

/** Null stands for a number that the two answers cannot have, never for 0. */
export type TextComparison = {
  /** UTF-16 code units of the treatment by those of the control; null where one is empty. */
  readonly lengthRatio: number | null;
  /** F1 of the words, each as often as it occurs, 0…1; null where neither has any. */
  readonly tokenOverlap: number | null;
  /** References that both have, by those that either has, 0…1; null where neither has any. */
  readonly citationOverlap: number | null;
  /** Whether a text was longer than `charsMax`, so that its words and citations are those of its beginning. */
  readonly isCut: boolean;
};

/** References of one answer beyond this many are left out. */
const citationsMax = 1_000;

/**
 * How alike two answers in prose are. Words are runs of letters, digits and marks in lower case, normalised (NFC); in
 * scripts written without spaces each character is a word. References are compared by file path where both answers name
 * paths (in their body or in a list under "References"), else by the ids `[n]` in the text, which are only alike where
 * both variants number the same retrieved list.
 */
export function compareTexts(
  control: AnswerText,
  treatment: AnswerText,
  { charsMax }: { readonly charsMax: number },
): TextComparison {
  const left = control.text.slice(0, charsMax);
  const right = treatment.text.slice(0, charsMax);
  const hasBoth = control.text !== "" && treatment.text !== "";
  return {
    lengthRatio: hasBoth ? treatment.text.length / control.text.length : null,
    tokenOverlap: tokenOverlapOf(left, right),
    citationOverlap: citationOverlapOf(
      citationsOf(left, control.references),
      citationsOf(right, treatment.references),
    ),
    isCut: control.text.length > charsMax || treatment.text.length > charsMax,
  };
}

const word =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]|[[\p{L}\p{N}\p{M}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]]+/gv;

function tokenOverlapOf(control: string, treatment: string): number | null {
  const left = wordsOf(control);
  const right = wordsOf(treatment);
  const all = left.total + right.total;
  if (all === 0) return null;
  let shared = 0;
  for (const [text, count] of left.counts) {
    shared += Math.min(count, right.counts.get(text) ?? 0);
  }
  return (2 * shared) / all;
}

function wordsOf(text: string): {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
} {
  const counts = new Map<string, number>();
  let total = 0;
  for (const [found] of text.toLowerCase().normalize("NFC").matchAll(word)) {
    counts.set(found, (counts.get(found) ?? 0) + 1);
    total += 1;
  }
  return { counts, total };
}

type Citations = { readonly paths: ReadonlySet<string>; readonly ids: ReadonlySet<string> };

function citationOverlapOf(control: Citations, treatment: Citations): number | null {
  const isByPath =
    (control.paths.size > 0 && treatment.paths.size > 0) ||
    (control.ids.size === 0 && treatment.ids.size === 0);
  return isByPath
    ? jaccardOf(control.paths, treatment.paths)
    : jaccardOf(control.ids, treatment.ids);
}

const heading = /^[ \t]*#{0,6}[ \t]*\**references\**:?\**[ \t]*$/gimu;
const listed = /^[ \t]*(?:[-*][ \t]*)?\[\d{1,4}\][ \t]*(\S.*)$/gmu;
const cited = /\[(\d{1,4})\]/gu;

function citationsOf(text: string, references: readonly string[] | undefined): Citations {
  const ids = new Set<string>();
  for (const [, id] of text.matchAll(cited)) {
    if (ids.size === citationsMax) break;
    ids.add(id as string);
  }
  const paths =
    references === undefined || references.length === 0 ? listedPaths(text) : references;
  return { paths: new Set(paths.slice(0, citationsMax)), ids };
}

/** The lines `[n] path` under the last heading "References", as LightRAG's prompt asks the model to end its answer. */
function listedPaths(text: string): readonly string[] {
  let from = -1;
  for (const found of text.matchAll(heading)) from = found.index + found[0].length;
  if (from < 0) return [];
  return [...text.slice(from).matchAll(listed)].map(([, path]) => (path as string).trim());
}
