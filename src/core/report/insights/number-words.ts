/** Numbers that are written as words. */

const small = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
] as const;

const values: ReadonlyMap<string, number> = new Map([
  ...small.map((word, value): [string, number] => [word, value]),
  ["fifteen", 15],
  ["twenty", 20],
  ["thirty", 30],
  ["forty", 40],
  ["fifty", 50],
  ["sixty", 60],
  ["seventy", 70],
  ["eighty", 80],
  ["ninety", 90],
  ["dozen", 12],
  ["hundred", 100],
  ["thousand", 1000],
  ["million", 1e6],
]);

/** What says how many times, or which part: a share, 1 for the whole. */
const parts: ReadonlyMap<string, number> = new Map([
  ["half", 0.5],
  ["halved", 0.5],
  ["twice", 2],
  ["double", 2],
  ["doubled", 2],
  ["doubling", 2],
  ["triple", 3],
  ["tripled", 3],
  ["quadrupled", 4],
  ["twofold", 2],
  ["threefold", 3],
  ["fivefold", 5],
  ["tenfold", 10],
]);

const denominators: ReadonlyMap<string, number> = new Map([
  ["third", 3],
  ["quarter", 4],
  ["fifth", 5],
  ["tenth", 10],
]);

/** As a pattern takes them, also at the start of a sentence. */
function anyOf(words: Iterable<string>): string {
  return Array.from(words, (each) => {
    const first = each.charAt(0);
    return `[${first.toUpperCase()}${first}]${each.slice(1)}`;
  }).join("|");
}

const word = anyOf(values.keys());

/** As the source of a pattern: `five`, `twenty-five`, `two hundred`; `half`, `doubled`; `a third`, `two thirds`. */
export const numberWords = `(?:${anyOf(["a", ...small.slice(1)])})[ -](?:${anyOf(denominators.keys())})s?|(?:${word})(?:[ -](?:${word}))*|${anyOf(parts.keys())}`;

/** What such a word comes to; `isShare`: as a part of a whole. */
export function readNumberWords(written: string): {
  readonly value: number;
  readonly isShare: boolean;
} {
  const words = written.toLowerCase().split(/[ -]/);
  const [first = "", last = ""] = [words[0], words.at(-1)];
  const part = parts.get(first);
  if (part !== undefined) return { value: part, isShare: true };
  const denominator = denominators.get(last.replace(/s$/, ""));
  if (denominator !== undefined) {
    return { value: (values.get(first) ?? 1) / denominator, isShare: true };
  }
  let [sum, group] = [0, 0];
  for (const each of words) {
    const value = values.get(each) ?? 0;
    if (value < 100) group += value;
    else if (value === 100) group = Math.max(1, group) * value;
    else [sum, group] = [sum + Math.max(1, group) * value, 0];
  }
  return { value: sum + group, isShare: false };
}
