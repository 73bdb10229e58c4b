import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import type { Clock, Timers } from "../../../base/clock.ts";
import { applyPatch, diffDocuments } from "../../../core/telemetry/document-patch.ts";
import type { JsonObject } from "../../../core/telemetry/document-patch.ts";
import type { LiveDocument, LiveFrame } from "../../../wire/live.ts";

/** How the page hears from the server. */
export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | {
      /** What is shown is no longer kept up to date. */
      readonly kind: "stale";
      /** When the last word came, by the server's clock; null when none ever did. */
      readonly sinceMs: number | null;
      readonly reason: string;
    };

/**
 * The live document as signals. What did not change keeps its identity from frame to frame, so that a selection of it, made
 * with {@link LiveStore.select}, wakes only those who show what did.
 */
export type LiveStore = {
  /** Null before the first snapshot. */
  readonly document: ReadonlySignal<LiveDocument | null>;
  readonly connection: ReadonlySignal<Connection>;
  /**
   * The server's time now, in milliseconds, moved once a second; null before the first frame. Ages are reckoned by it, because
   * the viewer's clock may be wrong.
   */
  readonly nowMs: ReadonlySignal<number | null>;
  /** A part of the document; undefined while there is none. */
  select<Part>(pick: (document: LiveDocument) => Part): ReadonlySignal<Part | undefined>;
  /** Calls `look` after each frame, with the server's time of it; the answer ends that. */
  onFrame(look: (document: LiveDocument, atMs: number) => void): () => void;
  take(frame: LiveFrame): void;
  lose(reason: string): void;
  /** Ends the clock. */
  close(): void;
};

export function createLiveStore(clock: Clock, timers: Timers): LiveStore {
  const document = signal<LiveDocument | null>(null);
  const connection = signal<Connection>({ kind: "connecting" });
  const nowMs = signal<number | null>(null);
  const looks = new Set<(document: LiveDocument, atMs: number) => void>();
  /** Server's time minus monotonic time. */
  let offsetMs: number | null = null;
  let lastAtMs: number | null = null;

  const tell = () => {
    if (offsetMs !== null) nowMs.value = offsetMs + clock.monotonicMs();
  };
  const endClock = timers.every(1000, tell);

  return {
    document,
    connection,
    nowMs,
    select: (pick) => computed(() => (document.value === null ? undefined : pick(document.value))),
    onFrame(look) {
      looks.add(look);
      return () => void looks.delete(look);
    },
    take(frame) {
      const atMs = Date.parse(frame.at);
      offsetMs = atMs - clock.monotonicMs();
      lastAtMs = atMs;
      if (nowMs.peek() === null) tell();
      const next = follow(document.peek(), frame);
      document.value = next;
      if (connection.peek().kind !== "live") connection.value = { kind: "live" };
      for (const look of looks) look(next, atMs);
    },
    lose(reason) {
      connection.value = { kind: "stale", sinceMs: lastAtMs, reason };
    },
    close: endClock,
  };
}

/** A snapshot, too, is taken in as what is different, so that the rest stays the same objects. */
function follow(before: LiveDocument | null, frame: LiveFrame): LiveDocument {
  const old = (before ?? {}) as unknown as JsonObject;
  const patch = frame.type === "delta" ? frame.patch : diffDocuments(old, frame.document);
  return applyPatch(old, patch) as unknown as LiveDocument;
}
