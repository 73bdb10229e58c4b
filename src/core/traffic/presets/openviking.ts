import { mebibyte, modelWaits, preflight, theRest, workWaits, type PresetRoute } from "./preset.ts";

const searchReason = "a search: each user's own variant";
const readReason = "reads the content of the user's own variant";
const writeReason = "changes content: never split; mirrored where writes: mirror";

/** OpenViking's server (volcengine/OpenViking, `openviking/server/routers`). */
export const openviking: readonly PresetRoute[] = [
  preflight,
  {
    match: "POST /api/v1/search/**",
    class: "split",
    classify: "openviking",
    timeouts: modelWaits,
    reason: searchReason,
  },
  {
    match: "POST /bot/v1/chat/stream",
    class: "split",
    classify: "openviking_stream",
    timeouts: modelWaits,
    reason: "a chat, as server-sent events: each user's own variant",
  },
  {
    match: "POST /bot/v1/chat",
    class: "split",
    timeouts: modelWaits,
    reason: "a chat: each user's own variant",
  },
  {
    match: "GET,HEAD /api/v1/tasks/:task_id/**",
    class: "affinity",
    classify: "openviking",
    handle: { in: "segment", name: "task_id" },
    reason: "only the variant that began the task knows it",
  },
  {
    match: "GET,HEAD /api/v1/sessions/:session_id/**",
    class: "affinity",
    classify: "openviking",
    handle: { in: "segment", name: "session_id" },
    reason: "only the variant that began the session knows it",
  },
  { match: "GET,HEAD /api/v1/content/**", class: "split", reason: readReason },
  { match: "GET,HEAD /api/v1/fs/**", class: "split", reason: readReason },
  ...["resources", "skills", "content", "fs", "sessions", "pack", "snapshot"].map(
    (name): PresetRoute => ({
      match: `POST,PUT,PATCH,DELETE /api/v1/${name}/**`,
      class: "write",
      classify: "openviking",
      timeouts: workWaits,
      bodyBytesMax: 101 * mebibyte,
      reason: writeReason,
    }),
  ),
  {
    match: "GET,HEAD,PROPFIND /webdav/**",
    class: "affinity",
    reason: "reads what is written there: what the primary variant holds",
  },
  { match: "/webdav/**", class: "write", timeouts: workWaits, reason: writeReason },
  { match: "/mcp/**", class: "pin", timeouts: modelWaits, reason: "a session of its own kind" },
  { match: "/studio/**", class: "one_variant", reason: "pages of two builds do not mix" },
  { match: "GET /health", class: "pin", reason: "Sluice asks each variant itself" },
  {
    match: "GET /ready",
    class: "pin",
    reason: "embeds a text each time: not to be asked often",
  },
  theRest,
];
