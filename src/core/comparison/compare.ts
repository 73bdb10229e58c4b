import { isEmbeddingReader } from "../inspection/inspect.ts";
import { readModel, readReferences, readText, readVectors } from "../inspection/answer-content.ts";
import type { ReaderName } from "../inspection/facts.ts";
import { compareBatches, compareNorms, type VectorFault } from "./embedding.ts";
import { createNeighbourWindow } from "./neighbours.ts";
import { compareRetrieval } from "./ranking.ts";
import { referencePaths, retrievedIds } from "./retrieval.ts";
import { compareTexts } from "./text.ts";

/** Of longer texts the beginning is compared. */
const textCharsMax = 65_536;

/** One variant's good answer to a request that both variants got. */
export type ComparedAnswer = {
  /** The whole body, decoded; null where it was too large or has a content encoding. */
  readonly body: string | null;
  /** From when it was sent upstream to the answer's end, milliseconds. */
  readonly durationMs: number;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
};

export type PairComparison = {
  /** By the names of `pairMetrics`. */
  readonly metrics: readonly (readonly [name: string, value: number])[];
  /** Why something that the reader could have compared was not; null where all was. */
  readonly refused: string | null;
};

/** Compares the answers of one route's variants; remembers inputs, to compare models whose vectors share no axes. */
export type PairComparer = {
  /** `inputKey` is a 32-bit hash of the request. */
  readonly compare: (
    inputKey: number,
    control: ComparedAnswer,
    treatment: ComparedAnswer,
  ) => PairComparison;
};

type Metrics = [name: string, value: number][];

/** `sameModel` says whether cosines mean anything; null leaves it to dimension and the models that the answers name. */
export function createPairComparer(
  reader: ReaderName | null,
  sameModel: boolean | null,
): PairComparer {
  const window = createNeighbourWindow();

  /** Vectors into `metrics`; the answer is why some were refused. */
  function addVectors(
    inputKey: number,
    left: string,
    right: string,
    metrics: Metrics,
  ): string | null {
    const control = readVectors(reader as ReaderName, left);
    const treatment = readVectors(reader as ReaderName, right);
    if (control === null || treatment === null)
      return "an answer holds no vectors that can be read";
    if (sameModel ?? isSameModel(left, right, control, treatment)) {
      const compared = compareBatches(control, treatment);
      if (!compared.ok) return compared.error.message;
      const { cosine, normRatio, maxAbsDifference } = compared.value;
      metrics.push(
        ["semantic_similarity", cosine],
        ["embedding_cosine", cosine],
        ["embedding_norm_ratio", normRatio],
        ["embedding_max_abs_difference", maxAbsDifference],
      );
      return null;
    }
    const norms = compareNorms(control, treatment);
    if (!norms.ok) return norms.error.message;
    metrics.push(["embedding_norm_ratio", norms.value]);
    const fault = addNeighbours(inputKey, control, treatment, metrics);
    return fault?.message ?? "cosine: the vectors are of different models and share no axes";
  }

  function addNeighbours(
    inputKey: number,
    control: readonly Float64Array[],
    treatment: readonly Float64Array[],
    metrics: Metrics,
  ): VectorFault | null {
    const overlaps: number[] = [];
    for (const [at, vector] of control.entries()) {
      const key = Math.imul(inputKey ^ at, 0x9e3779b1) >>> 0;
      const found = window.add(key, vector, treatment[at] as Float64Array);
      if (found.kind === "refused") return found.fault;
      if (found.kind === "compared") overlaps.push(found.overlap);
    }
    if (overlaps.length > 0) metrics.push(["neighbour_overlap", meanOf(overlaps)]);
    return null;
  }

  function addContent(
    inputKey: number,
    left: string,
    right: string,
    metrics: Metrics,
  ): string | null {
    if (reader === null) return null;
    if (isEmbeddingReader(reader)) return addVectors(inputKey, left, right, metrics);
    if (reader === "lightrag_data") return addRetrieval(left, right, metrics);
    return addText(reader, left, right, metrics);
  }

  return {
    compare(inputKey, control, treatment) {
      const metrics: Metrics = [["latency_difference", treatment.durationMs - control.durationMs]];
      const thrift = tokenEfficiency(control, treatment);
      if (thrift !== null) metrics.push(["token_efficiency", thrift]);
      if (control.body === null || treatment.body === null) {
        return { metrics, refused: "an answer was too large, or encoded" };
      }
      return { metrics, refused: addContent(inputKey, control.body, treatment.body, metrics) };
    },
  };
}

function isSameModel(
  left: string,
  right: string,
  control: readonly Float64Array[],
  treatment: readonly Float64Array[],
): boolean {
  return readModel(left) === readModel(right) && control[0]?.length === treatment[0]?.length;
}

/** Tokens that the control needed by those of the treatment: written ones where both tell them, else read ones. */
function tokenEfficiency(control: ComparedAnswer, treatment: ComparedAnswer): number | null {
  const isWritten = control.tokensOut !== null && treatment.tokensOut !== null;
  const left = isWritten ? control.tokensOut : control.tokensIn;
  const right = isWritten ? treatment.tokensOut : treatment.tokensIn;
  return left === null || right === null || left === 0 || right === 0 ? null : left / right;
}

function addRetrieval(left: string, right: string, metrics: Metrics): string | null {
  const control = retrievedIds(parseJson(left));
  const treatment = retrievedIds(parseJson(right));
  if (control === null || treatment === null) return "an answer holds no retrieval";
  const chunks = compareRetrieval(control.chunks, treatment.chunks);
  if (chunks !== null) {
    metrics.push(["retrieval_overlap", chunks.jaccard]);
    metrics.push(["retrieval_rank_overlap", chunks.rankOverlap]);
  }
  const entities = compareRetrieval(control.entities, treatment.entities);
  if (entities !== null) metrics.push(["entity_overlap", entities.jaccard]);
  return null;
}

function addText(reader: ReaderName, left: string, right: string, metrics: Metrics): string | null {
  const control = readText(reader, left);
  const treatment = readText(reader, right);
  if (control === null || treatment === null) return null;
  const { lengthRatio, tokenOverlap, citationOverlap } = compareTexts(
    { text: control, references: referencePaths(readReferences(reader, left)) },
    { text: treatment, references: referencePaths(readReferences(reader, right)) },
    { charsMax: textCharsMax },
  );
  if (lengthRatio !== null) metrics.push(["text_length_ratio", lengthRatio]);
  if (tokenOverlap !== null) metrics.push(["text_token_overlap", tokenOverlap]);
  if (citationOverlap !== null) metrics.push(["citation_overlap", citationOverlap]);
  return null;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
