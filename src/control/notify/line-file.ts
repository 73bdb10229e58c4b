import { mkdir, open, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Appends lines to a file; a full one is set aside as `<path>.1`, and the one before that is gone. The file is opened
 * for each line, so that it may be moved or removed by others at any time. One `append` at a time.
 */
export class LineFile {
  readonly #path: string;
  readonly #bytesMax: number;

  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  /** Makes the folder when it is missing. Rejects with what the file system says; then nothing of the line is left. */
  async append(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`);
    const isFull = await this.#use(async (file) => {
      const { size } = await file.stat();
      if (size > 0 && size + bytes.length > this.#bytesMax) return true;
      await write(file, bytes, size);
      return false;
    });
    if (!isFull) return;
    await rename(this.#path, `${this.#path}.1`);
    await this.#use((file) => write(file, bytes, 0));
  }

  async #use<T>(act: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await this.#open();
    try {
      return await act(file);
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.#path, "a");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await mkdir(dirname(this.#path), { recursive: true });
      return open(this.#path, "a");
    }
  }
}

async function write(file: FileHandle, bytes: Buffer, sizeBefore: number): Promise<void> {
  try {
    await file.appendFile(bytes);
  } catch (error) {
    // A disk that fills up takes a part of the line, to which the next one would be glued.
    await file.truncate(sizeBefore).catch(() => {});
    throw error;
  }
}
