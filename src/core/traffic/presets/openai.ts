import { mebibyte, modelWaits, preflight, theRest, workWaits, type PresetRoute } from "./preset.ts";

const storeReason = "kept on one server: never split";

/** What OpenAI-compatible servers have in common: OpenAI, vLLM, Infinity, llama.cpp, TEI. */
export const openai: readonly PresetRoute[] = [
  preflight,
  {
    match: "POST /v1/embeddings",
    class: "split",
    classify: "openai_embeddings",
    reason: "each user's own variant; into one vector store only if the models are the same",
  },
  {
    match: "POST /v1/chat/completions",
    class: "split",
    classify: "openai_chat",
    timeouts: modelWaits,
    reason: "a chat: each user's own variant",
  },
  {
    match: "POST /v1/completions",
    class: "split",
    classify: "openai_chat",
    timeouts: modelWaits,
    reason: "a completion: each user's own variant",
  },
  {
    match: "POST /v1/responses",
    class: "split",
    timeouts: modelWaits,
    reason: "an answer: each user's own variant",
  },
  {
    match: "GET /v1/responses/**",
    class: "split",
    reason: "kept by the variant that answered, which is the user's own",
  },
  ...["/v1/rerank", "/v2/rerank", "/rerank", "/v1/score", "/score", "/pooling"].map(
    (path): PresetRoute => ({
      match: `POST ${path}`,
      class: "split",
      reason: "scores: each user's own variant",
    }),
  ),
  ...["/v1/embed", "/v2/embed"].map((path): PresetRoute => ({
    match: `POST ${path}`,
    class: "split",
    classify: "cohere_embed",
    reason: "Cohere's embeddings: each user's own variant",
  })),
  {
    match: "GET /v1/models/**",
    class: "pin",
    reason: "which models there are: one answer for all",
  },
  { match: "GET,HEAD /v1/files/**", class: "affinity", reason: storeReason },
  { match: "GET,HEAD /v1/batches/**", class: "affinity", reason: storeReason },
  {
    match: "/v1/files/**",
    class: "write",
    timeouts: workWaits,
    bodyBytesMax: 512 * mebibyte,
    reason: storeReason,
  },
  { match: "/v1/batches/**", class: "write", reason: storeReason },
  theRest,
];
