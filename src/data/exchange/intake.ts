import type { JsonValue } from "../../core/experiment/policy.ts";
import { headerValue, type RequestHead } from "../../core/traffic/head.ts";
import { mergePatch } from "../../core/traffic/transform.ts";
import type { Framing } from "../http1/framing.ts";

/**
 * A request on its way in: its head, and as much of its body as had to be read before it could be sent on,
 * because the user's key or a variant's patch lies in it. Reading is bounded; what is larger streams on
 * unread.
 */
export class Intake {
  head: RequestHead;
  /** As the request will be sent. */
  framing: Framing;
  /** Body bytes to send before any others: all of them, or the first of a body too large to read. */
  stored: Buffer | null = null;
  #json: JsonValue | undefined;
  #typeSeen = false;
  #bytesMax = 0;
  #reading = false;
  #tooLarge = false;
  #bytes = 0;
  #content: Buffer[] = [];
  /** As it came, with chunk framing. */
  #raw: Buffer[] = [];
  #original: Buffer | null = null;

  constructor(head: RequestHead, framing: Framing) {
    this.head = head;
    this.framing = framing;
  }

  /** The parsed JSON body; undefined while unread, null when there is none that can be read. */
  get json(): JsonValue | undefined {
    if (!this.#typeSeen) {
      this.#typeSeen = true;
      if (this.framing.kind === "none" || !carriesJson(this.head.headers)) this.#json = null;
    }
    return this.#json;
  }

  /** The body as the client sent it, where it was read here whole; null where it was not. */
  get original(): Buffer | null {
    return this.#original;
  }

  /** The body was too large to be read: part of it was, and the rest streams. */
  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  /** The body is being read, not relayed. */
  get reading(): boolean {
    return this.#reading;
  }

  get overflowed(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  startReading(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#reading = true;
  }

  addContent(bytes: Buffer, start: number, end: number): void {
    this.#content.push(Buffer.from(bytes.subarray(start, end)));
    this.#bytes += end - start;
  }

  addRaw(bytes: Buffer, start: number, end: number): void {
    if (this.framing.kind === "chunked") this.#raw.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** The body is larger than may be read: what is here goes first, the rest follows as it comes. */
  giveUpReading(): void {
    this.stored = Buffer.concat(this.framing.kind === "chunked" ? this.#raw : this.#content);
    this.#tooLarge = true;
    this.#endReading(null);
  }

  /** The whole body is here. */
  finishReading(): void {
    const body = Buffer.concat(this.#content);
    this.stored = body;
    this.#original = body;
    this.framing = { kind: "length", length: body.length };
    this.#tooLarge = this.overflowed;
    this.#endReading(this.overflowed ? null : parseJson(body));
  }

  #endReading(json: JsonValue): void {
    this.#reading = false;
    this.#json = json;
    this.#content = [];
    this.#raw = [];
    this.head = { ...this.head, headers: dropBodyFields(this.head.headers) };
  }

  /**
   * Makes the body that a variant with `patch` gets. `too_large`: it cannot be changed, and sending it
   * unchanged would measure something else than the variant.
   */
  applyPatch(
    patch: { readonly [key: string]: JsonValue } | null,
  ): "ready" | "needs_body" | "too_large" {
    if (patch === null) {
      this.#setBody(this.#original);
      return "ready";
    }
    const { json } = this;
    if (json === undefined) return "needs_body";
    if (json === null) return this.#tooLarge ? "too_large" : "ready";
    this.#setBody(Buffer.from(JSON.stringify(mergePatch(json, patch)), "utf8"));
    return "ready";
  }

  #setBody(body: Buffer | null): void {
    if (body === null) return;
    this.stored = body;
    this.framing = { kind: "length", length: body.length };
  }
}

/** The fields of a request whose body was read here: it comes with a length, and the client was told to go on. */
function dropBodyFields(headers: readonly string[]): string[] {
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

function parseJson(bytes: Buffer): JsonValue {
  try {
    return JSON.parse(bytes.toString("utf8")) as JsonValue;
  } catch {
    return null;
  }
}
