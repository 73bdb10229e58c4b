/** Unsigned numbers of variable length (LEB128) and doubles, one behind the other. */

/** Grows as it is written. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** A whole number from 0 to 2⁵³ − 1; throws a RangeError for any other. */
  unsigned(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a count: ${value}`);
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Up to 255 characters of ASCII; throws a RangeError for any other. */
  text(value: string): void {
    if (value.length > 255) throw new RangeError(`longer than 255 characters: ${value}`);
    this.byte(value.length);
    for (let at = 0; at < value.length; at += 1) {
      const unit = value.charCodeAt(at);
      if (unit > 127) throw new RangeError(`not ASCII: ${value}`);
      this.byte(unit);
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Reads what a ByteWriter wrote. Whatever is not there or cannot be reads as 0, and `failed` says so. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get failed(): boolean {
    return this.#failed;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.left === 0) return this.fail();
    const value = this.#bytes[this.#at] as number;
    this.#at += 1;
    return value;
  }

  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) return this.fail();
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  double(): number {
    if (this.left < 8) return this.fail();
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.byte();
    if (length > this.left) this.fail();
    let value = "";
    for (let at = 0; at < length && !this.#failed; at += 1) {
      const unit = this.byte();
      if (unit > 127) this.fail();
      value += String.fromCharCode(unit);
    }
    return value;
  }

  /** How many items follow, when each takes at least `itemBytes`: more than the bytes can hold is a failure. */
  length(itemBytes: number): number {
    const length = this.unsigned();
    return length * itemBytes > this.left ? this.fail() : length;
  }

  /** Nothing more can be read. */
  fail(): 0 {
    this.#failed = true;
    this.#at = this.#bytes.length;
    return 0;
  }
}
