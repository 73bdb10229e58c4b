import { carriageReturn, fieldByte, lineFeed, targetByte, tokenByte } from "./characters.ts";
import { createFacts, noteField, resetFacts, type FieldFacts, type FieldFault } from "./fields.ts";

/**
 * A strict HTTP/1.1 head parser (RFC 9112 §2–§5), fed with bytes as they come.
 *
 * It works line by line, so that one byte at a time gives the same answer as all at once and costs the
 * same in total. What the grammar forbids is refused at the end of its line: bare CR or LF, folded
 * lines, white space before the colon, control bytes, empty names.
 */

export type HeadKind = "request" | "response" | "trailers";

export type HeadFault =
  | FieldFault
  | "bad_request_line"
  | "bad_status_line"
  | "unsupported_version"
  | "head_too_large"
  | "too_many_headers";

export type HeadLimits = { readonly bytesMax: number; readonly headersMax: number };

/** `feed` answers this when the head goes on in bytes still to come. */
export const headIncomplete = -1;
/** `feed` answers this when the head is refused; `fault` says why. */
export const headRefused = -2;

const blankLinesMax = 2;
/** How far ahead text is decoded: most heads whole, little of a body that follows. */
const decodeBytes = 512;

export class HeadParser {
  method = "";
  target = "";
  /** 0 or 1: HTTP/1.x. */
  minorVersion: 0 | 1 = 1;
  status = 0;
  reason = "";
  /** Flat names and values; a new array for every message. */
  headers: string[] = [];
  readonly facts: FieldFacts = createFacts();
  fault: HeadFault | null = null;
  /** True once a byte of the current head has arrived. */
  started = false;

  readonly #kind: HeadKind;
  readonly #limits: HeadLimits;
  #startLineRead = false;
  #complete = false;
  #blankLines = 0;
  #bytesRead = 0;
  #carry: Buffer | null = null;
  #carryLength = 0;
  #text = "";
  #textBase = 0;

  constructor(kind: HeadKind, limits: HeadLimits) {
    this.#kind = kind;
    this.#limits = limits;
    this.reset();
  }

  /** Makes ready for the next head. */
  reset(): void {
    this.headers = [];
    this.fault = null;
    this.started = false;
    this.#startLineRead = this.#kind === "trailers";
    this.#complete = false;
    this.#blankLines = 0;
    this.#bytesRead = 0;
    this.#carryLength = 0;
    resetFacts(this.facts);
  }

  /**
   * Reads `bytes[start, end)`. Returns the position behind the head when it is complete,
   * `headIncomplete` when all was taken and more is needed, or `headRefused`.
   */
  feed(bytes: Buffer, start: number, end: number): number {
    if (end > start) this.started = true;
    this.#text = "";
    this.#textBase = start;
    let at = start;
    if (this.#carryLength > 0) {
      at = this.#finishCarriedLine(bytes, start, end);
      if (at < 0 || this.#complete) return at;
    }
    while (at < end) {
      const fieldEnd = this.#startLineRead ? this.#readWholeField(bytes, at, end) : -1;
      if (fieldEnd !== -1) {
        if (this.fault !== null) return headRefused;
        at = fieldEnd;
        continue;
      }
      const feedAt = bytes.indexOf(lineFeed, at);
      if (feedAt === -1 || feedAt >= end) return this.#keep(bytes, at, end);
      this.#bytesRead += feedAt + 1 - at;
      if (this.#bytesRead > this.#limits.bytesMax) return this.#refuse("head_too_large");
      if (feedAt >= this.#textBase + this.#text.length) this.#decode(bytes, at, feedAt + 1, end);
      this.#readLine(bytes, at, feedAt);
      if (this.fault !== null) return headRefused;
      at = feedAt + 1;
      if (this.#complete) return at;
    }
    return headIncomplete;
  }

  /** Ends the line that an earlier read left unfinished; answers as `feed` does, or the position to go on from. */
  #finishCarriedLine(bytes: Buffer, start: number, end: number): number {
    const feedAt = bytes.indexOf(lineFeed, start);
    if (feedAt === -1 || feedAt >= end) return this.#keep(bytes, start, end);
    if (this.#keep(bytes, start, feedAt + 1) === headRefused) return headRefused;
    const carry = this.#carry as Buffer;
    const length = this.#carryLength;
    this.#carryLength = 0;
    this.#textBase = 0;
    this.#text = carry.latin1Slice(0, length);
    this.#readLine(carry, 0, length - 1);
    this.#text = "";
    this.#textBase = feedAt + 1;
    return this.fault === null ? feedAt + 1 : headRefused;
  }

  /** Decodes a stretch of the head at once, so that its lines are slices of one string. */
  #decode(bytes: Buffer, at: number, lineEnd: number, end: number): void {
    this.#text = bytes.latin1Slice(at, Math.max(lineEnd, Math.min(end, at + decodeBytes)));
    this.#textBase = at;
  }

  #keep(bytes: Buffer, from: number, to: number): number {
    const length = to - from;
    this.#bytesRead += length;
    if (this.#bytesRead > this.#limits.bytesMax) return this.#refuse("head_too_large");
    const needed = this.#carryLength + length;
    if (this.#carry === null || this.#carry.length < needed) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(Math.max(1024, needed * 2), this.#limits.bytesMax),
      );
      if (this.#carry !== null) this.#carry.copy(larger, 0, 0, this.#carryLength);
      this.#carry = larger;
    }
    bytes.copy(this.#carry, this.#carryLength, from, to);
    this.#carryLength = needed;
    return headIncomplete;
  }

  #refuse(fault: HeadFault): typeof headRefused {
    this.fault = fault;
    return headRefused;
  }

  #slice(from: number, to: number): string {
    return this.#text.substring(from - this.#textBase, to - this.#textBase);
  }

  /** Reads the line `bytes[start, feedAt)` whose LF is at `feedAt`. */
  #readLine(bytes: Buffer, start: number, feedAt: number): void {
    const end = feedAt - 1;
    if (end < start || bytes[end] !== carriageReturn) {
      this.fault = this.#startLineRead ? "bad_header" : this.#startLineFault();
      return;
    }
    if (end === start) return this.#readBlankLine();
    if (this.#startLineRead) return this.#readField(bytes, start, end);
    this.#startLineRead = true;
    if (this.#kind === "request") this.#readRequestLine(bytes, start, end);
    else this.#readStatusLine(bytes, start, end);
  }

  #startLineFault(): HeadFault {
    return this.#kind === "request" ? "bad_request_line" : "bad_status_line";
  }

  /** A blank line ends the head; before a request line a few are tolerated (RFC 9112 §2.2). */
  #readBlankLine(): void {
    if (this.#startLineRead) {
      this.#complete = true;
      return;
    }
    this.#blankLines += 1;
    if (this.#kind === "response" || this.#blankLines > blankLinesMax) {
      this.fault = this.#startLineFault();
    }
  }

  #readRequestLine(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && tokenByte[bytes[at] as number] === 1) at += 1;
    const methodEnd = at;
    const targetStart = at + 1;
    if (methodEnd === start || bytes[at] !== 0x20) return void this.#refuse("bad_request_line");
    at = targetStart;
    while (at < end && targetByte[bytes[at] as number] === 1) at += 1;
    if (at === targetStart || at >= end || bytes[at] !== 0x20) {
      return void this.#refuse("bad_request_line");
    }
    this.method = this.#slice(start, methodEnd);
    this.target = this.#slice(targetStart, at);
    this.#readVersion(this.#slice(at + 1, end), "bad_request_line");
  }

