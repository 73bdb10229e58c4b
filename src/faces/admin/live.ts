import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Clock, Timers } from "../../base/clock.ts";
import type { AdminAccess } from "../../core/config/model.ts";
import { liveCloseCodes } from "../../wire/live.ts";
import type { DeniedRequest } from "./audit.ts";
import type { FailedTries } from "./failed-tries.ts";
import type { AdminLimits } from "./limits.ts";
import { holds } from "./guard.ts";
import type { Proof } from "./guard.ts";
import { LiveFeed } from "./live-feed.ts";
import type { FeedTime, FrameBytes } from "./live-feed.ts";
import { LiveListener } from "./live-listener.ts";
import type { LiveCounters } from "./live-listener.ts";
import { judgeUpgrade, refuseUpgrade, selectProtocol } from "./live-upgrade.ts";
import type { LiveQuery } from "./live-upgrade.ts";

export type LiveOptions = {
  /** What is shown; anything that JSON.stringify makes an object of. */
  readonly document: () => object;
  /** The tokens in force. */
  readonly access: () => AdminAccess;
  readonly tries: FailedTries;
  readonly denied: (request: DeniedRequest) => void;
  /** Names this start of the server, so that nobody resumes another's. */
  readonly stream: string;
  readonly limits: AdminLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Reports that the document could not be put together; once until it can again. */
  readonly fault: (error: unknown) => void;
};

/**
 * The WebSockets of `/v1/live`. Once a tick, and only while somebody listens, the document is put together and
 * compared with the one before, once for all listeners.
 */
export class Live {
  readonly #options: LiveOptions;
  readonly #sockets: WebSocketServer;
  readonly #listeners = new Set<LiveListener>();
  #feed: LiveFeed | null = null;
  #isFaulty = false;
  #isClosed = false;
  #endTicks: (() => void) | null = null;
  readonly #counters: LiveCounters = {
    opened: 0,
    refused: 0,
    snapshotsSent: 0,
    deltasSent: 0,
    deltasSkipped: 0,
    coalesced: 0,
    closedTooSlow: 0,
    closedMessageTooBig: 0,
    closedTokenChanged: 0,
    faults: 0,
  };

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: options.limits.liveMessageBytesMax,
      handleProtocols: selectProtocol,
    });
  }

  counters(): Readonly<LiveCounters> & { readonly listeners: number } {
    return { ...this.#counters, listeners: this.#listeners.size };
  }

  /** Takes over the socket of an upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { clock, tries, limits } = this.#options;
    const access = this.#options.access();
    const judged = judgeUpgrade(request, access, tries, clock.monotonicMs());
    if ("refusal" in judged) {
      if (judged.denied !== null) {
        const address = request.socket.remoteAddress ?? "";
        this.#options.denied({ code: judged.denied, address, path: "/v1/live" });
      }
      refuseUpgrade(socket, judged.refusal);
    } else if (this.#isClosed || this.#listeners.size >= limits.liveListenersMax) {
      this.#counters.refused += 1;
      refuseUpgrade(socket, {
        code: this.#isClosed ? "closing" : "too_many_listeners",
        status: 503,
        title: this.#isClosed ? "Shutting down" : "Too many listeners",
        detail: this.#isClosed ? "" : `There are ${this.#listeners.size} already.`,
        headers: { "retry-after": "1" },
      });
    } else {
      this.#open(request, socket, head, judged.proof, judged.query);
    }
  }

  /** Ends all listeners; no more are let in. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners)
      listener.close(liveCloseCodes.goingAway, "shutting down");
  }

  #open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    proof: Proof,
    query: LiveQuery,
  ): void {
    // The document of the last tick will do, unless there are no ticks.
    if (this.#listeners.size === 0 || this.#feed === null) this.#look();
    const feed = this.#feed;
    if (feed === null || this.#isFaulty) {
      const title = "Internal error";
      refuseUpgrade(socket, { code: "internal", status: 500, title, detail: "", headers: {} });
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { limits, timers } = this.#options;
      const listener = new LiveListener(webSocket, proof, limits, timers, this.#counters);
      this.#attend(webSocket, listener);
      const { stream, after } = query;
      const isBack = stream !== undefined && after !== undefined;
      // Who comes back is to hear at once whether it goes on, also when it has missed nothing.
      if (isBack && feed.since(stream, after)?.length === 0) {
        this.#tell(feed.confirm(this.#time()));
      }
      listener.begin(feed, isBack ? feed.since(stream, after) : null);
      this.#listeners.add(listener);
      this.#endTicks ??= timers.every(limits.liveTickMs, () => this.#tick());
    });
  }

  #attend(webSocket: WebSocket, listener: LiveListener): void {
    this.#counters.opened += 1;
    webSocket.on("ping", (payload) => listener.answerPing(payload));
    // Every error closes the socket; what went wrong on the way there concerns the other side.
    webSocket.on("error", (error: NodeJS.ErrnoException) => {
      const isTooBig = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
      if (isTooBig) this.#counters.closedMessageTooBig += 1;
      listener.close(isTooBig ? liveCloseCodes.messageTooBig : 1002, "");
    });
    webSocket.on("close", () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#endTicks?.();
      this.#endTicks = null;
    });
  }

  #tick(): void {
    const access = this.#options.access();
    for (const listener of this.#listeners) {
      if (holds(listener.proof, access)) continue;
      const isNew = listener.close(liveCloseCodes.tokenChanged, "the token has changed");
      if (isNew) this.#counters.closedTokenChanged += 1;
    }
    this.#tell(this.#look());
  }

  /** Sends the delta to all who can take it, and a snapshot to those who can again. */
  #tell(delta: FrameBytes | null): void {
    const feed = this.#feed;
    if (feed === null) return;
    const { nowMs } = this.#time();
    for (const listener of this.#listeners) listener.follow(feed, delta, nowMs);
  }

  /**
   * Takes in the document as it stands. While it cannot be put together nothing is sent, the heartbeat neither,
   * so that listeners see that what they have is old.
   */
  #look(): FrameBytes | null {
    const { document, stream, limits, fault } = this.#options;
    try {
      const present = document();
      this.#isFaulty = false;
      if (this.#feed !== null) return this.#feed.take(present, this.#time());
      this.#feed = new LiveFeed(stream, present, this.#time(), limits);
    } catch (error) {
      if (!this.#isFaulty) {
        this.#counters.faults += 1;
        fault(error);
      }
      this.#isFaulty = true;
    }
    return null;
  }

  #time(): FeedTime {
    const { clock } = this.#options;
    return { atMs: clock.wallMs(), nowMs: clock.monotonicMs() };
  }
}
