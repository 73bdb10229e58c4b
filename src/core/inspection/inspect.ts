import type { DimensionMemory } from "./dimension.ts";
import { readEmbeddings, type EmbeddingReader } from "./embedding-answer.ts";
import { noFacts, type AnswerFacts, type ReaderName } from "./facts.ts";
import { countOf, fail, isRecord, type Findings, type RecordReader } from "./findings.ts";
import { Lines } from "./lines.ts";
import * as records from "./records.ts";
import { VectorSkeleton } from "./vector-skeleton.ts";

/** An answer's head, as far as it decides how the body is read. */
export type AnswerHead = {
  readonly status: number;
  /** In lower case and without parameters; null when absent. */
  readonly mediaType: string | null;
  /** The body has a content encoding. */
  readonly isEncoded: boolean;
  /** A field's value, by lower-case name. */
  readonly header: (name: string) => string | null;
};

export type InspectionLimits = {
  /** Bodies that are no streams are read up to this, vectors not counted. */
  readonly bodyCharsMax: number;
  /** Longer lines of a stream are passed over. */
  readonly lineCharsMax: number;
};

export const inspectionLimits: InspectionLimits = { bodyCharsMax: 2 ** 20, lineCharsMax: 65_536 };

/** How the vectors' length is judged: `key` says what the request asked for; null leaves the length alone. */
export type DimensionCheck = { readonly memory: DimensionMemory; readonly key: string | null };

/** Why a body was, from some point on, passed unread. */
export const unreadReasons = ["too_large", "not_json", "encoded"] as const;
export type UnreadReason = (typeof unreadReasons)[number];

/** Reads one answer as it goes by, and keeps of it no more than it must. */
export type Inspection = {
  /** Bytes of the body, in order and without framing; they are not held. */
  readonly feed: (bytes: Buffer) => void;
  /** After the last byte; `whole` is false when the body broke off, which makes nothing of it malformed. */
  readonly end: (whole: boolean) => AnswerFacts;
  /** Whether a piece of the model's text has come. */
  readonly hasToken: () => boolean;
  readonly unread: () => UnreadReason | null;
};

/** Null for answers whose status says all: errors, and those without a body. Never throws, whatever the body holds. */
export function beginInspection(
  reader: ReaderName,
  head: AnswerHead,
  dimension: DimensionCheck,
  limits = inspectionLimits,
): Inspection | null {
  const { status, mediaType, isEncoded } = head;
  if (status >= 400 || status < 200 || status === 204 || status === 304) return null;
  const findings: Findings = { ...noFacts, hasToken: false, isComplete: false };
  findings.tokensIn = fieldTokens(reader, head);
  if (isEncoded) return passOver(findings, "encoded");
  const shape = shapeOf(mediaType);
  if (shape === null) return passOver(findings, "not_json");
  if (isEmbeddingReader(reader)) {
    if (shape !== "json") return passOver(findings, "not_json");
    return new VectorInspection(findings, limits, dimension);
  }
  if (reader === "tei_rerank") {
    return readWhole(findings, limits, (text) => readScores(text, findings));
  }
  const { read, endsItself } = recordReaders[reader];
  if (shape === "json" && reader !== "lightrag_stream") {
    return readWhole(findings, limits, (text) => {
      const record = parseJson(text);
      if (isRecord(record)) read(record, findings, false);
      else fail(findings, "malformed");
    });
  }
  return readStream(findings, limits, shape === "sse", { read, endsItself });
}

const recordReaders: Readonly<
  Record<Exclude<ReaderName, EmbeddingReader | "tei_rerank">, RecordReader>
> = {
  lightrag_query: records.lightragQuery,
  lightrag_stream: records.lightragQuery,
  lightrag_data: records.lightragData,
  lightrag_write: records.lightragWrite,
  ollama_generate: records.ollamaGenerate,
  openai_chat: records.openaiChat,
  openviking: records.openviking,
  openviking_stream: records.openvikingStream,
};

const embeddingReaders: ReadonlySet<ReaderName> = new Set<EmbeddingReader>([
  "openai_embeddings",
  "ollama_embed",
  "tei_embed",
  "cohere_embed",
]);

/** True for readers of answers that are vectors. */
export function isEmbeddingReader(reader: ReaderName): reader is EmbeddingReader {
  return embeddingReaders.has(reader);
}

/** Some servers do not say what they send; their body is tried. */
function shapeOf(mediaType: string | null): "json" | "lines" | "sse" | null {
  switch (mediaType) {
    case null:
    case "application/json":
    case "text/plain":
      return "json";
    case "application/x-ndjson":
    case "application/ndjson":
    case "application/jsonl":
      return "lines";
    case "text/event-stream":
      return "sse";
    default:
      return mediaType.endsWith("+json") ? "json" : null;
  }
}

/** TEI tells tokens in the head. */
function fieldTokens(reader: ReaderName, { header }: AnswerHead): number | null {
  if (!reader.startsWith("tei_") && reader !== "openai_embeddings") return null;
  const written = header("x-compute-tokens");
  return written !== null && /^\d{1,12}$/.test(written) ? countOf(Number(written)) : null;
}

