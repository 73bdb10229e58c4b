import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { mirrorLimits, type LostReason, type MirroredWrite } from "../../wire/mirrored-write.ts";

/** What is waiting as the control plane knows it; a worker learns of it now and then. */
export type SpoolRoom = { writes: number; bytes: number };

export type SpoolLimits = Pick<
  { readonly [Name in keyof typeof mirrorLimits]: number },
  "writesMax" | "bytesMax" | "bodyBytesMax" | "pendingBytesMax"
>;

export type Committed = { readonly name: string } | { readonly lost: LostReason };

/** Puts writes on disk before their clients are answered. */
export class Spool {
  readonly directory: string;
  readonly limits: SpoolLimits;
  /** Waiting writes of all workers, and what this one added since. */
  room: SpoolRoom = { writes: 0, bytes: 0 };
  /** Of this worker's writes that are still being received. */
  arriving: SpoolRoom = { writes: 0, bytes: 0 };
  readonly #prefix: string;
  #made = 0;

  /** `startedMs` (wall clock) and the worker's `index` keep names of different lives and threads apart. */
  constructor(
    directory: string,
    startedMs: number,
    index: number,
    limits: SpoolLimits = mirrorLimits,
  ) {
    this.directory = directory;
    this.limits = limits;
    this.#prefix = `${index}-${Math.floor(startedMs).toString(36)}`;
  }

  begin(): SpooledWrite {
    this.#made += 1;
    const { room, arriving, limits } = this;
    const isFull =
      room.writes + arriving.writes >= limits.writesMax ||
      room.bytes + arriving.bytes >= limits.bytesMax;
    return new SpooledWrite(
      this,
      `${this.#prefix}-${String(this.#made).padStart(10, "0")}`,
      isFull ? "full" : null,
    );
  }
}

/**
 * One write on its way to the disk: pieces are added as they come, then `commit` or `discard` ends it. Nothing here
 * throws into the exchange: what fails is lost, and says why.
 */
export class SpooledWrite {
  bytes = 0;
  #lost: LostReason | null;
  readonly #spool: Spool;
  readonly #name: string;
  #file: FileHandle | null = null;
  #work: Promise<void>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isArriving = true;

  constructor(spool: Spool, name: string, lost: LostReason | null) {
    this.#spool = spool;
    this.#name = name;
    this.#lost = lost;
    spool.arriving.writes += 1;
    this.#work = lost === null ? this.#guard(() => this.#open()) : Promise.resolve();
  }

  /** Why it will not reach the other variants, as far as is known yet; null when nothing speaks against it. */
  get lost(): LostReason | null {
    return this.#lost;
  }

  /** Copies body bytes. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#lost !== null) return;
    const { limits, room, arriving } = this.#spool;
    const length = end - start;
    this.bytes += length;
    arriving.bytes += length;
    if (this.bytes > limits.bodyBytesMax) return this.#lose("too_large");
    if (room.bytes + arriving.bytes > limits.bytesMax) return this.#lose("full");
    if (this.#pendingBytes + length > limits.pendingBytesMax) return this.#lose("disk");
    this.#pending.push(Buffer.from(bytes.subarray(start, end)));
    this.#pendingBytes += length;
    if (this.#pending.length > 1) return;
    // Whatever else comes until then goes in the same call.
    this.#work = this.#work.then(() => this.#guard(() => this.#writePending()));
  }

  /**
   * Makes it durable: the name under which it waits, or why it is lost. Names sort in the order of these calls:
   * whoever waits for one answer before the next write finds them in that order everywhere. `atUs` is wall time.
   */
  async commit(atUs: number, write: Omit<MirroredWrite, "bodyBytes">): Promise<Committed> {
    const name = `${String(Math.floor(atUs)).padStart(17, "0")}-${this.#name}`;
    await this.#work;
    await this.#guard(() => this.#store(name, write));
    if (this.#lost !== null) {
      await this.#remove(["body.part", "json.part"].map((end) => this.#path(end)));
      // A head whose folder could not be synced would come back after it was told as lost.
      await this.#remove(["json", "body"].map((end) => this.#kept(name, end)));
      this.#leave();
      return { lost: this.#lost };
    }
    this.#leave();
    this.#spool.room.writes += 1;
    this.#spool.room.bytes += this.bytes;
    return { name };
  }

  /** The primary did not take it, so nobody else gets it. */
  async discard(): Promise<void> {
    this.#leave();
    await this.#work;
    await this.#remove([this.#path("body.part")]);
  }

  async #open(): Promise<void> {
    await mkdir(this.#spool.directory, { recursive: true, mode: 0o700 });
    this.#file = await open(this.#path("body.part"), "wx", 0o600);
  }

  async #writePending(): Promise<void> {
    const pieces = this.#pending;
    this.#pending = [];
    const all = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    await this.#file?.writeFile(all);
    this.#pendingBytes -= all.length;
  }

  /** The head is renamed last: without it the body is rubbish. */
  async #store(name: string, write: Omit<MirroredWrite, "bodyBytes">): Promise<void> {
    if (this.#file === null) throw new Error("a write ends once");
    await this.#file.sync();
    await this.#close();
    await rename(this.#path("body.part"), this.#kept(name, "body"));
    const head = await open(this.#path("json.part"), "wx", 0o600);
    try {
      await head.writeFile(JSON.stringify({ ...write, bodyBytes: this.bytes }));
      await head.sync();
    } finally {
      await head.close();
    }
    await rename(this.#path("json.part"), this.#kept(name, "json"));
    const folder = await open(this.#spool.directory, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  #path(extension: string): string {
    return this.#kept(this.#name, extension);
  }

  #kept(name: string, extension: string): string {
    return join(this.#spool.directory, `${name}.${extension}`);
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** What cannot be removed now is removed at the next start. */
  async #remove(paths: readonly string[]): Promise<void> {
    await this.#close().catch(() => {});
    for (const path of paths) await rm(path, { force: true }).catch(() => {});
  }

  #leave(): void {
    if (!this.#isArriving) return;
    this.#isArriving = false;
    this.#spool.arriving.writes -= 1;
    this.#spool.arriving.bytes -= this.bytes;
  }

  #lose(reason: LostReason): void {
    this.#lost ??= reason;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#lost !== null) return;
    try {
      await work();
    } catch {
      this.#lose("disk");
    }
  }
}
