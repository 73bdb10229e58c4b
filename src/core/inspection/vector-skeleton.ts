/** Longer strings are not kept whole; a key or a name is shorter. */
const stringCharsKept = 64;
/** So much of the first long string is kept for a look, where it is asked for. */
const firstStringCharsMax = 131_072;

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const opening = 0x5b;
const backslash = 0x5c;
const closing = 0x5d;
const lowerA = 0x61;
const lowerN = 0x6e;

/** Numbers in brackets, which the skeleton has by their place in `runs`. */
export type NumberRun = {
  /** Something that is no number is among them: NaN, Infinity, null. */
  readonly isBad: boolean;
  /** How many; null unless they were counted. */
  readonly length: number | null;
};

const goodRun: NumberRun = { isBad: false, length: null };
const badRun: NumberRun = { isBad: true, length: null };
/** Of every skeleton that has none; never added to. */
const noRuns: NumberRun[] = [];
const noCuts: CutString[] = [];

/** What is not kept of a string. */
export type CutString = { readonly chars: number; readonly text: string | null };

/** `bracket`: the first byte behind one decides whether numbers are in it. */
type Mode = "structure" | "string" | "cut_string" | "bracket" | "run";

/**
 * What is left of an answer full of vectors without the vectors: `[0.1,0.2]` becomes `[0]`, its place in `runs`, and a
 * long string (base64) keeps its beginning, then `\u0000` and its place in `cuts`. A hundredth of the size, it is parsed
 * as JSON; the numbers pass through the engine's own search for bytes, which costs a tenth of parsing them.
 */
export class VectorSkeleton {
  #runs: NumberRun[] = noRuns;
  #cuts: CutString[] = noCuts;
  /** Lengths are counted, and the first long string is kept. */
  readonly isCounting: boolean;
  readonly #charsMax: number;
  #text = "";
  #chars = 0;
  #mode: Mode = "structure";
  /** The next byte of the string is escaped. */
  #isEscaped = false;
  #hasEscape = false;
  /** Of the string so far, or of its part that is not kept. */
  #stringChars = 0;
  #cutText = "";
  #isBad = false;
  #commas = 0;
  /** Where the next letters of NaN, null and Infinity are in the present bytes: behind most vectors. */
  #letterN = -1;
  #letterA = -1;

  /** `charsMax` bounds what is kept; `isCounting` asks for lengths and the first long string, which costs more. */
  constructor(charsMax: number, isCounting: boolean) {
    this.#charsMax = charsMax;
    this.isCounting = isCounting;
  }

  /** More is left than may be kept: nothing of it is. */
  get isTooLarge(): boolean {
    return this.#chars > this.#charsMax;
  }

  get text(): string {
    return this.#text;
  }

  get runs(): readonly NumberRun[] {
    return this.#runs;
  }

  get cuts(): readonly CutString[] {
    return this.#cuts;
  }

  /** The next bytes of the body; they are not held. */
  feed(bytes: Buffer): void {
    this.#letterN = -1;
    this.#letterA = -1;
    let at = 0;
    while (at < bytes.length && !this.isTooLarge) {
      if (this.#mode === "run") at = this.#passRun(bytes, at);
      else if (this.#mode === "cut_string") at = this.#passString(bytes, at);
      else at = this.#keep(bytes, at);
    }
  }

  /** Keeps bytes up to the next that is not to be kept: the first of numbers, or of the rest of a long string. */
  #keep(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#mode !== "run" && this.#mode !== "cut_string") {
      at = this.#mode === "string" ? this.#keepString(bytes, at) : this.#keepStructure(bytes, at);
    }
    this.#push(bytes.latin1Slice(from, at));
    return at;
  }

  #keepStructure(bytes: Buffer, from: number): number {
    let at = from;
    if (this.#mode === "bracket") {
      while (at < bytes.length && (bytes[at] as number) <= 0x20) at += 1;
      if (at === bytes.length) return at;
      this.#mode = isNumberBegin(bytes[at] as number) ? "run" : "structure";
      if (this.#mode === "run") return at;
    }
    for (; at < bytes.length; at += 1) {
      const code = bytes[at];
      if (code !== opening && code !== quote) continue;
      this.#mode = code === opening ? "bracket" : "string";
      this.#stringChars = 0;
      this.#hasEscape = false;
      return at + 1;
    }
    return at;
  }

