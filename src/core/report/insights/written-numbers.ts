import { numberWords, readNumberWords } from "./number-words.ts";

/**
 * The numbers of a text, and whether one stands for another: 18 % for 18.1 %, 0.4 s for 368 ms, "five percent" for 0.05.
 * A number is its size in a base unit with half of its last digit around it; it stands for what lies in there. Names, and
 * labels such as p95, are no numbers.
 */

export type WrittenNumber = {
  /** As it stands in the text, with its unit. */
  readonly text: string;
  /** `day`: a date or a time of day, which is compared by `key` alone. */
  readonly kind: "plain" | "share" | "time" | "day";
  /** Without its sign: of a share 0…1, of a time in milliseconds. */
  readonly size: number;
  /** Half of the last digit that is written. */
  readonly half: number;
  /** 0 where none is written. */
  readonly sign: -1 | 0 | 1;
  readonly key: string;
  /** The same in the unit of the number that follows, as in "5 to 8 %" and "50/50"; null where there is none. */
  readonly orAs: WrittenNumber | null;
};

/** Reads the numbers of `text`, in its order. `names` may hold digits without being numbers. */
export function readNumbers(text: string, names: readonly string[]): readonly WrittenNumber[] {
  const { rest, days } = takeDays(withoutLabels(withoutNames(text.normalize("NFKC"), names)));
  return [...days, ...withUnitsOfRanges(Array.from(rest.matchAll(pattern), readNumber))];
}

/** Whether a number of the text stands for one of the facts. */
export function isAmong(written: WrittenNumber, facts: readonly WrittenNumber[]): boolean {
  if (written.orAs !== null && isAmong(written.orAs, facts)) return true;
  const alike = facts.filter((fact) => isAlike(written, fact));
  if (written.sign === 0 || alike.length === 0) return alike.length > 0;
  // A sign that the facts do not have is as wrong as a digit.
  return alike.some(({ sign }) => sign === written.sign) || alike.every(({ sign }) => sign === 0);
}

function isAlike(written: WrittenNumber, fact: WrittenNumber): boolean {
  if (written.kind === "day" || fact.kind === "day") return written.key === fact.key;
  if ((written.kind === "time") !== (fact.kind === "time")) return false;
  // 0.05 is 5 %, but 1 user is not 100 %, and a score of 3 is not threefold.
  const isFraction = ({ half }: WrittenNumber) => half < halfOfWhole;
  if (written.kind !== fact.kind && !(isFraction(written) && isFraction(fact))) return false;
  return Math.abs(written.size - fact.size) <= written.half * (1 + 1e-9) + fact.size * 1e-9;
}

/** Of a number without decimals. */
const halfOfWhole = 0.5;

const millisecondsOf: Readonly<Record<string, number>> = {
  μs: 0.001,
  us: 0.001,
  microsecond: 0.001,
  ms: 1,
  millisecond: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  week: 604_800_000,
};
const shareOf: Readonly<Record<string, number>> = {
  "%": 0.01,
  percent: 0.01,
  "per cent": 0.01,
  pp: 0.01,
  "percentage point": 0.01,
  "%-point": 0.01,
  x: 1,
  "×": 1,
  time: 1,
  fold: 1,
};
const multiples: Readonly<Record<string, number>> = {
  k: 1000,
  K: 1000,
  thousand: 1000,
  M: 1e6,
  million: 1e6,
};

const unit = [...Object.keys(millisecondsOf), ...Object.keys(shareOf)]
  .toSorted((one, other) => other.length - one.length)
  .map((each) => (each.length > 2 ? `${each}s?` : each))
  .join("|");
const digits = String.raw`\d{1,3}(?:[,'’_ ]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:[.,]\d+)?(?:e[+-]?\d+)?|\.\d+`;
const pattern = new RegExp(
  String.raw`(?<sign>(?<=^|[\s(,;:=<>~≈–—"'])[+−-])?(?:(?<digits>${digits})|(?<![\p{L}\p{N}])(?<words>${numberWords})(?![\p{L}\p{N}]))(?:[ -]?(?<multiple>${Object.keys(multiples).join("|")})(?![\p{L}\p{N}]))?(?:[ -]?(?<unit>${unit})(?![\p{L}\p{N}]))?(?<range>\s?(?:[-‐–—/:]|to|and|or)\s?(?=[+−-]?[\d.]))?`,
  "gu",
);

