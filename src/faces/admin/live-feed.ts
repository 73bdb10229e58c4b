import { diffDocuments, isEmptyPatch } from "../../core/telemetry/document-patch.ts";
import type { JsonObject } from "../../core/telemetry/document-patch.ts";
import type { LiveFrame } from "../../wire/live.ts";
import type { LiveLimits } from "./limits.ts";

/** A frame as it goes over the wire, encoded once for all listeners. */
export type FrameBytes = Buffer;

/** When something is taken in: `atMs` since the epoch for readers, `nowMs` monotonic for waiting. */
export type FeedTime = { readonly atMs: number; readonly nowMs: number };

type FeedLimits = Pick<LiveLimits, "liveDeltasMax" | "liveDeltasBytesMax" | "liveHeartbeatMs">;

/** The numbered changes of one document, of which the last ones are kept. */
export class LiveFeed {
  readonly #stream: string;
  readonly #limits: FeedLimits;
  #document: JsonObject;
  #text: string;
  #sequence = 0;
  #atMs: number;
  #toldMs: number;
  #snapshot: FrameBytes | null = null;
  /** Of the sequence numbers up to the present one. */
  #deltas: FrameBytes[] = [];
  #deltasBytes = 0;

  /** `document` is anything that JSON.stringify makes an object of. */
  constructor(stream: string, document: object, time: FeedTime, limits: FeedLimits) {
    this.#stream = stream;
    this.#limits = limits;
    this.#text = JSON.stringify(document);
    this.#document = JSON.parse(this.#text) as JsonObject;
    this.#atMs = time.atMs;
    this.#toldMs = time.nowMs;
  }

  /** The document as it now stands; the answer is the delta to send, null while there is nothing to say. */
  take(document: object, time: FeedTime): FrameBytes | null {
    const text = JSON.stringify(document);
    if (text !== this.#text) {
      // Through text and back: what readers see, and nothing that the source changes later on.
      const next = JSON.parse(text) as JsonObject;
      const patch = diffDocuments(this.#document, next);
      this.#text = text;
      this.#document = next;
      if (!isEmptyPatch(patch)) return this.#say(patch, time);
    }
    return time.nowMs - this.#toldMs >= this.#limits.liveHeartbeatMs ? this.confirm(time) : null;
  }

  /** The delta that says that nothing has changed. */
  confirm(time: FeedTime): FrameBytes {
    return this.#say({}, time);
  }

  /** Everything up to now in one frame. */
  snapshot(): FrameBytes {
    this.#snapshot ??= encode({
      type: "snapshot",
      stream: this.#stream,
      sequence: this.#sequence,
      at: isoOf(this.#atMs),
      document: this.#document,
    });
    return this.#snapshot;
  }

  /** The deltas after one of this stream, oldest first; null when they are not all there any more. */
  since(stream: string, sequence: number): readonly FrameBytes[] | null {
    const missed = this.#sequence - sequence;
    if (stream !== this.#stream || missed < 0 || missed > this.#deltas.length) return null;
    return this.#deltas.slice(this.#deltas.length - missed);
  }

  #say(patch: ReturnType<typeof diffDocuments>, { atMs, nowMs }: FeedTime): FrameBytes {
    this.#sequence += 1;
    this.#atMs = atMs;
    this.#toldMs = nowMs;
    this.#snapshot = null;
    const delta = encode({ type: "delta", sequence: this.#sequence, at: isoOf(atMs), patch });
    this.#deltas.push(delta);
    this.#deltasBytes += delta.length;
    const { liveDeltasMax, liveDeltasBytesMax } = this.#limits;
    while (this.#deltas.length > liveDeltasMax || this.#deltasBytes > liveDeltasBytesMax) {
      this.#deltasBytes -= this.#deltas.shift()?.length ?? 0;
    }
    return delta;
  }
}

function encode(frame: LiveFrame): FrameBytes {
  return Buffer.from(JSON.stringify(frame));
}

function isoOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
