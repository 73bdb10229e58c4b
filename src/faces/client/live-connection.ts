import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { Timers } from "../../base/clock.ts";
import { applyPatch } from "../../core/telemetry/document-patch.ts";
import type { JsonObject } from "../../core/telemetry/document-patch.ts";
import { liveDocumentSchema, liveFrameSchema, liveProtocol } from "../../wire/live.ts";
import type { LiveDocument, LiveFrame } from "../../wire/live.ts";
import type { ClientTls } from "./client-tls.ts";
import { SluiceError } from "./error.ts";
import { errorOfAnswer, parseJson, reasonOf } from "./exchange.ts";

export type ConnectionOptions = {
  readonly admin: string;
  readonly token: string | undefined;
  readonly tls: ClientTls | undefined;
  readonly timers: Timers;
  readonly limits: {
    readonly liveOpenMs: number;
    readonly liveSilenceMs: number;
    readonly liveFrameBytesMax: number;
  };
};

/** How far a stream was heard: what the next connection goes on from. */
export type Heard = {
  readonly stream: string;
  readonly sequence: number;
  readonly document: JsonObject;
};

type Told = { readonly document: LiveDocument; readonly at: string };

/** Problem documents are shorter. */
const refusalBytesMax = 64 * 1024;
/** How long the other side may take to answer a close. */
const closeMs = 1000;

/**
 * One WebSocket of `/v1/live`, from opening to its end. Resolves with why it ended and how far it was heard; rejects
 * only with what `tell` throws.
 */
export function listenOnce(
  options: ConnectionOptions,
  before: Heard | null,
  signal: AbortSignal,
  tell: (told: Told) => void,
): Promise<{ readonly error: SluiceError; readonly heard: Heard | null }> {
  const { token, tls, timers, limits } = options;
  const url = addressOf(options.admin, before);
  const what = `${url.origin}${url.pathname}`;
  const socket = new WebSocket(url, [liveProtocol], {
    maxPayload: limits.liveFrameBytesMax,
    perMessageDeflate: false,
    ...tls,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  let heard = before;
  let why: SluiceError | null = null;
  let thrown: { readonly error: unknown } | null = null;
  let cancelWatch = watch(limits.liveOpenMs, "timed_out", "did not open");

  function watch(ms: number, code: string, words: string): () => void {
    return timers.after(ms, () => fail(new SluiceError(code, `${what} ${words} within ${ms} ms`)));
  }

  /** The first reason counts; the others follow from it. */
  function fail(error: SluiceError): void {
    why ??= error;
    socket.terminate();
  }

  function take(text: string): void {
    // What was on its way when the connection was given up concerns nobody.
    if (why !== null || thrown !== null || signal.aborted) return;
    cancelWatch();
    cancelWatch = watch(limits.liveSilenceMs, "live_silent", "said nothing");
    const frame = liveFrameSchema.safeParse(parseJson(text));
    const next = frame.success ? advance(heard, frame.data) : null;
    const document = liveDocumentSchema.safeParse(next?.document);
    if (!frame.success || next === null || !document.success) {
      // From the start next time: with what is here nothing can be made of what comes.
      heard = null;
      fail(new SluiceError("bad_answer", `${what} said something that does not follow`));
      return;
    }
    heard = next;
    try {
      tell({ document: document.data, at: frame.data.at });
    } catch (error) {
      thrown = { error };
      socket.terminate();
    }
  }

  return new Promise((resolve, reject) => {
    const leave = () => {
      socket.close(1000);
      cancelWatch();
      cancelWatch = timers.after(closeMs, () => socket.terminate());
    };
    signal.addEventListener("abort", leave, { once: true });
    socket.on("message", (data: Buffer) => take(data.toString()));
    socket.on("unexpected-response", (_, response) => {
      void readRefusal(response).then((text) =>
        fail(errorOfAnswer(what, response.statusCode ?? 0, text)),
      );
    });
    socket.on("error", (error) => {
      const detail = reasonOf(error);
      why ??= new SluiceError("unreachable", `${what} cannot be followed`, {
        detail,
        cause: error,
      });
    });
    socket.on("close", (code, reason) => {
      cancelWatch();
      signal.removeEventListener("abort", leave);
      if (thrown !== null) {
        reject(thrown.error);
        return;
      }
      const detail = `${code} ${reason.toString()}`.trimEnd();
      why ??= new SluiceError("live_closed", `${what} was closed`, { detail });
      resolve({ error: why, heard });
    });
  });
}

/** The document after the frame; null when the frame does not follow what was heard. */
function advance(heard: Heard | null, frame: LiveFrame): Heard | null {
  if (frame.type === "snapshot") return frame;
  if (heard === null || frame.sequence !== heard.sequence + 1) return null;
  const { stream, document } = heard;
  return { stream, sequence: frame.sequence, document: applyPatch(document, frame.patch) };
}

function addressOf(admin: string, heard: Heard | null): URL {
  const url = new URL("/v1/live", admin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (heard !== null) {
    url.searchParams.set("stream", heard.stream);
    url.searchParams.set("after", String(heard.sequence));
  }
  return url;
}

async function readRefusal(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > refusalBytesMax) break;
    }
  } catch {
    // The status says enough.
  }
  return text;
}
