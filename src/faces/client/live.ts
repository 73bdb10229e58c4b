import type { Random, Timers } from "../../base/clock.ts";
import type { LiveDocument } from "../../wire/live.ts";
import type { SluiceError } from "./error.ts";
import { listenOnce } from "./live-connection.ts";
import type { ConnectionOptions, Heard } from "./live-connection.ts";

/** What a listener of the live document is told. */
export type LiveUpdate =
  | {
      readonly kind: "document";
      readonly document: LiveDocument;
      /** When the document was like this, by the server's clock. */
      readonly at: string;
    }
  | {
      /** The document told last is no longer kept up to date, until there is another. */
      readonly kind: "stale";
      readonly error: SluiceError;
    };

export type FollowOptions = Omit<ConnectionOptions, "timers" | "limits"> & {
  readonly limits: ConnectionOptions["limits"] & {
    readonly liveRetryMs: number;
    readonly liveRetryMsMax: number;
  };
  readonly timers: Timers;
  readonly random: Random;
};

/** Follows `/v1/live` over as many connections as it takes; resolves when the signal ends it. */
export async function followLive(
  options: FollowOptions,
  listener: (update: LiveUpdate) => void,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  let heard: Heard | null = null;
  let failures = 0;
  let isStale = false;
  while (!signal.aborted) {
    const ended = await listenOnce(options, heard, signal, ({ document, at }) => {
      failures = 0;
      isStale = false;
      listener({ kind: "document", document, at });
    });
    ({ heard } = ended);
    if (signal.aborted) return;
    if (!isWorthRetrying(ended.error)) throw ended.error;
    if (!isStale) listener({ kind: "stale", error: ended.error });
    isStale = true;
    await pause(retryMs(failures, options), options.timers, signal);
    failures += 1;
  }
}

/** At random, so that the listeners of a server that starts anew do not come all at once. */
function retryMs(failures: number, { limits, random }: FollowOptions): number {
  return random.next() * Math.min(limits.liveRetryMsMax, limits.liveRetryMs * 2 ** failures);
}

/** Whether the same request may be answered otherwise later on. */
function isWorthRetrying({ status }: SluiceError): boolean {
  return status === null || status === 429 || status >= 500;
}

function pause(ms: number, timers: Timers, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = timers.after(ms, end);
    // The listener may have given up when it was told of the failure.
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
