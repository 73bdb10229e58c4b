import type { z } from "zod";
import { err, ok, type Result } from "../base/result.ts";
import { reportSchema, type Report } from "./report-api.ts";

/**
 * Reads a JSON report. Its history may have a million numbers, each of which would cost a schema several objects: the
 * columns are looked at by themselves, and the schema sees the rest. The document is not read: it is made again from the facts.
 */

const readSchema = reportSchema.omit({ document: true });

type Facts = Report["facts"];
type Columns = Readonly<Record<string, unknown>>;

/** The facts of a JSON report, or what is wrong with it in one line. */
export function readReport(raw: unknown): Result<Facts, string> {
  const columns = takeColumns(raw);
  const read = readSchema.safeParse(columns === null ? raw : columns.without);
  if (!read.success) return err(firstOf(read.error));
  const { facts } = read.data;
  if (columns === null || facts.history === null) return ok(facts);
  const problem = problemOf(columns.atMs, columns.variants);
  if (problem !== null) return err(problem);
  const history = {
    ...facts.history,
    at_ms: columns.atMs as number[],
    variants: columns.variants as NonNullable<Facts["history"]>["variants"],
  };
  return ok({ ...facts, history });
}

function firstOf({ issues }: z.ZodError): string {
  const [first] = issues;
  return first === undefined ? "" : `${first.path.map(String).join(".")}: ${first.message}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Taken = {
  /** The report with empty columns. */
  readonly without: unknown;
  readonly atMs: readonly unknown[];
  readonly variants: Readonly<Record<string, Columns>>;
};

/** Null where there is no history of the right shape, which the schema then says. */
function takeColumns(raw: unknown): Taken | null {
  if (!isRecord(raw) || !isRecord(raw["facts"])) return null;
  const { history } = raw["facts"];
  if (!isRecord(history) || !Array.isArray(history["at_ms"])) return null;
  const { variants } = history;
  if (!isRecord(variants) || !Object.values(variants).every(hasArrays)) return null;
  const emptied = Object.fromEntries(
    Object.entries(variants).map(([variant, columns]) => [
      variant,
      Object.fromEntries(Object.keys(columns as Columns).map((name) => [name, []])),
    ]),
  );
  const without = {
    ...raw,
    facts: { ...raw["facts"], history: { ...history, at_ms: [], variants: emptied } },
  };
  return { without, atMs: history["at_ms"], variants: variants as Taken["variants"] };
}

function hasArrays(columns: unknown): boolean {
  return isRecord(columns) && Object.values(columns).every((column) => Array.isArray(column));
}

/** Columns that hold a number in each place, and never null. */
const counted: ReadonlySet<string> = new Set(["requests", "failures"]);

function problemOf(atMs: readonly unknown[], variants: Taken["variants"]): string | null {
  if (!atMs.every(Number.isInteger)) return "facts.history.at_ms: expected whole milliseconds";
  for (const [variant, columns] of Object.entries(variants)) {
    for (const [name, column] of Object.entries(columns)) {
      const values = column as readonly unknown[];
      const path = `facts.history.variants.${variant}.${name}`;
      if (values.length !== atMs.length) {
        return `${path}: ${values.length} values for ${atMs.length} stretches`;
      }
      const isCount = counted.has(name);
      if (!values.every((value) => Number.isFinite(value) || (value === null && !isCount))) {
        return `${path}: expected numbers${isCount ? "" : " or null"}`;
      }
    }
  }
  return null;
}