function factsOf(findings: Findings): AnswerFacts {
  const { failure, tokensIn, tokensOut, dimension, handle, status } = findings;
  return { failure, tokensIn, tokensOut, dimension, handle, status };
}

const nothing = () => {};
const never = () => false;

function passOver(findings: Findings, reason: UnreadReason): Inspection {
  return { feed: nothing, end: () => factsOf(findings), hasToken: never, unread: () => reason };
}

function readWhole(
  findings: Findings,
  { bodyCharsMax }: InspectionLimits,
  read: (text: string) => void,
): Inspection {
  let pieces: string[] = [];
  let chars = 0;
  return {
    feed(bytes) {
      chars += bytes.length;
      if (chars <= bodyCharsMax) pieces.push(bytes.toString("latin1"));
      else pieces = [];
    },
    end(whole) {
      if (whole && chars <= bodyCharsMax) {
        const text = pieces.length === 1 ? (pieces[0] as string) : pieces.join("");
        if (isJsonText(text)) read(text);
        else fail(findings, "malformed");
      }
      pieces = [];
      return factsOf(findings);
    },
    // A whole answer has no first token.
    hasToken: never,
    unread: () => (chars > bodyCharsMax ? "too_large" : null),
  };
}

function readStream(
  findings: Findings,
  { lineCharsMax }: InspectionLimits,
  isEvents: boolean,
  { read, endsItself }: RecordReader,
): Inspection {
  const readRecord = (text: string) => {
    const record = parseJson(text);
    if (isRecord(record)) read(record, findings, true);
    else fail(findings, "malformed");
  };
  const lines = new Lines(
    lineCharsMax,
    isEvents
      ? eventLines(readRecord, findings)
      : (line) => {
          if (line.trim() !== "") readRecord(line);
        },
  );
  return {
    feed: (bytes) => lines.feed(bytes.toString("latin1")),
    end(whole) {
      if (whole) {
        lines.end();
        if (isEvents) lines.feed("\n");
        const isBroken = endsItself && !findings.isComplete && lines.skipped === 0;
        if (isBroken) fail(findings, "malformed");
      }
      return factsOf(findings);
    },
    hasToken: () => findings.hasToken,
    unread: () => (lines.skipped > 0 ? "too_large" : null),
  };
}

/** Server-sent events: `data` lines up to an empty line are one record, which an `event: error` makes an error. */
function eventLines(readRecord: (text: string) => void, findings: Findings) {
  let data = "";
  let isError = false;
  return (line: string) => {
    if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === 0x20 ? 6 : 5);
      // An event's lines are no longer together than two lines may be.
      if (data.length <= inspectionLimits.lineCharsMax)
        data = data === "" ? value : `${data}\n${value}`;
    } else if (line.startsWith("event:")) isError = line.slice(6).trim() === "error";
    if (line !== "") return;
    if (isError) fail(findings, "error_in_stream");
    if (data === "[DONE]") findings.isComplete = true;
    else if (data !== "" && !isError) readRecord(data);
    data = "";
    isError = false;
  };
}

/** As a class, because an answer is cheaper with one object than with a closure for each of its questions. */
class VectorInspection implements Inspection {
  readonly #findings: Findings;
  readonly #skeleton: VectorSkeleton;
  readonly #dimension: DimensionCheck;

  constructor(findings: Findings, { bodyCharsMax }: InspectionLimits, dimension: DimensionCheck) {
    this.#findings = findings;
    this.#skeleton = new VectorSkeleton(bodyCharsMax, dimension.key !== null);
    this.#dimension = dimension;
  }

  feed(bytes: Buffer): void {
    this.#skeleton.feed(bytes);
  }

  end(whole: boolean): AnswerFacts {
    const findings = this.#findings;
    if (whole && !this.#skeleton.isTooLarge) readEmbeddings(this.#skeleton, findings);
    const { dimension } = findings;
    const { memory, key } = this.#dimension;
    if (key !== null && dimension !== null && dimension > 0 && !memory.isUsual(key, dimension)) {
      fail(findings, "wrong_dimension");
    }
    return factsOf(findings);
  }

  hasToken(): boolean {
    return false;
  }

  unread(): UnreadReason | null {
    return this.#skeleton.isTooLarge ? "too_large" : null;
  }
}

/** TEI's scores: an array of objects or of arrays of them. */
function readScores(text: string, into: Findings): void {
  const scores = parseJson(text);
  if (isRecord(scores) && scores["error"] !== undefined) fail(into, "error_in_body");
  else if (!Array.isArray(scores)) fail(into, "malformed");
  else if (text.includes('"score":null')) fail(into, "not_a_number");
}

/** Looks at both ends only: what lies between is parsed where it must be. */
function isJsonText(text: string): boolean {
  const first = text.charCodeAt(firstVisible(text, 0, 1));
  const last = text.charCodeAt(firstVisible(text, text.length - 1, -1));
  return (first === 0x7b && last === 0x7d) || (first === 0x5b && last === 0x5d);
}

function firstVisible(text: string, from: number, step: 1 | -1): number {
  let at = from;
  while (at >= 0 && at < text.length && text.charCodeAt(at) <= 0x20) at += step;
  return at;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
