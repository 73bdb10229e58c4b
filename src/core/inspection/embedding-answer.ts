import type { ReaderName } from "./facts.ts";
import { countOf, fail, isRecord, type Findings, type JsonRecord } from "./findings.ts";
import type { NumberRun, VectorSkeleton } from "./vector-skeleton.ts";

/** Readers of answers that are vectors. */
export type EmbeddingReader = Extract<
  ReaderName,
  "openai_embeddings" | "ollama_embed" | "tei_embed" | "cohere_embed"
>;

/** Finds what is wrong with a whole answer, its tokens and, where the skeleton counted, the first vector's length. */
export function readEmbeddings(skeleton: VectorSkeleton, into: Findings): void {
  const { text } = skeleton;
  if (isPlain(text, skeleton)) {
    into.tokensIn = writtenTokens(text) ?? into.tokensIn;
    return;
  }
  const answer = parseJson(text);
  if (typeof answer !== "object" || answer === null) {
    fail(into, "malformed");
    return;
  }
  if (isRecord(answer)) into.tokensIn = tokensOf(answer) ?? into.tokensIn;
  const vectors: Vector[] = [];
  collect(isRecord(answer) ? vectorsOf(answer) : answer, skeleton, vectors);
  const [first] = vectors;
  if (first === undefined) {
    fail(into, isRecord(answer) && "error" in answer ? "error_in_body" : "empty_embedding");
    return;
  }
  into.dimension = first.length;
  const others = vectors.filter(({ length }) => length !== 0);
  for (const { problem } of vectors) if (problem !== null) fail(into, problem);
  if (others.some(({ length }) => length !== others[0]?.length)) fail(into, "wrong_dimension");
}

/**
 * True for what almost every answer is: compact JSON with vectors in it, of which none is empty, holds something else
 * than numbers or is to be counted. Such an answer need not be parsed, which would be most of the cost of looking at it.
 */
function isPlain(text: string, { runs, cuts, isCounting }: VectorSkeleton): boolean {
  if (isCounting || cuts.length > 0 || runs.length === 0 || runs.some(isBad)) return false;
  const [first, last] = [text.charCodeAt(0), text.charCodeAt(text.length - 1)];
  const isObject = first === 0x7b && last === 0x7d && text.includes('"embedding');
  const isList = first === 0x5b && last === 0x5d && text.charCodeAt(1) === 0x5b;
  return (isObject || isList) && !remarkable.test(text);
}

/** Brackets that do not open on a value, a null that is no field of its own, base64, an error, spaces, an escape. */
const remarkable = /\[[\s\]n"]|[,\s]null|""|\{\}|"(?:embedding|float)s?":\s*["n{]|"error"|"\s+:|\\/;

function isBad(run: NumberRun): boolean {
  return run.isBad;
}

/** Of a text whose keys stand behind each other without escapes. */
function writtenTokens(text: string): number | null {
  for (const key of tokenKeys) {
    const at = text.lastIndexOf(key);
    if (at === -1) continue;
    const written = Number.parseInt(text.slice(at + key.length, at + key.length + 16), 10);
    if (written >= 0) return written;
  }
  return null;
}

const tokenKeys = [
  '"prompt_tokens":',
  '"prompt_eval_count":',
  '"input_tokens":',
  '"total_tokens":',
];

type Vector = {
  /** Null where it was not counted. */
  readonly length: number | null;
  readonly problem: "empty_embedding" | "not_a_number" | "malformed" | null;
};

const empty: Vector = { length: 0, problem: "empty_embedding" };

function vectorsOf(answer: JsonRecord): unknown {
  return answer["data"] ?? answer["embeddings"] ?? answer["embedding"];
}

/** A vector, a list of them, or what holds either: `{ embedding }`, Cohere's `{ float }`. */
function collect(value: unknown, skeleton: VectorSkeleton, into: Vector[]): void {
  if (typeof value === "string") into.push(base64Vector(value, skeleton));
  else if (Array.isArray(value)) collectAll(value, skeleton, into);
  else if (isRecord(value)) {
    const { embedding, float, int8, uint8, binary, ubinary, base64 } = value;
    const held = embedding ?? float ?? int8 ?? uint8 ?? binary ?? ubinary ?? base64;
    const isEmpty = held === undefined || held === null;
    if (isEmpty || (Array.isArray(held) && held.length === 0)) into.push(empty);
    else collect(held, skeleton, into);
  } else if (value !== undefined) into.push(empty);
}

function collectAll(values: readonly unknown[], skeleton: VectorSkeleton, into: Vector[]): void {
  const [first] = values;
  const run = typeof first === "number" ? skeleton.runs[first] : undefined;
  if (run !== undefined) {
    into.push({ length: run.length, problem: run.isBad ? "not_a_number" : null });
    return;
  }
  for (const value of values) {
    if (Array.isArray(value) && value.length === 0) into.push(empty);
    else collect(value, skeleton, into);
  }
}

/** Vectors in base64 are 32-bit floats; what is at hand of one is decoded to see that they are numbers. */
function base64Vector(value: string, { cuts, isCounting }: VectorSkeleton): Vector {
  const mark = value.indexOf("\u0000");
  const cut = mark === -1 ? undefined : cuts[Number(value.slice(mark + 1))];
  if (cut !== undefined && cut.text === null) {
    return { length: isCounting ? floatsIn(mark + cut.chars) : null, problem: null };
  }
  if (value === "") return empty;
  if (!isCounting) return { length: null, problem: null };
  const vector = decodeFloats(cut === undefined ? value : value.slice(0, mark) + cut.text);
  if (vector === null) return { length: null, problem: "malformed" };
  const isBad = vector.some((each) => !Number.isFinite(each));
  return { length: vector.length, problem: isBad ? "not_a_number" : null };
}

/** In so many characters of base64. */
function floatsIn(chars: number): number {
  return Math.floor((chars / 4) * 0.75);
}

/** OpenAI's, Ollama's and Cohere's places. */
function tokensOf({ usage, prompt_eval_count, meta }: JsonRecord): number | null {
  const used = isRecord(usage) ? usage : {};
  const billed = isRecord(meta) && isRecord(meta["billed_units"]) ? meta["billed_units"] : {};
  return (
    countOf(used["prompt_tokens"]) ??
    countOf(prompt_eval_count) ??
    countOf(billed["input_tokens"]) ??
    countOf(used["total_tokens"])
  );
}

/** Little-endian 32-bit floats in base64; null where it is none. */
export function decodeFloats(base64: string): Float64Array | null {
  let bytes: string;
  try {
    bytes = atob(base64);
  } catch {
    return null;
  }
  if (bytes.length === 0 || bytes.length % 4 !== 0) return null;
  const view = new DataView(new ArrayBuffer(bytes.length));
  for (let at = 0; at < bytes.length; at += 1) view.setUint8(at, bytes.charCodeAt(at));
  return Float64Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
