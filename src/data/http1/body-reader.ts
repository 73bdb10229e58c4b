import { carriageReturn, fieldByte, hexDigit, lineFeed } from "./characters.ts";
import type { Framing } from "./framing.ts";
import { HeadParser, headIncomplete, headRefused, type HeadLimits } from "./head-parser.ts";

/**
 * Follows a body through the bytes that arrive and says where it ends, without copying it.
 *
 * Chunked framing (RFC 9112 §7.1) is checked strictly byte by byte and passed on as it came, except
 * that chunk extensions are cut out (two parsers could read them differently and nobody uses them) and
 * that the trailer section is parsed, so that its fields can be filtered and written anew.
 */
export type BodySink = {
  /** Bytes to relay, with their chunk framing if the body is chunked. */
  relay(bytes: Buffer, start: number, end: number): void;
  /** Content only. */
  content(bytes: Buffer, start: number, end: number): void;
};

const stateSize = 0;
const stateSizeDigits = 1;
const stateExtension = 2;
const stateSizeLineFeed = 3;
const stateData = 4;
const stateDataReturn = 5;
const stateDataLineFeed = 6;
const stateTrailers = 7;
const stateLength = 8;
const stateUntilClose = 9;
const stateDone = 10;

const sizeDigitsMax = 13;
const extensionBytesMax = 1024;

/** The reader met bytes that the framing forbids. */
export const bodyRefused = -2;

export class BodyReader {
  /** True when the last byte was read. */
  done = true;
  /** Content bytes read so far, without framing. */
  contentBytes = 0;
  /** Fields of the trailer section, flat; empty until `done`. */
  trailers: string[] = [];
  /** True when the end of a chunked body was relayed as it came; else its trailer section is to be written. */
  endRelayed = false;
  #state = stateDone;
  #chunked = false;
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  readonly #trailerParser: HeadParser;

  constructor(limits: HeadLimits) {
    this.#trailerParser = new HeadParser("trailers", limits);
  }

  start(framing: Framing): void {
    this.contentBytes = 0;
    this.#left = 0;
    this.trailers = [];
    this.endRelayed = false;
    this.#chunked = framing.kind === "chunked";
    this.done = framing.kind === "none";
    switch (framing.kind) {
      case "none":
        this.#state = stateDone;
        break;
      case "length":
        this.#state = stateLength;
        this.#left = framing.length;
        break;
      case "chunked":
        this.#state = stateSize;
        this.#trailerParser.reset();
        break;
      case "until_close":
        this.#state = stateUntilClose;
        break;
    }
  }

  get chunked(): boolean {
    return this.#chunked;
  }

  /** True when the end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#state === stateUntilClose;
  }

  /** Reads from `bytes[start, end)`; returns the position behind what belongs to the body, or `bodyRefused`. */
  feed(bytes: Buffer, start: number, end: number, sink: BodySink): number {
    if (this.#state === stateLength) {
      const taken = Math.min(this.#left, end - start);
      this.#left -= taken;
      this.contentBytes += taken;
      if (this.#left === 0) this.#finish();
      if (taken > 0) this.#emit(sink, bytes, start, start + taken);
      return start + taken;
    }
    if (this.#state === stateUntilClose) {
      this.contentBytes += end - start;
      if (end > start) this.#emit(sink, bytes, start, end);
      return end;
    }
    return this.done ? start : this.#feedChunked(bytes, start, end, sink);
  }

  #emit(sink: BodySink, bytes: Buffer, start: number, end: number): void {
    sink.content(bytes, start, end);
    sink.relay(bytes, start, end);
  }

  #finish(): void {
    this.#state = stateDone;
    this.done = true;
  }

  #feedChunked(bytes: Buffer, start: number, end: number, sink: BodySink): number {
    let at = start;
    let relayFrom = start;
    let trailersFrom = -1;
    while (at < end) {
      switch (this.#state) {
        case stateSize:
        case stateSizeDigits: {
          const byte = bytes[at] as number;
          const digit = hexDigit[byte] as number;
          if (digit !== 255) {
            if (this.#state === stateSize) {
              this.#digits = 0;
              this.#left = 0;
            }
            this.#digits += 1;
            if (this.#digits > sizeDigitsMax) return bodyRefused;
            this.#left = this.#left * 16 + digit;
            this.#state = stateSizeDigits;
            at += 1;
            break;
          }
          if (this.#state === stateSize) return bodyRefused;
          if (byte === carriageReturn) {
            this.#state = stateSizeLineFeed;
            at += 1;
          } else if (byte === 0x3b) {
            if (at > relayFrom) sink.relay(bytes, relayFrom, at);
            this.#extensionBytes = 0;
            this.#state = stateExtension;
          } else return bodyRefused;
          break;
        }
        case stateExtension: {
          const byte = bytes[at] as number;
          relayFrom = at;
          if (byte === carriageReturn) this.#state = stateSizeLineFeed;
          else if (fieldByte[byte] === 0) return bodyRefused;
          else if (++this.#extensionBytes > extensionBytesMax) return bodyRefused;
          at += 1;
          if (byte !== carriageReturn) relayFrom = at;
          break;
        }
        case stateSizeLineFeed:
          if (bytes[at] !== lineFeed) return bodyRefused;
          at += 1;
          if (this.#left === 0) {
            this.#state = stateTrailers;
            trailersFrom = at;
          } else this.#state = stateData;
          break;
        case stateData: {
          const taken = Math.min(this.#left, end - at);
          this.contentBytes += taken;
          sink.content(bytes, at, at + taken);
          this.#left -= taken;
          at += taken;
          if (this.#left === 0) this.#state = stateDataReturn;
          break;
        }
        case stateDataReturn:
          if (bytes[at] !== carriageReturn) return bodyRefused;
          at += 1;
          this.#state = stateDataLineFeed;
          break;
        case stateDataLineFeed:
          if (bytes[at] !== lineFeed) return bodyRefused;
          at += 1;
          this.#state = stateSize;
          break;
        default: {
          const next = this.#trailerParser.feed(bytes, at, end);
          if (next === headRefused) return bodyRefused;
          if (next === headIncomplete) {
            if (trailersFrom > relayFrom) sink.relay(bytes, relayFrom, trailersFrom);
            return end;
          }
          this.trailers = this.#trailerParser.headers;
          this.endRelayed = this.trailers.length === 0 && trailersFrom !== -1;
          this.#finish();
          if (this.endRelayed) sink.relay(bytes, relayFrom, next);
          else if (trailersFrom > relayFrom) sink.relay(bytes, relayFrom, trailersFrom);
          return next;
        }
      }
    }
    if (relayFrom < end) sink.relay(bytes, relayFrom, end);
    return end;
  }
}
