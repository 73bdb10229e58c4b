import { z } from "zod";
import {
  durationPattern,
  formatBytes,
  formatDurationMs,
  parseBytes,
  parseDurationMs,
  parseShare,
  sizePattern,
} from "../../base/units.ts";
import { suggest } from "./suggestion.ts";

/**
 * The kinds of field that the configuration is made of. Environment references always give text,
 * so numbers and switches are read from text too. `x-type` in the JSON Schema says in words what the
 * reference (docs/configuration.md) shows: units and ranges, which a schema of texts cannot say.
 */

/** The longest wait: what a Node timer can hold. */
const waitMsMax = 2 ** 31 - 1;

/**
 * An object whose keys are all known. `later` names keys that a coming version will read, with what
 * to say about them until then.
 */
export function closed<Shape extends z.ZodRawShape>(
  shape: Shape,
  later: Readonly<Record<string, string>> = {},
) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "invalid_type") return `expected a map of ${known.join(", ")}`;
      if (issue.code !== "unrecognized_keys") return undefined;
      // One line per key; the reporter splits them into one issue each.
      return issue.keys
        .map((key: string) =>
          Object.hasOwn(later, key)
            ? (later[key] as string)
            : `unknown key${suggest(key, known) || `; known here: ${known.join(", ")}`}`,
        )
        .join("\n");
    },
  });
}

/** Reports a problem with the value at hand and gives the type checker something to go on. */
export function reject(
  context: { addIssue(issue: { code: "custom"; message: string; path?: PropertyKey[] }): void },
  message: string,
  path: readonly PropertyKey[] = [],
): never {
  context.addIssue({ code: "custom", message, path: [...path] });
  return z.NEVER;
}

/** Text of 1…`lengthMax` UTF-16 units. */
export function text(what: string, lengthMax = 4096) {
  return z
    .string({ error: () => `expected ${what}` })
    .min(1, `expected ${what}, not an empty text`)
    .max(lengthMax, `at most ${lengthMax} characters`);
}

/** What the reference says of a field that is written with a unit; a least value of 1 goes without saying. */
function describeRange(
  kind: string,
  min: number,
  max: number | null,
  format: (value: number) => string,
): string {
  if (max !== null) return `${kind}, ${format(min)}…${format(max)}`;
  return min > 1 ? `${kind}, at least ${format(min)}` : kind;
}

/** A bound of a million or more keeps mistakes out and says nothing to the reader. */
function describeNumber(kind: string, min: number, max: number): string {
  return max >= 1e6 ? `${kind}, at least ${min}` : `${kind}, ${min}…${max}`;
}

/** A duration as whole milliseconds, `minMs`…`maxMs`. */
export function duration(minMs = 1, maxMs = waitMsMax) {
  const example = "expected a duration such as 250ms, 5s, 10m or 24h";
  return z
    .string({ error: () => example })
    .transform((written, context) => {
      const ms = parseDurationMs(written);
      if (ms === null) return reject(context, example);
      if (ms < minMs) return reject(context, `must be at least ${formatDurationMs(minMs)}`);
      if (ms > maxMs) return reject(context, `must be at most ${formatDurationMs(maxMs)}`);
      return ms;
    })
    .meta({
      pattern: durationPattern,
      examples: ["250ms", "5s", "10m"],
      "x-type": describeRange("duration", minMs, maxMs === waitMsMax ? null : maxMs, (ms) =>
        formatDurationMs(ms),
      ),
    });
}

/** A size as whole bytes, `minBytes`…`maxBytes`. */
export function size(minBytes = 1, maxBytes = 2 ** 40) {
  const example = "expected a size such as 512B, 64KiB or 100MB";
  return z
    .string({ error: () => example })
    .transform((written, context) => {
      const bytes = parseBytes(written);
      if (bytes === null) return reject(context, example);
      if (bytes < minBytes) return reject(context, `must be at least ${formatBytes(minBytes)}`);
      if (bytes > maxBytes) return reject(context, `must be at most ${formatBytes(maxBytes)}`);
      return bytes;
    })
    .meta({
      pattern: sizePattern,
      examples: ["64KiB", "100MB"],
      "x-type": describeRange(
        "size",
        minBytes,
        maxBytes === 2 ** 40 ? null : maxBytes,
        formatBytes,
      ),
    });
}

