import { theRest, type PresetRoute } from "./preset.ts";

const embedReason =
  "each user's own variant; into one vector store only if the models are the same";
const scoreReason = "scores: each user's own variant";

/** Hugging Face text-embeddings-inference. */
export const tei: readonly PresetRoute[] = [
  {
    match: "POST /embed",
    class: "split",
    classify: "tei_embed",
    reason: embedReason,
  },
  {
    match: "POST /v1/embeddings",
    class: "split",
    classify: "openai_embeddings",
    reason: embedReason,
  },
  { match: "POST /embed_all", class: "split", reason: embedReason },
  { match: "POST /embed_sparse", class: "split", reason: embedReason },
  { match: "POST /rerank", class: "split", classify: "tei_rerank", reason: scoreReason },
  { match: "POST /predict", class: "split", classify: "tei_rerank", reason: scoreReason },
  { match: "POST /similarity", class: "split", reason: scoreReason },
  { match: "POST /tokenize", class: "split", reason: "belongs to the model that embeds" },
  { match: "POST /decode", class: "split", reason: "belongs to the model that embeds" },
  { match: "GET /info", class: "pin", reason: "which model there is: one answer for all" },
  { match: "GET /health", class: "pin", reason: "Sluice asks each variant itself" },
  { match: "GET /metrics", class: "pin", reason: "Prometheus asks each server itself" },
  theRest,
];
