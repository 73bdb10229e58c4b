import { parse } from "csv-parse/sync";
import { err, ok, type Result } from "../../base/result.ts";
import { loadLimits } from "./plan.ts";
import type { DataLine } from "./template.ts";

/** Files of request bodies: texts, JSON documents, or rows with named columns. */
export type DataFormat = "jsonl" | "csv" | "text";

/** By the file's name: `.jsonl`, `.ndjson`, `.csv`; anything else is text. */
export function dataFormatOf(name: string): DataFormat {
  if (/\.(?:jsonl|ndjson)$/i.test(name)) return "jsonl";
  return /\.csv$/i.test(name) ? "csv" : "text";
}

/** The lines of a body file, empty ones left out; the error says which line is wrong. */
export function parseDataLines(
  text: string,
  format: DataFormat,
): Result<readonly DataLine[], string> {
  if (text.length > loadLimits.dataLengthMax) {
    return err(`has ${text.length} characters; at most ${loadLimits.dataLengthMax} are read`);
  }
  const lines = format === "csv" ? parseCsv(text) : parseLines(text, format);
  if (!lines.ok) return lines;
  if (lines.value.length === 0) return err("has no lines");
  if (lines.value.length > loadLimits.dataLinesMax) {
    return err(`has ${lines.value.length} lines; at most ${loadLimits.dataLinesMax} are read`);
  }
  return lines;
}

function parseLines(text: string, format: "jsonl" | "text"): Result<readonly DataLine[], string> {
  const lines: DataLine[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line.trim() === "") continue;
    if (format === "text") {
      lines.push({ text: line, fields: {} });
      continue;
    }
    try {
      lines.push({ text: line, fields: fieldsOf(JSON.parse(line)) });
    } catch {
      return err(`line ${index + 1} is not JSON`);
    }
  }
  return ok(lines);
}

function fieldsOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      typeof field === "string" ? field : JSON.stringify(field),
    ]),
  );
}

/** Each row's text is the row as a JSON object. */
function parseCsv(text: string): Result<readonly DataLine[], string> {
  try {
    const rows = parse(text, { bom: true, columns: true, skip_empty_lines: true }) as Record<
      string,
      string
    >[];
    return ok(rows.map((fields) => ({ text: JSON.stringify(fields), fields })));
  } catch (error) {
    return err(`is not CSV: ${(error as Error).message}`);
  }
}
