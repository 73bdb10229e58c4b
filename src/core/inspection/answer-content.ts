import { decodeFloats } from "./embedding-answer.ts";
import type { ReaderName } from "./facts.ts";
import { isRecord } from "./findings.ts";
import { isEmbeddingReader } from "./inspect.ts";

/** What a whole answer says, for comparing it with another one. `body` is decoded text; it is parsed. */

/** Vectors of one answer, in the order of the inputs; null where it holds none that can be read. */
export function readVectors(reader: ReaderName, body: string): Float64Array[] | null {
  if (!isEmbeddingReader(reader)) return null;
  const document = parseJson(body);
  const found = isRecord(document)
    ? vectorsIn(document["data"] ?? document["embeddings"] ?? document["embedding"])
    : vectorsIn(document);
  return found === null || found.length === 0 ? null : found;
}

/** A vector, vectors, or what holds them: `{ embedding }`, `{ float }`. */
function vectorsIn(value: unknown): Float64Array[] | null {
  if (typeof value === "string") {
    const decoded = decodeFloats(value);
    return decoded === null ? null : [decoded];
  }
  if (isRecord(value)) return vectorsIn(value["embedding"] ?? value["float"]);
  if (!Array.isArray(value) || value.length === 0) return null;
  if (value.every((item) => typeof item === "number")) return [Float64Array.from(value)];
  const each: Float64Array[] = [];
  for (const item of inOrder(value)) {
    const [vector, ...more] = vectorsIn(item) ?? [];
    if (vector === undefined || more.length > 0) return null;
    each.push(vector);
  }
  return each;
}

/** OpenAI's items say which input they belong to. */
function inOrder(items: readonly unknown[]): readonly unknown[] {
  if (items.some((item) => Number.isNaN(placeOf(item)))) return items;
  return items.toSorted((one, other) => placeOf(one) - placeOf(other));
}

function placeOf(item: unknown): number {
  return isRecord(item) ? Number(item["index"]) : Number.NaN;
}

/** The text that the model wrote; null where the reader knows none. */
export function readText(reader: ReaderName, body: string): string | null {
  switch (reader) {
    case "lightrag_query":
    case "lightrag_stream":
      return joined(body, (record) => record["response"]);
    case "ollama_generate":
      return joined(body, ({ message, response }) => {
        return isRecord(message) ? message["content"] : response;
      });
    case "openai_chat":
      return joined(body, ({ choices }) => {
        const choice: unknown = Array.isArray(choices) ? choices[0] : null;
        if (!isRecord(choice)) return null;
        const { delta, message, text } = choice;
        return isRecord(delta) ? delta["content"] : isRecord(message) ? message["content"] : text;
      });
    case "openviking_stream":
      return joined(body, (record) => record["content"] ?? record["data"]);
    default:
      return null;
  }
}

type Piece = (record: Readonly<Record<string, unknown>>) => unknown;

function joined(body: string, pieceOf: Piece): string | null {
  let text: string | null = null;
  for (const record of recordsIn(body)) {
    const piece = pieceOf(record);
    if (typeof piece === "string") text = (text ?? "") + piece;
  }
  return text;
}

/** One object, lines of objects, or events that hold objects. */
function* recordsIn(body: string): Generator<Readonly<Record<string, unknown>>> {
  const whole = parseJson(body);
  if (isRecord(whole)) {
    yield whole;
    return;
  }
  for (const line of body.split("\n")) {
    const record = parseJson(line.startsWith("data:") ? line.slice(5) : line);
    if (isRecord(record)) yield record;
  }
}

/** The list of references that stands beside a LightRAG text; null where there is none. */
export function readReferences(reader: ReaderName, body: string): unknown {
  if (reader !== "lightrag_query" && reader !== "lightrag_stream") return null;
  for (const record of recordsIn(body)) {
    if (record["references"] !== undefined) return record["references"];
  }
  return null;
}

/** The model that an answer names itself; null where it names none. */
export function readModel(body: string): string | null {
  return /"model"\s*:\s*"([^"\\]{1,200})"/.exec(body)?.[1] ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
