/** Inputs that are remembered for each variant and worker; the oldest go first. */
export const seenInputsMax = 50_000;

/** Which inputs a variant was asked before, by hash: it may answer those from a cache. */
export class SeenInputs {
  readonly #hashes = new Set<number>();

  get size(): number {
    return this.#hashes.size;
  }

  /** Remembers an input; true when it was known. */
  note(hash: number): boolean {
    if (this.#hashes.delete(hash)) {
      this.#hashes.add(hash);
      return true;
    }
    this.#hashes.add(hash);
    if (this.#hashes.size <= seenInputsMax) return false;
    for (const oldest of this.#hashes) {
      this.#hashes.delete(oldest);
      break;
    }
    return false;
  }
}
