/** Where the demonstration writes. */
export type DemoIo = {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Width of the terminal, or null where there is none; asked each time, because it changes. */
  readonly terminalColumns: () => number | null;
};

/** A block of lines that is replaced in place on a terminal, and written now and then elsewhere. */
export class LiveBlock {
  readonly #io: DemoIo;
  readonly #plainEvery: number;
  #linesShown = 0;
  #updates = 0;

  /** Without a terminal, the first and then each `plainEvery`-th update is written. */
  constructor(io: DemoIo, plainEvery: number) {
    this.#io = io;
    this.#plainEvery = plainEvery;
  }

  update(lines: readonly string[]): void {
    const columns = this.#io.terminalColumns();
    this.#updates += 1;
    if (columns === null) {
      if (this.#updates % this.#plainEvery === 1) this.#io.stdout(`${lines.join("\n")}\n`);
      return;
    }
    // A line that wraps would be two, and the cursor would go up too little.
    const cut = lines.map((line) => line.slice(0, Math.max(1, columns - 1)));
    this.#io.stdout(`${this.#erase()}${cut.join("\n")}\n`);
    this.#linesShown = cut.length;
  }

  /** Takes the block away. */
  clear(): void {
    if (this.#linesShown > 0) this.#io.stdout(this.#erase());
    this.#linesShown = 0;
  }

  #erase(): string {
    // From the first column: a Ctrl-C is echoed where the cursor stands.
    return this.#linesShown === 0 ? "" : `\r\u001b[${this.#linesShown}A\u001b[0J`;
  }
}
