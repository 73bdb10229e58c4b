import { err, ok, type Result } from "../../base/result.ts";
import { unknown } from "../config/suggestion.ts";

/** Texts with gaps that each request fills in: `{"query": "{{line}}", "user": "{{user}}"}`. */

/** A line of a body file: its text, and its fields where it has some (a CSV row, a JSON object). */
export type DataLine = {
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
};

/** What one request puts into the gaps. */
export type TemplateValues = {
  readonly user: string;
  /** Number of the request, from 0. */
  readonly request: number;
  readonly line: DataLine | null;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

/** Where a text goes decides what its values must not break: JSON strings, URL parts, header lines. */
export type TemplatePlace = "json" | "path" | "header" | "text";

export type Template = {
  /** The text where it is the same for every request, else null. */
  readonly constant: string | null;
  /** Fields of the body file that it asks for. */
  readonly fields: readonly string[];
  /** Whether it needs a body file. */
  readonly needsLine: boolean;
  render(values: TemplateValues): string;
};

type Part = (values: TemplateValues) => string;

const names = ["user", "uuid", "random", "random MIN MAX", "line", "data.FIELD", "request"];

/** Reads a text with gaps `{{…}}`; the error names the gap that nothing fills. */
export function parseTemplate(text: string, place: TemplatePlace): Result<Template, string> {
  const parts: (string | Part)[] = [];
  const fields: string[] = [];
  let needsLine = false;
  let at = 0;
  for (const match of text.matchAll(/\{\{([^{}]*)\}\}/g)) {
    const gap = parseGap((match[1] as string).trim());
    if (!gap.ok) return gap;
    if (match.index > at) parts.push(text.slice(at, match.index));
    const { part, field } = gap.value;
    if (field !== null) {
      needsLine = true;
      if (field !== "") fields.push(field);
    }
    parts.push((values) => escape(part(values), place));
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  const constant = parts.every((part) => typeof part === "string") ? parts.join("") : null;
  return ok({
    constant,
    fields,
    needsLine,
    render(values) {
      if (constant !== null) return constant;
      let rendered = "";
      for (const part of parts) rendered += typeof part === "string" ? part : part(values);
      return rendered;
    },
  });
}

/** `field` is null for gaps that need no line, "" for the whole line. */
function parseGap(gap: string): Result<{ part: Part; field: string | null }, string> {
  if (gap === "user") return ok({ part: ({ user }) => user, field: null });
  if (gap === "request") return ok({ part: ({ request }) => String(request), field: null });
  if (gap === "uuid") return ok({ part: ({ random }) => uuid(random), field: null });
  if (gap === "random") return ok({ part: ({ random }) => String(random()), field: null });
  if (gap === "line") return ok({ part: ({ line }) => line?.text ?? "", field: "" });
  if (gap.startsWith("data.") && gap.length > "data.".length) {
    const field = gap.slice("data.".length);
    return ok({ part: ({ line }) => line?.fields[field] ?? "", field });
  }
  const range = /^random (-?\d{1,15}) (-?\d{1,15})$/.exec(gap);
  if (range === null) return err(`{{${gap}}}: ${unknown("value", gap, names)}`);
  const [low, high] = [Number(range[1]), Number(range[2])];
  if (low > high) return err(`{{${gap}}}: the first number must not be above the second`);
  const part: Part = ({ random }) => String(low + Math.floor(random() * (high - low + 1)));
  return ok({ part, field: null });
}

function escape(value: string, place: TemplatePlace): string {
  if (place === "json") return JSON.stringify(value).slice(1, -1);
  if (place === "path") return encodeURIComponent(value.toWellFormed());
  // A header line must not end early, and has no characters beyond latin1.
  if (place === "header") return value.replaceAll(/[^\t\x20-\x7e\xa0-\xff]/g, "?");
  return value;
}

/** A version 4 UUID from the run's own chance, so that a seed repeats it. */
function uuid(random: () => number): string {
  let digits = "";
  for (let word = 0; word < 4; word += 1) {
    digits += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  }
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
}