type Read = WrittenNumber & {
  readonly hasUnit: boolean;
  readonly scale: number;
  readonly range: string;
};

function readNumber({ 0: text, groups = {} }: RegExpExecArray): Read {
  const { sign = "", digits, words, multiple, unit = "", range = "" } = groups;
  const spoken = words === undefined ? null : readNumberWords(words);
  const plain = spoken?.value ?? Number(normalDigits(digits ?? ""));
  const factor = multiple === undefined ? 1 : (multiples[multiple] ?? 1);
  const name = unit.length > 2 ? unit.replace(/(?<=[a-z])s$/, "") : unit;
  const isPart = spoken?.isShare === true;
  const [kind, scale] = kindOf(name, isPart);
  const written = normalDigits(digits ?? String(plain));
  const half = isPart
    ? 0
    : halfOf(written, { isMultiple: factor !== 1, isShare: kind === "share" });
  return {
    text: text.slice(0, text.length - range.length).trim(),
    kind,
    size: plain * factor * scale,
    half: half * factor * scale,
    sign: sign === "" ? 0 : sign === "+" ? 1 : -1,
    key: "",
    orAs: null,
    hasUnit: unit !== "",
    scale,
    range: range.trim(),
  };
}

function kindOf(unit: string, isShare: boolean): readonly [WrittenNumber["kind"], number] {
  const ms = Object.hasOwn(millisecondsOf, unit) ? millisecondsOf[unit] : undefined;
  if (ms !== undefined) return ["time", ms];
  const share = Object.hasOwn(shareOf, unit) ? shareOf[unit] : undefined;
  return share === undefined ? [isShare ? "share" : "plain", 1] : ["share", share];
}

