/** How the answers of a route are read: one name for each shape of answer that Sluice knows. */
export const readerNames = [
  /** LightRAG's /query: `{ response, references, llm_generated? }`. */
  "lightrag_query",
  /** LightRAG's /query/stream: NDJSON lines `{ references }`, `{ response }`, `{ error }`. */
  "lightrag_stream",
  /** LightRAG's /query/data: `{ status, message, data, metadata }`. */
  "lightrag_data",
  /** LightRAG's writes: `{ status: success | duplicated | partial_success | failure, track_id }`. */
  "lightrag_write",
  /** Ollama's /api/chat and /api/generate, of Ollama itself or of LightRAG: NDJSON or one object. */
  "ollama_generate",
  /** Ollama's /api/embed and /api/embeddings. */
  "ollama_embed",
  /** /v1/embeddings of OpenAI, vLLM, Infinity, TEI, Ollama: floats or base64. */
  "openai_embeddings",
  /** /v1/chat/completions and /v1/completions: one object or SSE. */
  "openai_chat",
  /** TEI's /embed: bare arrays, tokens in `x-compute-tokens`. */
  "tei_embed",
  /** TEI's /rerank and /predict: bare arrays, tokens in `x-compute-tokens`. */
  "tei_rerank",
  /** Cohere's /v1/embed and /v2/embed. */
  "cohere_embed",
  /** OpenViking's envelope `{ status, result, error, telemetry }`. */
  "openviking",
  /** OpenViking's chat stream (SSE). */
  "openviking_stream",
] as const;

export type ReaderName = (typeof readerNames)[number];

/** Why an answer counts as a failure in spite of a status below 400. */
export const failureReasons = [
  /** An error inside a stream that began well. */
  "error_in_stream",
  /** A body that says itself that it failed. */
  "error_in_body",
  /** The model did not write it: LightRAG's `llm_generated: false`. */
  "not_generated",
  /** LightRAG's canned `[no-context]` reply. */
  "no_context",
  /** No vector, or one without numbers, where one was asked for. */
  "empty_embedding",
  /** A vector as long as no other of this variant. */
  "wrong_dimension",
  /** NaN, Infinity or null in a vector. */
  "not_a_number",
  /** Not what the route promises: broken JSON, a stream without its last line. */
  "malformed",
] as const;

export type FailureReason = (typeof failureReasons)[number];

/** What an answer's head and body told, beyond its status. Unknown is null, never 0. */
export type AnswerFacts = {
  readonly failure: FailureReason | null;
  /** Tokens of the prompt or of the embedded texts. */
  readonly tokensIn: number | null;
  /** Tokens that the model wrote. */
  readonly tokensOut: number | null;
  /** Length of the vectors. */
  readonly dimension: number | null;
  /** Handle that the answer gives out, such as `track_id`. */
  readonly handle: string | null;
  /** The body's own word on how it went (`status`), for comparing writes. */
  readonly status: string | null;
};

export const noFacts: AnswerFacts = {
  failure: null,
  tokensIn: null,
  tokensOut: null,
  dimension: null,
  handle: null,
  status: null,
};
