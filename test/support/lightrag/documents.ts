/** One instance's documents, as far as other instances could tell them apart. */

export type StoredDocument = { readonly text: string; readonly source: string };

export type WriteAnswer = {
  readonly status: "success" | "duplicated" | "partial_success" | "failure";
  readonly message: string;
  readonly track_id: string;
};

export class Documents {
  readonly stored: StoredDocument[] = [];
  readonly #name: string;
  readonly #tracks = new Map<string, { polls: number; readonly source: string }>();
  #tracksMade = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** What is known already is not stored again. */
  insert(documents: readonly StoredDocument[], kind: "insert" | "upload"): WriteAnswer {
    const fresh = documents.filter(({ text }) => !this.stored.some((other) => other.text === text));
    this.stored.push(...fresh);
    const track = this.#track(kind, documents[0]?.source ?? "");
    if (fresh.length === 0) return { status: "duplicated", message: "known", track_id: track };
    const status = fresh.length === documents.length ? "success" : "partial_success";
    return { status, message: "will be processed in background", track_id: track };
  }

  delete(texts: ReadonlySet<string> | null): void {
    const kept = texts === null ? [] : this.stored.filter(({ text }) => !texts.has(text));
    this.stored.splice(0, this.stored.length, ...kept);
  }

  /** Processed from the second look on; null for a track of another instance. */
  trackStatus(id: string): object | null {
    const track = this.#tracks.get(id);
    if (track === undefined) return null;
    track.polls += 1;
    const status = track.polls > 1 ? "processed" : "processing";
    const documents = [{ id, file_path: track.source, status, track_id: id }];
    return { track_id: id, documents, total_count: 1, status_summary: { [status]: 1 } };
  }

  #track(kind: string, source: string): string {
    this.#tracksMade += 1;
    const id = `${kind}_${this.#name}_${this.#tracksMade}`;
    this.#tracks.set(id, { polls: 0, source });
    return id;
  }
}
