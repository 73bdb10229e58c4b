import { rankedIdsMax } from "./ranking.ts";

/** What a LightRAG /query/data answer retrieved, best first, each by the id under which another variant knows it too. */
export type RetrievedIds = {
  readonly chunks: readonly string[];
  readonly entities: readonly string[];
  /** Both ends in alphabetical order: LightRAG's relations have no direction. */
  readonly relationships: readonly string[];
  /** File paths that the answer may cite. */
  readonly references: readonly string[];
};

/**
 * Reads LightRAG's `{ status, message, data: { entities, relationships, chunks, references }, metadata }`. A chunk's id
 * is its `chunk_id` (a hash of its content: equal on instances that hold the same documents), else its `file_path`, else
 * its `content`. Items without an id are left out. Null for a body that is something else or says that it failed.
 */
export function retrievedIds(body: unknown): RetrievedIds | null {
  const answer = recordOf(body);
  if (answer === null || answer["status"] === "failure") return null;
  const data = recordOf(answer["data"]);
  if (data === null) return null;
  const lists = ["chunks", "entities", "relationships", "references"];
  if (!lists.some((name) => Array.isArray(data[name]))) return null;
  return {
    chunks: idsOf(data["chunks"], (chunk) =>
      firstText(chunk["chunk_id"], chunk["file_path"], chunk["content"]),
    ),
    entities: idsOf(data["entities"], (entity) => firstText(entity["entity_name"])),
    relationships: idsOf(data["relationships"], ({ src_id: source, tgt_id: target }) =>
      typeof source === "string" && typeof target === "string"
        ? JSON.stringify([source, target].toSorted())
        : null,
    ),
    references: referencePaths(data["references"]),
  };
}

/** The file paths of LightRAG's `references: [{ reference_id, file_path }]`; empty for anything else. */
export function referencePaths(references: unknown): readonly string[] {
  return idsOf(references, (reference) => firstText(reference["file_path"]));
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

function idsOf(list: unknown, idOf: (item: Fields) => string | null): readonly string[] {
  if (!Array.isArray(list)) return [];
  const ids: string[] = [];
  for (const item of list.slice(0, rankedIdsMax)) {
    const fields = recordOf(item);
    const id = fields === null ? null : idOf(fields);
    if (id !== null) ids.push(id);
  }
  return ids;
}

function firstText(...values: readonly unknown[]): string | null {
  const text = values.find((value) => typeof value === "string" && value !== "");
  return typeof text === "string" ? text : null;
}
