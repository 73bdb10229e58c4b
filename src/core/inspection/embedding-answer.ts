import type { ReaderName } from "./facts.ts";
import { countOf, fail, type Findings } from "./findings.ts";

/** Readers of answers that are vectors. */
export type EmbeddingReader = Extract<
  ReaderName,
  "openai_embeddings" | "ollama_embed" | "tei_embed" | "cohere_embed"
>;

/** `dimension` is counted only where it is asked for: that alone reads every character. */
export type EmbeddingLook = { readonly wantsDimension: boolean };

/**
 * Looks at a whole embedding answer without parsing it: an answer of a few hundred kilobytes is mostly digits, and the
 * engine's own search finds the few places that matter in a tenth of the time that JSON.parse takes.
 */
export function readEmbeddings(
  reader: EmbeddingReader,
  text: string,
  into: Findings,
  { wantsDimension }: EmbeddingLook,
): void {
  const start = firstVector(reader, text);
  if (start === -1) fail(into, text.includes('"error"') ? "error_in_body" : "empty_embedding");
  else if (isEmptyAt(text, start) || hasEmptyVector(text)) fail(into, "empty_embedding");
  if (text.includes("NaN") || text.includes("nfinity") || hasNull(text)) fail(into, "not_a_number");
  into.tokensIn = tokensOf(text) ?? into.tokensIn;
  if (!wantsDimension || start === -1) return;
  const isBase64 = text.charCodeAt(start) === quote;
  into.dimension = isBase64 ? base64Dimension(text, start, into) : arrayDimension(text, start);
}

const quote = 0x22;
const opening = 0x5b;
const closing = 0x5d;

/** Where the first vector begins: at its `[`, or at the `"` of base64; -1 where there is none. */
function firstVector(reader: EmbeddingReader, text: string): number {
  let from = reader === "tei_embed" ? 0 : -1;
  if (reader === "ollama_embed" || reader === "cohere_embed") from = valueOf(text, '"embeddings"');
  if (from === -1) from = valueOf(text, '"embedding"');
  if (from === -1) return -1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote && reader !== "cohere_embed") return at;
    if (code === opening) {
      const next = skipSpace(text, at + 1);
      const inner = text.charCodeAt(next);
      if (inner === opening) continue;
      return inner === quote ? next : at;
    }
    // What else may stand before a vector: `{ "float": [`.
    if (code === closing || code === 0x7d || code === 0x2c) return -1;
  }
  return -1;
}

/** Where the value of a key begins; a text that only equals the key is none. */
function valueOf(text: string, key: string): number {
  let at = text.indexOf(key);
  while (at !== -1) {
    const colon = skipSpace(text, at + key.length);
    if (text.charCodeAt(colon) === 0x3a) return skipSpace(text, colon + 1);
    at = text.indexOf(key, at + key.length);
  }
  return -1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

function isEmptyAt(text: string, start: number): boolean {
  if (text.charCodeAt(start) === quote) return text.charCodeAt(start + 1) === quote;
  return text.charCodeAt(skipSpace(text, start + 1)) === closing;
}

/** Brackets and quotes are few among digits, so that looking for them skips almost all of the text. */
function hasEmptyVector(text: string): boolean {
  for (let at = text.indexOf("["); at !== -1; at = text.indexOf("[", at + 1)) {
    if (text.charCodeAt(skipSpace(text, at + 1)) === closing && isVectorAt(text, at)) return true;
  }
  return text.includes('"embedding":""') || text.includes('"embedding":null');
}

/** Whether the bracket at `at` stands where a vector does: in a list, or behind its key. */
function isVectorAt(text: string, at: number): boolean {
  const before = lastVisible(text, at - 1);
  const code = text.charCodeAt(before);
  if (code === 0x2c || code === opening) return true;
  return code === 0x3a && text.slice(0, before).trimEnd().endsWith('"embedding"');
}

function lastVisible(text: string, from: number): number {
  let at = from;
  while (at >= 0 && text.charCodeAt(at) <= 0x20) at -= 1;
  return at;
}

/** A null among numbers, which is how some servers write NaN; a null behind a colon is another field's. */
function hasNull(text: string): boolean {
  let at = text.indexOf("null");
  while (at !== -1) {
    const code = text.charCodeAt(lastVisible(text, at - 1));
    if (code === 0x2c || code === opening) return true;
    at = text.indexOf("null", at + 4);
  }
  return false;
}

const tokenKeys = ['"prompt_tokens"', '"prompt_eval_count"', '"input_tokens"', '"total_tokens"'];

function tokensOf(text: string): number | null {
  for (const key of tokenKeys) {
    const at = text.lastIndexOf(key);
    if (at === -1) continue;
    const written = /^\s*:\s*(\d{1,12})/.exec(text.slice(at + key.length, at + key.length + 32));
    if (written !== null) return countOf(Number(written[1]));
  }
  return null;
}

function arrayDimension(text: string, start: number): number | null {
  const end = text.indexOf("]", start);
  if (end === -1) return null;
  let commas = 0;
  for (let at = start + 1; at < end; at += 1) if (text.charCodeAt(at) === 0x2c) commas += 1;
  return skipSpace(text, start + 1) === end ? 0 : commas + 1;
}

/** Vectors in base64 are 32-bit floats; the first one is decoded far enough to see that they are numbers. */
function base64Dimension(text: string, start: number, into: Findings): number | null {
  const end = text.indexOf('"', start + 1);
  if (end === -1) return null;
  const vector = decodeFloats(text.slice(start + 1, end));
  if (vector === null) {
    fail(into, "malformed");
    return null;
  }
  if (vector.some((value) => !Number.isFinite(value))) fail(into, "not_a_number");
  return vector.length;
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