/** A share as a number 0…1. */
export function share() {
  const example = "expected a share such as 5% or 0.05, between 0 and 1";
  return z
    .union([z.number(), z.string()], { error: () => example })
    .transform((written, context) => parseShare(written) ?? reject(context, example))
    .meta({ examples: ["5%", 0.05], minimum: 0, maximum: 1, "x-type": "share" });
}

/** A number, `min`…`max`. */
export function number(min: number, max: number) {
  return numeric(`expected a number, ${min}…${max}`, (value) => value >= min && value <= max).meta({
    minimum: min,
    maximum: max,
    "x-type": describeNumber("number", min, max),
  });
}

/** A whole number, `min`…`max`. */
export function integer(min: number, max: number) {
  return numeric(
    `expected a whole number, ${min}…${max}`,
    (value) => Number.isInteger(value) && value >= min && value <= max,
  ).meta({ minimum: min, maximum: max, "x-type": describeNumber("whole number", min, max) });
}

function numeric(message: string, legal: (value: number) => boolean) {
  return z
    .union([z.number(), z.string()], { error: () => message })
    .transform((written, context) => {
      const decimal = typeof written === "number" || /^-?\d+(\.\d+)?$/.test(written);
      const value = decimal ? Number(written) : Number.NaN;
      return legal(value) ? value : reject(context, message);
    });
}

/** A switch. */
export function flag() {
  const message = "expected true or false";
  return z
    .union([z.boolean(), z.enum(["true", "false"])], { error: () => message })
    .transform((written) => written === true || written === "true");
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, {
    error: (issue) => {
      const close = typeof issue.input === "string" ? suggest(issue.input, words) : "";
      return `expected one of ${words.join(", ")}${close}`;
    },
  });
}

/** A list of 0…`lengthMax` entries. */
export function list<Entry extends z.ZodType>(entry: Entry, what: string, lengthMax: number) {
  return z
    .array(entry, { error: () => `expected a list of ${what}` })
    .max(lengthMax, `at most ${lengthMax} ${what}`);
}

/** Names of upstreams, experiments and variants; they travel in header values and metric labels. */
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const nameRule =
  "a name starts with a letter and has at most 64 letters, digits, dots, dashes and underscores";

/** The name of an upstream, experiment or variant where it is defined or referred to. */
export function name() {
  return z.string({ error: () => "expected a name" }).regex(namePattern, nameRule);
}

/** A map from names to `entry`, in the order written; at most `sizeMax`. */
export function named<Entry extends z.ZodType>(entry: Entry, what: string, sizeMax: number) {
  const key = name().refine((word) => !(word in Object.prototype), "this name is reserved");
  return z
    .record(key, entry, {
      error: (issue) => (issue.code === "invalid_type" ? `expected a map of ${what}` : undefined),
    })
    .refine((map) => Object.keys(map).length <= sizeMax, `at most ${sizeMax} ${what}`);
}

/** A header name: an RFC 9110 token. */
export function isHeaderName(word: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(word);
}

/** A header value that needs no quoting or trimming: visible latin1, spaces and tabs inside. */
export function isHeaderValue(value: string): boolean {
  return /^(?:[\x21-\x7e\xa0-\xff](?:[\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?)?$/.test(value);
}

/** A header name, lower-cased. */
export function headerName() {
  return text("a header name", 256)
    .refine(isHeaderName, "not a legal header name")
    .transform((word) => word.toLowerCase());
}

/** A cookie name: a token. */
export function cookieName() {
  return text("a cookie name", 256).refine(isHeaderName, "not a legal cookie name");
}

/** Source text of a regular expression, flag `v` off, `u` on. */
export function pattern(lengthMax: number) {
  return text("a regular expression", lengthMax).superRefine((source, context) => {
    try {
      RegExp(source, "u");
    } catch (error) {
      reject(context, `not a regular expression: ${(error as Error).message}`);
    }
  });
}

/** Headers that are sent as they are written, at most `entriesMax`. */
export function headerMap(what: string, entriesMax: number) {
  return z
    .record(z.string(), z.string(), { error: () => "expected a map from header names to texts" })
    .superRefine((fields, context) => {
      if (Object.keys(fields).length > entriesMax) {
        reject(context, `at most ${entriesMax} ${what}`);
      }
      for (const [name, value] of Object.entries(fields)) {
        if (!isHeaderName(name)) reject(context, "not a legal header name", [name]);
        if (!isHeaderValue(value)) reject(context, "not a legal header value", [name]);
      }
    });
}
