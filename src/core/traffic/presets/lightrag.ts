import { mebibyte, modelWaits, preflight, theRest, workWaits, type PresetRoute } from "./preset.ts";

const askReason = "a question: each user's own variant";
const writeReason = "changes documents: never split; mirrored where writes: mirror";
const pageReason = "pages and assets of two builds do not mix";
const graphWrite = "changes the graph: never split";
const showReason = "shows what the primary variant holds";

/** LightRAG's API server (HKUDS/LightRAG, `docs/LightRAG-API-Server.md` and its routers). */
export const lightrag: readonly PresetRoute[] = [
  preflight,
  {
    match: "POST /query/stream",
    class: "split",
    classify: "lightrag_stream",
    timeouts: modelWaits,
    reason: `${askReason}; NDJSON`,
  },
  {
    match: "POST /query/data",
    class: "split",
    classify: "lightrag_data",
    timeouts: modelWaits,
    reason: "retrieval alone: each user's own variant, and what compares best",
  },
  {
    match: "POST /query",
    class: "split",
    classify: "lightrag_query",
    timeouts: modelWaits,
    reason: askReason,
  },
  {
    match: "POST /api/chat",
    class: "split",
    classify: "ollama_generate",
    timeouts: modelWaits,
    reason: `${askReason}; Ollama emulation`,
  },
  {
    match: "POST /api/generate",
    class: "split",
    classify: "ollama_generate",
    timeouts: modelWaits,
    reason: `${askReason}; Ollama emulation`,
  },
  { match: "/api/**", class: "pin", reason: "which models there are: one answer for everybody" },
  {
    match: "GET,HEAD /graphs",
    class: "split",
    reason: "reads the graph of the user's own variant",
  },
  {
    match: "GET,HEAD /graph/**",
    class: "split",
    reason: "reads the graph of the user's own variant",
  },
  { match: "/graph/**", class: "write", timeouts: workWaits, reason: graphWrite },
  {
    match: "POST /documents/upload",
    class: "write",
    classify: "lightrag_write",
    timeouts: workWaits,
    bodyBytesMax: 101 * mebibyte,
    reason: `${writeReason}; LightRAG takes 100 MB and the form around it`,
  },
  {
    match: "POST /documents/text",
    class: "write",
    classify: "lightrag_write",
    timeouts: workWaits,
    bodyBytesMax: 50 * mebibyte,
    reason: `${writeReason}; LightRAG takes 50 MiB`,
  },
  {
    match: "POST /documents/texts",
    class: "write",
    classify: "lightrag_write",
    timeouts: workWaits,
    bodyBytesMax: 50 * mebibyte,
    reason: `${writeReason}; LightRAG takes 50 MiB`,
  },
  {
    match: "POST /documents/paginated",
    class: "affinity",
    reason: `a read, although a POST: ${showReason}`,
  },
  {
    match: "GET /documents/track_status/:track_id",
    class: "affinity",
    handle: { in: "segment", name: "track_id" },
    reason: "only the variant that gave out the track id knows it",
  },
  { match: "GET,HEAD /documents/**", class: "affinity", reason: showReason },
  {
    match: "/documents/**",
    class: "write",
    classify: "lightrag_write",
    timeouts: workWaits,
    reason: writeReason,
  },
  { match: "POST /login", class: "affinity", reason: "one variant counts failures and signs" },
  { match: "GET /auth-status", class: "affinity", reason: "belongs to the login" },
  { match: "GET /auth/verify", class: "affinity", reason: "belongs to the login" },
  { match: "GET /health", class: "pin", reason: "Sluice asks each variant itself" },
  { match: "/", class: "one_variant", reason: pageReason },
  { match: "/webui/**", class: "one_variant", reason: pageReason },
  { match: "/workspace/**", class: "one_variant", reason: pageReason },
  { match: "/docs/**", class: "one_variant", reason: pageReason },
  { match: "/redoc", class: "one_variant", reason: pageReason },
  { match: "/openapi.json", class: "one_variant", reason: pageReason },
  { match: "/static/**", class: "one_variant", reason: pageReason },
  theRest,
];