  #readStatusLine(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 1) {
      if (fieldByte[bytes[at] as number] === 0) return void this.#refuse("bad_status_line");
    }
    const hundreds = (bytes[start + 9] as number) - 0x30;
    const tens = (bytes[start + 10] as number) - 0x30;
    const ones = (bytes[start + 11] as number) - 0x30;
    const separated = end - start === 12 || (end - start > 12 && bytes[start + 12] === 0x20);
    const digits =
      hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
    if (!separated || !digits || bytes[start + 8] !== 0x20)
      return void this.#refuse("bad_status_line");
    this.status = hundreds * 100 + tens * 10 + ones;
    this.reason = this.#slice(start + 13, Math.max(end, start + 13));
    this.#readVersion(this.#slice(start, start + 8), "bad_status_line");
  }

  #readVersion(version: string, fault: HeadFault): void {
    if (version === "HTTP/1.1") this.minorVersion = 1;
    else if (version === "HTTP/1.0") this.minorVersion = 0;
    else this.fault = /^HTTP\/[0-9]\.[0-9]$/.test(version) ? "unsupported_version" : fault;
  }

  /**
   * Reads a valid field line that is here whole, in one pass over its bytes; returns the position behind it. Anything
   * else is left to the line reader: -1.
   */
  #readWholeField(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && tokenByte[bytes[at] as number] === 1) at += 1;
    const nameEnd = at;
    if (nameEnd === start || nameEnd >= end || bytes[nameEnd] !== 0x3a) return -1;
    at += 1;
    while (at < end && isBlank(bytes[at] as number)) at += 1;
    const valueStart = at;
    while (at < end && fieldByte[bytes[at] as number] === 1) at += 1;
    if (at + 1 >= end || bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed) return -1;
    const next = at + 2;
    if (this.#bytesRead + next - start > this.#limits.bytesMax) return -1;
    this.#bytesRead += next - start;
    if (next > this.#textBase + this.#text.length) this.#decode(bytes, start, next, end);
    this.#addField(bytes, start, nameEnd, valueStart, at);
    return next;
  }

  #readField(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && tokenByte[bytes[at] as number] === 1) at += 1;
    const nameEnd = at;
    if (nameEnd === start || bytes[at] !== 0x3a || at >= end)
      return void this.#refuse("bad_header");
    at += 1;
    while (at < end && isBlank(bytes[at] as number)) at += 1;
    const valueStart = at;
    while (at < end && fieldByte[bytes[at] as number] === 1) at += 1;
    if (at !== end) return void this.#refuse("bad_header");
    this.#addField(bytes, start, nameEnd, valueStart, end);
  }

  /** The name is `bytes[start, nameEnd)`, the value `bytes[valueStart, end)` without the blanks at its end. */
  #addField(bytes: Buffer, start: number, nameEnd: number, valueStart: number, end: number): void {
    let valueEnd = end;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd -= 1;
    const headers = this.headers;
    if (headers.length >= this.#limits.headersMax * 2) return void this.#refuse("too_many_headers");
    const name = this.#slice(start, nameEnd);
    const value = this.#slice(valueStart, valueEnd);
    headers.push(name, value);
    if (this.#kind !== "trailers") this.fault = noteField(this.facts, name, value);
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
