/** Cuts a stream into lines; what is longer than `lineCharsMax` is passed over and counted. */
export class Lines {
  /** Lines that were passed over because they were too long. */
  skipped = 0;
  readonly #lineCharsMax: number;
  readonly #onLine: (line: string) => void;
  #rest = "";
  #isSkipping = false;

  constructor(lineCharsMax: number, onLine: (line: string) => void) {
    this.#lineCharsMax = lineCharsMax;
    this.#onLine = onLine;
  }

  feed(text: string): void {
    let from = 0;
    for (;;) {
      const end = text.indexOf("\n", from);
      if (end === -1) break;
      this.#endLine(text.slice(from, end));
      from = end + 1;
    }
    if (from === text.length || this.#isSkipping) return;
    this.#rest += text.slice(from);
    if (this.#rest.length <= this.#lineCharsMax) return;
    this.#rest = "";
    this.#isSkipping = true;
    this.skipped += 1;
  }

  /** What stands behind the last line break is a line, too. */
  end(): void {
    if (this.#rest !== "") this.#endLine("");
  }

  #endLine(piece: string): void {
    const line = this.#rest === "" ? piece : this.#rest + piece;
    this.#rest = "";
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return;
    }
    if (line.length > this.#lineCharsMax) this.skipped += 1;
    else this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}
