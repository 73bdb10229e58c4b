import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mirroredWriteSchema, type MirroredWrite } from "../../wire/mirrored-write.ts";
import type { SupervisorLog } from "../worker-slot.ts";

/** A write that lies on disk, and the variants that are still to get it. */
export type WaitingWrite = {
  readonly name: string;
  readonly experiment: string;
  readonly variants: readonly string[];
  /** Those that have it from an earlier life. */
  readonly settled: readonly string[];
};

/** What has other names in the folder is rubbish that a crash left. */
export const divergencesFile = "divergences.json";

type Entry = {
  readonly left: Set<string>;
  /** Variants that have a mark on disk. */
  readonly marked: string[];
  bytes: number;
};

/**
 * The folder of writes that wait: `NAME.body` and its head `NAME.json`, which is there last and goes first, and an empty
 * `NAME.VARIANT.done` for each variant that has it while others have not. What a process that is killed has delivered and
 * not marked yet is delivered once more: at most one write for each variant. Marks are not synced, so after a power cut it
 * may be the writes of the last seconds.
 */
export class WaitingWrites {
  readonly #directory: string;
  readonly #log: SupervisorLog;
  readonly #entries = new Map<string, Entry>();
  /** Delivered, and still on disk because they could not be removed. */
  readonly #stuck = new Set<string>();
  #bytes = 0;

  constructor(directory: string, log: SupervisorLog) {
    this.#directory = directory;
    this.#log = log;
  }

  /**
   * What an earlier life left, oldest first; removes its rubbish, and so must come before the first worker starts. A folder
   * that cannot be read is told, and is as good as empty.
   */
  takeUp(): readonly WaitingWrite[] {
    try {
      return this.#takeUp(readdirSync(this.#directory).toSorted());
    } catch (error) {
      if (!isMissing(error))
        this.#tell("writes that wait for other variants cannot be read", error);
      return [];
    }
  }

  /** Writes on disk that nobody told of, as when a worker died between the two; oldest first. */
  async find(): Promise<readonly WaitingWrite[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const found: WaitingWrite[] = [];
    for (const name of names.filter(isHead).map(withoutEnd).toSorted()) {
      if (this.#entries.has(name) || this.#stuck.has(name)) continue;
      const write = await this.read(name);
      if (write === null || this.#entries.has(name)) continue;
      const { experiment, targets } = write;
      const variants = targets.map(({ variant }) => variant);
      found.push({ name, experiment, variants, settled: [] });
    }
    return found;
  }

  /** False when it is known already. */
  add({ name, variants, settled }: WaitingWrite): boolean {
    if (this.#entries.has(name)) return false;
    const entry = { left: new Set(variants), marked: [...settled], bytes: 0 };
    this.#entries.set(name, entry);
    void stat(this.bodyOf(name)).then(
      ({ size }) => this.#measure(name, entry, size),
      () => {},
    );
    return true;
  }

  /** Null when it is gone or damaged; a damaged one is set aside and told. */
  async read(name: string): Promise<MirroredWrite | null> {
    const path = this.#path(name, "json");
    const text = await readFile(path, "utf8").catch(() => null);
    if (text === null) return null;
    const write = parseWrite(text);
    if (write === null) {
      await rename(path, damagedOf(path)).catch(() => {});
      this.#tell("a write that waits for other variants is damaged", new Error(path));
    }
    return write;
  }

  bodyOf(name: string): string {
    return this.#path(name, "body");
  }

  bytesOf(name: string): number {
    return this.#entries.get(name)?.bytes ?? 0;
  }

  /** One variant is through with it; the last one takes it off the disk. */
  async settle(name: string, variant: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.left.delete(variant);
    try {
      if (entry.left.size > 0) {
        entry.marked.push(variant);
        await writeFile(this.#path(name, markOf(variant)), "");
      } else await this.#remove(name, entry);
    } catch (error) {
      this.#stuck.add(name);
      this.#tell("a delivered write stays on disk, and is delivered again after a restart", error);
    }
    if (entry.left.size > 0 || this.#entries.get(name) !== entry) return;
    this.#entries.delete(name);
    this.#bytes -= entry.bytes;
  }

  /** Writes that wait, and the bytes of their bodies. */
  room(): { readonly writes: number; readonly bytes: number } {
    return { writes: this.#entries.size, bytes: this.#bytes };
  }

  #takeUp(names: readonly string[]): readonly WaitingWrite[] {
    const heads = new Set(names.filter(isHead).map(withoutEnd));
    const damaged = new Set(names.filter(isDamaged).map(withoutEnd));
    const files = new Set(names);
    for (const name of names) {
      const owner = withoutEnd(name);
      if (heads.has(owner) || damaged.has(owner) || name === divergencesFile) continue;
      rmSync(join(this.#directory, name), { force: true });
    }
    return [...heads].flatMap((name) => this.#takeUpOne(name, files) ?? []);
  }

  #takeUpOne(name: string, files: ReadonlySet<string>): WaitingWrite | null {
    const path = this.#path(name, "json");
    const write = parseWrite(readFileSync(path, "utf8"));
    if (write === null) {
      renameSync(path, damagedOf(path));
      this.#tell("a write that waits for other variants is damaged", new Error(path));
      return null;
    }
    const all = write.targets.map(({ variant }) => variant);
    const settled = all.filter((variant) => files.has(`${name}.${markOf(variant)}`));
    const variants = all.filter((variant) => !settled.includes(variant));
    if (variants.length > 0) return { name, experiment: write.experiment, variants, settled };
    rmSync(path, { force: true });
    return null;
  }

  #measure(name: string, entry: Entry, bytes: number): void {
    if (this.#entries.get(name) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
  }

  async #remove(name: string, { marked }: Entry): Promise<void> {
    for (const end of ["json", "body", ...marked.map(markOf)])
      await rm(this.#path(name, end), { force: true });
  }

  #path(name: string, end: string): string {
    return join(this.#directory, `${name}.${end}`);
  }

  #tell(message: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#log("error", message, { directory: this.#directory, reason });
  }
}

function markOf(variant: string): string {
  return `${encodeURIComponent(variant)}.done`;
}

function isHead(name: string): boolean {
  return name.endsWith(".json") && name !== divergencesFile;
}

function isDamaged(name: string): boolean {
  return name.endsWith(".damaged");
}

function damagedOf(path: string): string {
  return `${path}.damaged`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Names of writes have no dot. */
function withoutEnd(name: string): string {
  const dot = name.indexOf(".");
  return dot === -1 ? name : name.slice(0, dot);
}

function parseWrite(text: string): MirroredWrite | null {
  try {
    const parsed = mirroredWriteSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
