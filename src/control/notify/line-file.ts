import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Appends lines to a file; a full one is set aside as `<path>.1`, and the one before that is gone. */
export class LineFile {
  readonly #path: string;
  readonly #bytesMax: number;

  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  /** Throws what the file system throws. */
  append(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#size() + bytes > this.#bytesMax && this.#size() > 0) {
      renameSync(this.#path, `${this.#path}.1`);
    }
    try {
      appendFileSync(this.#path, `${line}\n`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      mkdirSync(dirname(this.#path), { recursive: true });
      appendFileSync(this.#path, `${line}\n`);
    }
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
