import type { JsonValue } from "../../core/experiment/policy.ts";
import { headerValue } from "../../core/traffic/head.ts";

/** A request body that a rule has to read, kept whole up to a limit. */
export class CollectedBody {
  readonly #bytesMax: number;
  readonly #content: Buffer[] = [];
  /** As it came, with chunk framing; the same buffers as `#content` when there is none. */
  readonly #raw: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** More came than may be read; what is here is still to be sent on. */
  get overflowed(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  addContent(bytes: Buffer, start: number, end: number): void {
    this.#content.push(Buffer.from(bytes.subarray(start, end)));
    this.#bytes += end - start;
  }

  addRaw(bytes: Buffer, start: number, end: number): void {
    this.#raw.push(Buffer.from(bytes.subarray(start, end)));
  }

  content(): Buffer {
    return Buffer.concat(this.#content);
  }

  raw(): Buffer {
    return Buffer.concat(this.#raw);
  }
}

/** The head of a request whose body was read here: it comes with a length, and the client was told to go on. */
export function dropBodyFields(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (name !== "expect" && name !== "trailer") {
      kept.push(headers[at] as string, headers[at + 1] as string);
    }
  }
  return kept;
}

/** True when a request's body is JSON by its own word, and not compressed. */
export function carriesJson(headers: readonly string[]): boolean {
  const type = headerValue(headers, "content-type");
  if (type === undefined || headerValue(headers, "content-encoding") !== undefined) return false;
  return /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(type);
}

/** The body as JSON; null when it is none. */
export function parseJson(bytes: Buffer): JsonValue {
  try {
    return JSON.parse(bytes.toString("utf8")) as JsonValue;
  } catch {
    return null;
  }
}