function normalDigits(digits: string): string {
  const isGrouped = /^\d{1,3}(?:[,'’_ ]\d{3})+(?:\.|$)/.test(digits);
  return isGrouped ? digits.replaceAll(/[,'’_ ]/g, "") : digits.replace(",", ".");
}

type Rounding = { readonly isMultiple: boolean; readonly isShare: boolean };

/**
 * Zeros at the end of a whole number may be rounding: 48,000 stands for 48,210, but 100 ms only for what is nearer than
 * 5 ms; 100 % is all.
 */
function halfOf(digits: string, { isMultiple, isShare }: Rounding): number {
  const [mantissa = "", exponent = "0"] = digits.toLowerCase().split("e");
  const [whole = "", decimals = ""] = mantissa.split(".");
  const scale = 10 ** Number(exponent);
  if (Number(mantissa) === 0 && decimals === "") return 0;
  if (decimals !== "") return 0.5 * 10 ** -decimals.length * scale;
  if (isMultiple && whole.length < 2) return 0.05 * scale;
  if (isShare) return halfOfWhole * scale;
  const zeros = /0*$/.exec(whole)?.[0].length ?? 0;
  return 0.5 * 10 ** Math.max(0, Math.min(zeros, whole.length - 2)) * scale;
}

/** In "5 to 8 %" both may be shares, and in "95:5" and "50/50". */
function withUnitsOfRanges(read: readonly Read[]): readonly WrittenNumber[] {
  return read.map((each, at) => {
    const [before, next] = [read[at - 1], read[at + 1]];
    const isOfRatio =
      (before !== undefined && isRatio(before, each)) ||
      (next !== undefined && isRatio(each, next));
    if (isOfRatio) return { ...each, orAs: scaled(each, "share", 0.01) };
    const takesUnit = each.range !== "" && !each.hasUnit && next?.hasUnit === true;
    return takesUnit ? { ...each, orAs: scaled(each, next.kind, next.scale) } : each;
  });
}

function isRatio(one: Read, other: Read): boolean {
  const isPair = (one.range === "/" || one.range === ":") && !one.hasUnit && !other.hasUnit;
  return isPair && one.size + other.size === 100;
}

function scaled(read: Read, kind: WrittenNumber["kind"], scale: number): WrittenNumber {
  return { ...read, kind, size: read.size * scale, half: read.half * scale };
}

/** Names that hold a letter; one of digits alone would hide numbers. */
function withoutNames(text: string, names: readonly string[]): string {
  return names
    .map((name) => name.normalize("NFKC"))
    .filter((name) => /\p{N}/u.test(name) && /\p{L}/u.test(name))
    .toSorted((one, other) => other.length - one.length)
    .reduce(
      (rest, name) =>
        rest.replaceAll(
          new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(name)}(?![\\p{L}\\p{N}])`, "giu"),
          "·",
        ),
      text,
    );
}

/** Percentiles by their names, classes of status codes, and "one" where it need not count anything. */
function withoutLabels(text: string): string {
  return text
    .replaceAll(/(?<![\p{L}\p{N}])p(?:50|75|90|95|99(?:\.9)?)(?![\p{L}\p{N}])/giu, "·")
    .replaceAll(
      /(?<![\p{L}\p{N}])(?:50|75|90|95|99(?:\.9)?)(?:st|nd|rd|th)[ -]percentiles?/giu,
      "·",
    )
    .replaceAll(/(?<![\p{L}\p{N}])[1-5]xx(?![\p{L}\p{N}])/giu, "·")
    .replaceAll(/(?<=\d)(?:st|nd|rd|th)(?![\p{L}\p{N}])/giu, "")
    .replaceAll(
      /(?<![\p{L}\p{N}-])one(?![\p{L}\p{N}]|[ -](?:percent|per cent|%|second|minute|hour|day|week|third|quarter|fifth|tenth|hundred|thousand|million)s?(?![\p{L}\p{N}]))/giu,
      "·",
    );
}

const months = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
const month = `(?<month>${months.map((name) => `${name}|${name.slice(0, 3)}`).join("|")})\\.?`;
const isoDay = /(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)(?:T(?=\d))?/g;
const hour = /(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?Z?)?(?![\d:])/g;
const dayFirst = new RegExp(
  `(?<!\\d)(?:(?<early>\\d{1,2})\\s?(?:-|–|to|and)\\s?)?(?<day>\\d{1,2}) (?:of )?${month}(?!\\p{L})`,
  "giu",
);
const monthFirst = new RegExp(
  `(?<!\\p{L})${month} (?<early>\\d{1,2})(?:\\s?(?:-|–|to|and)\\s?(?<day>\\d{1,2}))?(?!\\d)`,
  "giu",
);

/** Takes dates and times of day out of a text. A year is a number of its own. */
function takeDays(text: string): {
  readonly rest: string;
  readonly days: readonly WrittenNumber[];
} {
  const days: WrittenNumber[] = [];
  const take = (written: string, key: string) => {
    days.push({ text: written, kind: "day", size: 0, half: 0, sign: 0, key, orAs: null });
  };
  const takeNamed = (...found: readonly unknown[]): string => {
    const { month = "", day, early } = found.at(-1) as Record<string, string | undefined>;
    const at = months.findIndex((name) => name.startsWith(month.toLowerCase().slice(0, 3))) + 1;
    for (const each of [early, day]) {
      if (each !== undefined) take(String(found[0]), `${at}-${Number(each)}`);
    }
    return "·";
  };
  const rest = text
    .replaceAll(isoDay, (written, year: string, ofYear: string, day: string) => {
      take(written, `${Number(ofYear)}-${Number(day)}`);
      return ` ${year} · `;
    })
    .replaceAll(hour, (written, hours: string, minutes: string) => {
      take(written, `${Number(hours)}:${minutes}`);
      return "·";
    })
    .replaceAll(dayFirst, takeNamed)
    .replaceAll(monthFirst, takeNamed);
  return { rest, days };
}
