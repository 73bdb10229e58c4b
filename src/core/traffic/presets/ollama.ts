import { mebibyte, modelWaits, preflight, theRest, workWaits, type PresetRoute } from "./preset.ts";
import { openai } from "./openai.ts";

const modelReason = "changes which models a server has: never split";

/** Ollama's own API, and the OpenAI-compatible one beside it (ollama `docs/api.md`, `docs/openapi.yaml`). */
export const ollama: readonly PresetRoute[] = [
  preflight,
  ...["/api/chat", "/api/generate"].map((path): PresetRoute => ({
    match: `POST ${path}`,
    class: "split",
    classify: "ollama_generate",
    timeouts: modelWaits,
    reason: "a model's text: each user's own variant",
  })),
  ...["/api/embed", "/api/embeddings"].map((path): PresetRoute => ({
    match: `POST ${path}`,
    class: "split",
    classify: "ollama_embed",
    reason: "each user's own variant; into one vector store only if the models are the same",
  })),
  ...["GET /api/tags", "GET /api/ps", "GET /api/version", "POST /api/show"].map(
    (match): PresetRoute => ({
      match,
      class: "pin",
      reason: "what the server is and has: one answer for all",
    }),
  ),
  {
    match: "GET,HEAD /api/blobs/**",
    class: "affinity",
    reason: "belongs to what is written there",
  },
  {
    match: "/api/blobs/**",
    class: "write",
    timeouts: workWaits,
    bodyBytesMax: 16_384 * mebibyte,
    reason: modelReason,
  },
  ...["pull", "push", "create", "copy", "delete"].map((name): PresetRoute => ({
    match: `/api/${name}`,
    class: "write",
    timeouts: modelWaits,
    reason: modelReason,
  })),
  ...openai.filter((route) => route !== preflight && route !== theRest),
  theRest,
];