  #keepString(bytes: Buffer, from: number): number {
    let at = from;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at += 1;
    }
    // A string that begins with escapes is no vector; it is kept, as one of them might be cut in two.
    const room = this.#hasEscape ? Infinity : from + stringCharsKept - this.#stringChars;
    const end = Math.min(bytes.length, room);
    while (at < end && bytes[at] !== quote && bytes[at] !== backslash) at += 1;
    this.#stringChars += at - from;
    if (at === room) this.#beginCut();
    else if (at < end && bytes[at] === quote) this.#mode = "structure";
    else if (at < end) {
      this.#isEscaped = true;
      this.#hasEscape = true;
    }
    return at === end ? at : at + 1;
  }

  #beginCut(): void {
    this.#mode = "cut_string";
    this.#stringChars = 0;
  }

  #passRun(bytes: Buffer, from: number): number {
    const end = positionOf(bytes, closing, from);
    if (this.#letterN < from) this.#letterN = positionOf(bytes, lowerN, from);
    if (this.#letterA < from) this.#letterA = positionOf(bytes, lowerA, from);
    this.#isBad ||= this.#letterN < end || this.#letterA < end;
    if (this.isCounting) this.#commas += countCommas(bytes, from, end);
    if (end === bytes.length) return end;
    this.#mode = "structure";
    this.#push(String(this.#runs.length));
    this.#addRun();
    this.#isBad = false;
    this.#commas = 0;
    return end;
  }

  /** Most answers have one vector: its list is no longer than that. */
  #addRun(): void {
    const uncounted = this.#isBad ? badRun : goodRun;
    const run = this.isCounting ? { isBad: this.#isBad, length: this.#commas + 1 } : uncounted;
    if (this.#runs.length === 0) this.#runs = [run];
    else this.#runs.push(run);
  }

  #passString(bytes: Buffer, from: number): number {
    const end = this.#closingQuote(bytes, from);
    const isWanted = this.isCounting && this.#cuts.length === 0;
    this.#stringChars += end - from;
    if (isWanted && this.#stringChars <= firstStringCharsMax) {
      this.#cutText += bytes.latin1Slice(from, end);
    }
    if (end === bytes.length) return end;
    this.#push(String.raw`\u0000${this.#cuts.length}`);
    const isWhole = isWanted && this.#cutText.length === this.#stringChars;
    const cut = { chars: this.#stringChars, text: isWhole ? this.#cutText : null };
    if (this.#cuts.length === 0) this.#cuts = [cut];
    else this.#cuts.push(cut);
    this.#cutText = "";
    // The quote is kept, and ends the string.
    this.#mode = "string";
    this.#stringChars = 0;
    return end;
  }

  #closingQuote(bytes: Buffer, from: number): number {
    let end = positionOf(bytes, quote, from);
    while (end < bytes.length && this.#isEscapedAt(bytes, from, end)) {
      end = positionOf(bytes, quote, end + 1);
    }
    this.#isEscaped = end === bytes.length && this.#isEscapedAt(bytes, from, end);
    return end;
  }

  /** An odd number of backslashes stands before it. */
  #isEscapedAt(bytes: Buffer, from: number, at: number): boolean {
    let first = at;
    while (first > from && bytes[first - 1] === backslash) first -= 1;
    const isFirstEscaped = first === from && this.#isEscaped;
    return (at - first) % 2 === (isFirstEscaped ? 0 : 1);
  }

  #push(text: string): void {
    this.#chars += text.length;
    this.#text = this.isTooLarge ? "" : this.#text + text;
  }
}

/** Numbers, and what some servers write where there is none: NaN, null, Infinity. */
function isNumberBegin(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === minus ||
    code === 0x4e ||
    code === 0x49 ||
    code === lowerN
  );
}

/** The end where there is none. */
function positionOf(bytes: Buffer, code: number, from: number): number {
  const at = bytes.indexOf(code, from);
  return at === -1 ? bytes.length : at;
}

function countCommas(bytes: Buffer, from: number, end: number): number {
  let commas = 0;
  for (let at = from; at < end; at += 1) if (bytes[at] === comma) commas += 1;
  return commas;
}
