import type { JsonValue, VariantPolicy } from "../experiment/policy.ts";
import { readEmbeddings, type EmbeddingReader } from "../inspection/embedding-answer.ts";
import { VectorSkeleton } from "../inspection/vector-skeleton.ts";
import { noFacts } from "../inspection/facts.ts";
import { isRecord } from "../inspection/findings.ts";
import type { RoutePolicy } from "../traffic/policy.ts";
import { mergePatch, rewritePath } from "../traffic/transform.ts";
import type { EmbeddingFacts } from "./facts.ts";
import { nameOf } from "./health-answers.ts";

/** One embedding request, as a user's would reach the variant. */
export type EmbeddingProbe = {
  readonly reader: EmbeddingReader;
  /** Path at the upstream, without its base path. */
  readonly path: string;
  readonly body: JsonValue;
};

const probeText = "sluice compatibility probe";

const readers: readonly string[] = [
  "openai_embeddings",
  "ollama_embed",
  "tei_embed",
  "cohere_embed",
] satisfies EmbeddingReader[];

/** A split route that answers with vectors. */
export function isEmbeddingRoute(route: RoutePolicy): boolean {
  return route.class === "split" && isEmbeddingReader(route.classify);
}

function isEmbeddingReader(reader: string | null): reader is EmbeddingReader {
  return reader !== null && readers.includes(reader);
}

/** The request for the first of the routes that one can be made for; else a sentence why there is none. */
export function planEmbeddingProbe(
  routes: readonly RoutePolicy[],
  { key, body: patch, path: rewrite }: VariantPolicy,
): EmbeddingProbe | string {
  let reason = "No route answers with vectors.";
  for (const { classify: reader, class: kind, match, methods, pattern, prefix } of routes) {
    if (kind !== "split" || !isEmbeddingReader(reader)) continue;
    if (methods !== null && !methods.includes("POST")) {
      reason = `Embeddings are asked for by POST, which ${match} does not take.`;
      continue;
    }
    if (pattern.includes("/:") || pattern.includes("*")) {
      reason = `${match} is no single path that could be asked.`;
      continue;
    }
    const path =
      prefix !== "" && pattern.startsWith(prefix) ? pattern.slice(prefix.length) : pattern;
    const plain = bodyFor(reader, path);
    const body = patch === null ? plain : mergePatch(plain, patch);
    if (reader === "ollama_embed" && !hasModel(body)) {
      reason = `${match} needs a model; variant ${key} can name one by body: { model: NAME }.`;
      continue;
    }
    const target = path === "" ? "/" : path;
    return { reader, path: rewrite === null ? target : rewritePath(target, rewrite), body };
  }
  return reason;
}

function bodyFor(reader: EmbeddingReader, path: string): JsonValue {
  switch (reader) {
    case "openai_embeddings":
      return { input: probeText };
    case "ollama_embed":
      return path.endsWith("/embeddings") ? { prompt: probeText } : { input: probeText };
    case "tei_embed":
      return { inputs: probeText };
    case "cohere_embed":
      return { texts: [probeText], input_type: "search_document", embedding_types: ["float"] };
  }
}

function hasModel(body: JsonValue): boolean {
  return isRecord(body) && nameOf(body["model"]) !== null;
}

/** Null for what is no vector. */
export function readEmbeddingAnswer(reader: EmbeddingReader, text: string): EmbeddingFacts | null {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return null;
  }
  const into = { ...noFacts, hasToken: false, isComplete: false };
  const skeleton = new VectorSkeleton(text.length, true);
  skeleton.feed(Buffer.from(text));
  readEmbeddings(skeleton, into);
  if (into.failure !== null || into.dimension === null || into.dimension < 1) return null;
  return { dimension: into.dimension, model: isRecord(answer) ? nameOf(answer["model"]) : null };
}
