import { parse } from "csv-parse/sync";
import { err, ok, type Result } from "../../base/result.ts";
import { suggest } from "../../core/config/suggestion.ts";
import type { ArmSample } from "../../core/statistics/analysis/sample.ts";

/** A file as read; `arm` is its arm's name where each arm has a file of its own. */
export type CsvFile = { readonly name: string; readonly text: string; readonly arm: string | null };

export type Columns = {
  readonly metrics: readonly string[];
  /** Only where one file holds all arms. */
  readonly variant: string;
  readonly user: string | null;
};

export const analysisLimits = {
  rowsMax: 10_000_000,
  armsMax: 100,
  /** Problems that are told one by one. */
  problemsMax: 10,
} as const;

export type AnalysisInput = {
  readonly arms: readonly ArmSample[];
  /** Users with rows in more than one arm. */
  readonly crossedUsers: number;
};

/** Reads the arms out of CSV files. The error holds every problem with its file and line, up to a limit. */
export function readArms(
  files: readonly CsvFile[],
  columns: Columns,
): Result<AnalysisInput, readonly string[]> {
  const arms = new Map<string, ArmRows>();
  const problems = new Problems();
  for (const file of files) readFile(file, columns, arms, problems);
  if (problems.count > 0) return err(problems.lines());
  const samples = [...arms].map(([name, rows]) => sampleOf(name, rows, columns));
  return ok({ arms: samples, crossedUsers: countCrossed([...arms.values()]) });
}

function countCrossed(arms: readonly ArmRows[]): number {
  const seen = new Set<string>();
  const crossed = new Set<string>();
  for (const { users } of arms) {
    for (const user of users.keys()) (seen.has(user) ? crossed : seen).add(user);
  }
  return crossed.size;
}

type ArmRows = {
  readonly values: number[][];
  readonly users: Map<string, number>;
  readonly userOf: number[];
};

type Table = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

function readFile(
  file: CsvFile,
  columns: Columns,
  arms: Map<string, ArmRows>,
  problems: Problems,
): void {
  const table = parseTable(file.text);
  if (!table.ok) return problems.add(`${file.name}: ${table.error}`);
  const [header, ...rows] = table.value;
  if (header === undefined) return problems.add(`${file.name}: the file is empty`);
  const names = header.record.map((name) => name.trim());
  const find = (name: string, what: string) => {
    const at = names.indexOf(name);
    const known = suggest(name, names) || `; columns: ${names.join(", ")}`;
    if (at === -1)
      problems.add(`${file.name}:1: no column ${JSON.stringify(name)} for ${what}${known}`);
    return at;
  };
  const variantAt = file.arm === null ? find(columns.variant, "the variant") : -1;
  const userAt = columns.user === null ? -1 : find(columns.user, "the user");
  const metricsAt = columns.metrics.map((name) => find(name, "the metric"));
  if (problems.count > 0) return;
  if (rows.length === 0) return problems.add(`${file.name}: there are no rows below the header`);
  if (rows.length > analysisLimits.rowsMax) {
    return problems.add(`${file.name}: more than ${analysisLimits.rowsMax} rows`);
  }
  for (const { record, info } of rows) {
    const place = `${file.name}:${info.lines}`;
    const name = file.arm ?? (record[variantAt] as string).trim();
    if (name === "") {
      problems.add(`${place}: the cell in column ${columns.variant} is empty`);
      continue;
    }
    const arm = armOf(arms, name, columns.metrics.length, place, problems);
    if (arm === null) return;
    for (const [metric, at] of metricsAt.entries()) {
      const value = numberOf(record[at] as string);
      if (typeof value === "string") problems.add(`${place}: ${columns.metrics[metric]}: ${value}`);
      else (arm.values[metric] as number[]).push(value);
    }
    if (userAt === -1) continue;
    const user = (record[userAt] as string).trim();
    if (user === "") problems.add(`${place}: the cell in column ${columns.user} is empty`);
    const known = arm.users.get(user) ?? arm.users.size;
    arm.users.set(user, known);
    arm.userOf.push(known);
  }
}

function parseTable(text: string): Result<readonly Table[], string> {
  try {
    const options = {
      delimiter: delimiterOf(text),
      bom: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: false,
    } as const;
    return ok(parse(text, options) as unknown as Table[]);
  } catch (error) {
    return err((error as Error).message);
  }
}

/** Spreadsheets of many countries separate by semicolons, exports by tabs: the header tells. */
function delimiterOf(text: string): string {
  const end = text.indexOf("\n");
  const header = end === -1 ? text : text.slice(0, end);
  if (header.includes(",")) return ",";
  return header.includes(";") ? ";" : header.includes("\t") ? "\t" : ",";
}

function armOf(
  arms: Map<string, ArmRows>,
  name: string,
  metrics: number,
  place: string,
  problems: Problems,
): ArmRows | null {
  const known = arms.get(name);
  if (known !== undefined) return known;
  if (arms.size >= analysisLimits.armsMax) {
    problems.add(`${place}: more than ${analysisLimits.armsMax} different variants`);
    return null;
  }
  const arm: ArmRows = {
    values: Array.from({ length: metrics }, () => []),
    users: new Map(),
    userOf: [],
  };
  arms.set(name, arm);
  return arm;
}

/** A cell's number, or what is wrong with it. Yes and no, as programs write them, are 1 and 0. */
function numberOf(cell: string): number | string {
  const text = cell.trim();
  if (text === "") return "the cell is empty";
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  const word = text.toLowerCase();
  if (word === "true" || word === "yes") return 1;
  if (word === "false" || word === "no") return 0;
  return `expected a finite number, not ${JSON.stringify(text.slice(0, 40))}`;
}

function sampleOf(name: string, rows: ArmRows, { metrics, user }: Columns): ArmSample {
  return {
    name,
    n: rows.values[0]?.length ?? 0,
    values: new Map(
      metrics.map((metric, at) => [metric, Float64Array.from(rows.values[at] ?? [])]),
    ),
    users: user === null ? null : Int32Array.from(rows.userOf),
    userCount: user === null ? null : rows.users.size,
  };
}

class Problems {
  count = 0;
  readonly #first: string[] = [];

  add(problem: string): void {
    this.count += 1;
    if (this.#first.length < analysisLimits.problemsMax) this.#first.push(problem);
  }

  lines(): readonly string[] {
    const more = this.count - this.#first.length;
    return more === 0 ? this.#first : [...this.#first, `and ${more} more like these`];
  }
}
