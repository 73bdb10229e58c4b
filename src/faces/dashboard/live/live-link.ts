import type { Random, Timers } from "../../../base/clock.ts";
import type { LiveFrame } from "../../../wire/live.ts";
import { liveProtocol, liveTokenPrefix, tokenChangedCode } from "./protocol.ts";

/** A WebSocket that was opened. */
export type LiveSocket = { close(): void };

export type SocketListeners = {
  message(data: unknown): void;
  /** Also when it could not be opened. */
  closed(code: number, reason: string): void;
};

export type LiveLinkOptions = {
  /** Where `/v1/live` is, with `ws:` or `wss:`. */
  readonly address: string;
  readonly token: () => string | null;
  readonly open: (url: string, protocols: string[], listeners: SocketListeners) => LiveSocket;
  /**
   * Why a connection was refused, which a browser does not tell: whether the token is still good. `unknown` tries again.
   */
  readonly verify: () => Promise<"accepted" | "refused" | "unknown">;
  readonly timers: Timers;
  readonly random: Pick<Random, "next">;
  readonly limits?: Partial<LiveLinkLimits>;
};

export type LiveLinkLimits = {
  /** Without a frame for this long the connection counts as lost; the server says something every five seconds. */
  readonly silenceMs: number;
  readonly retryMs: number;
  readonly retryMsMax: number;
};

export type LiveEvents = {
  frame(frame: LiveFrame): void;
  /** The connection is gone; another one is tried in `retryInMs`. */
  lost(reason: string, retryInMs: number): void;
  /** The token is not good any more. */
  refused(): void;
};

export type LiveLink = {
  /** Does not wait for the next try: the network is back, or somebody pressed the button. */
  retryNow(): void;
  close(): void;
};

const defaults: LiveLinkLimits = { silenceMs: 15_000, retryMs: 500, retryMsMax: 15_000 };

/** How far a stream was heard: what the next connection goes on from. */
type Heard = { readonly stream: string; readonly sequence: number };

/** Follows `/v1/live` over as many WebSockets as it takes, until it is closed or the token is refused. */
export function followLive(options: LiveLinkOptions, events: LiveEvents): LiveLink {
  const limits = { ...defaults, ...options.limits };
  const { timers, random } = options;
  let heard: Heard | null = null;
  let socket: LiveSocket | null = null;
  let failures = 0;
  let isClosed = false;
  let cancelWait: (() => void) | null = null;

  function connect(): void {
    cancelWait = null;
    if (isClosed) return;
    let hasFrame = false;
    const token = options.token();
    const protocols = [liveProtocol];
    if (token !== null) protocols.push(`${liveTokenPrefix}${base64Url(token)}`);
    let cancelSilence = timers.after(limits.silenceMs, onSilence);
    const present = options.open(addressOf(options.address, heard), protocols, {
      message: take,
      closed,
    });
    socket = present;

    function onSilence(): void {
      drop(`nothing was heard for ${Math.round(limits.silenceMs / 1000)} seconds`);
    }

    /** What comes after the connection was given up concerns nobody. */
    function drop(reason: string): void {
      cancelSilence();
      if (socket !== present) return;
      socket = null;
      present.close();
      waitAfter(reason);
    }

    function take(data: unknown): void {
      if (socket !== present) return;
      cancelSilence();
      cancelSilence = timers.after(limits.silenceMs, onSilence);
      const frame = readFrame(data);
      const next = frame === null ? null : advance(heard, frame);
      if (frame === null || next === null) {
        // From the start next time: with what is here nothing can be made of what comes.
        heard = null;
        drop("the server said something that does not follow");
        return;
      }
      heard = next;
      failures = 0;
      hasFrame = true;
      events.frame(frame);
    }

    function closed(code: number, reason: string): void {
      const words = reason === "" ? `the connection ended (${code})` : reason;
      if (code !== tokenChangedCode && hasFrame) {
        drop(words);
        return;
      }
      void options.verify().then((answer) => {
        if (socket !== present) return;
        if (answer !== "refused") {
          drop(words);
          return;
        }
        close();
        events.refused();
      });
    }
  }

  function waitAfter(reason: string): void {
    // At random, so that the pages of a server that starts anew do not come all at once.
    const most = Math.min(limits.retryMsMax, limits.retryMs * 2 ** failures);
    const waitMs = most * (0.5 + random.next() / 2);
    failures += 1;
    cancelWait = timers.after(waitMs, connect);
    events.lost(reason, waitMs);
  }

  function close(): void {
    isClosed = true;
    cancelWait?.();
    const last = socket;
    socket = null;
    last?.close();
  }

  connect();
  return {
    retryNow() {
      if (cancelWait === null) return;
      cancelWait();
      connect();
    },
    close,
  };
}

/** How far is heard with this frame; null when it does not follow. */
function advance(heard: Heard | null, frame: LiveFrame): Heard | null {
  if (frame.type === "snapshot") return { stream: frame.stream, sequence: frame.sequence };
  if (heard === null || frame.sequence !== heard.sequence + 1) return null;
  return { stream: heard.stream, sequence: frame.sequence };
}

function readFrame(data: unknown): LiveFrame | null {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data) as Partial<LiveFrame> | null;
    const isFrame = frame?.type === "snapshot" || frame?.type === "delta";
    return isFrame && typeof frame.sequence === "number" ? (frame as LiveFrame) : null;
  } catch {
    return null;
  }
}

function addressOf(address: string, heard: Heard | null): string {
  if (heard === null) return address;
  return `${address}?stream=${encodeURIComponent(heard.stream)}&after=${heard.sequence}`;
}

function base64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCodePoint(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
