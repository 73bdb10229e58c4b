/** A body kept up to a limit; beyond it nothing is kept, because half a body says nothing. */
export class Capture {
  isTooLarge = false;
  readonly #bytesMax: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Copies `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.isTooLarge) return;
    this.#bytes += end - start;
    if (this.#bytes > this.#bytesMax) this.giveUp();
    else this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** Part of the body went by unseen. */
  giveUp(): void {
    this.isTooLarge = true;
    this.#pieces = [];
  }

  /** All of it; null when it was too large. */
  get body(): Buffer | null {
    if (this.isTooLarge) return null;
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] as Buffer;
  }
}
