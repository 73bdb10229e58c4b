import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import { applyPatch } from "../../../src/core/telemetry/document-patch.ts";
import type { JsonObject } from "../../../src/core/telemetry/document-patch.ts";
import { adminLimits } from "../../../src/faces/admin/limits.ts";
import type { AdminLimits } from "../../../src/faces/admin/limits.ts";
import type { AdminSources } from "../../../src/faces/admin/sources.ts";
import { liveFrameSchema, liveProtocol } from "../../../src/wire/live.ts";
import type { LiveFrame } from "../../../src/wire/live.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { openAdmin, status } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

/** An admin port on which time passes when the test says so. */
export type LivePort = Omit<AdminPort, "close"> & {
  readonly time: FakeTime;
  /** Times that the document was put together. */
  readonly looks: () => number;
  /** Makes `facts` part of the document. */
  readonly show: (facts: object) => void;
  readonly setToken: (token: string | null) => void;
  readonly setViewerToken: (token: string | null) => void;
  /** Makes putting the document together fail until null is given. */
  readonly setFault: (fault: Error | null) => void;
  /** Lets one tick pass. */
  readonly tick: () => void;
  /** Lets that much time pass while it closes; unless told otherwise, what it waits for those who do not answer. */
  readonly close: (passMs?: number) => Promise<void>;
};

export async function openLive(
  options: {
    readonly token?: string;
    readonly viewerToken?: string;
    readonly port?: number;
    readonly limits?: Partial<AdminLimits>;
    readonly sources?: Partial<AdminSources>;
  } = {},
): Promise<LivePort> {
  const time = createFakeTime();
  let token = options.token ?? null;
  let viewerToken = options.viewerToken ?? null;
  let facts: object = {};
  let fault: Error | null = null;
  let looks = 0;
  const noAlerts = { alerts: [], resolved: [], silences: [], channels: [], without_room: 0 };
  const admin = await openAdmin({
    token,
    time,
    ...(options.port !== undefined && { port: options.port }),
    ...(options.limits !== undefined && { limits: options.limits }),
    sources: {
      access: () => ({ token, viewerToken, readOnly: false, tls: null }),
      status: () => {
        looks += 1;
        if (fault !== null) throw fault;
        return status;
      },
      // The document hands on what it does not turn into a map.
      alerts: { list: () => ({ ...noAlerts, facts }), command: () => null },
      ...options.sources,
    },
  });
  return {
    ...admin,
    time,
    looks: () => looks,
    show: (next) => (facts = next),
    setToken: (next) => (token = next),
    setViewerToken: (next) => (viewerToken = next),
    setFault: (next) => (fault = next),
    tick: () => time.advance(250),
    close(passMs = adminLimits.closeMsMax) {
      const closed = admin.close();
      time.advance(passMs);
      return closed;
    },
  };
}

/** A listener that keeps all frames and the document that they make. */
export type Listener = {
  readonly socket: WebSocket;
  readonly frames: LiveFrame[];
  readonly document: () => JsonObject;
  /** What was shown last, see {@link LivePort.show}. */
  readonly facts: () => unknown;
  /** The number of the last frame. */
  readonly sequence: () => number;
  /** The stream of the last snapshot. */
  readonly stream: () => string;
  /** Resolves once `count` frames have come. */
  readonly until: (count: number) => Promise<void>;
  /** Resolves once a frame of this number has come. */
  readonly reached: (sequence: number) => Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
};

type ListenOptions = ClientOptions & {
  readonly query?: string;
  readonly protocols?: string | readonly string[];
  /** The document that the frames go on from. */
  readonly document?: JsonObject;
};

/** Resolves once the WebSocket is open; rejects with the answer's status and body where it was refused. */
export async function listen(port: number, options: ListenOptions = {}): Promise<Listener> {
  const { query = "", protocols = liveProtocol, document: base, ...clientOptions } = options;
  const socket = new WebSocket(
    `ws://127.0.0.1:${port}/v1/live${query}`,
    protocols as string | string[],
    clientOptions,
  );
  const frames: LiveFrame[] = [];
  const waiting = new Set<() => void>();
  let document = base ?? null;
  let stream = "";
  socket.on("message", (data: Buffer) => {
    const frame = liveFrameSchema.parse(JSON.parse(data.toString()));
    frames.push(frame);
    if (frame.type === "snapshot") ({ document, stream } = frame);
    else if (document === null) throw new Error("a delta without a document before");
    else document = applyPatch(document, frame.patch);
    for (const look of waiting) look();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const when = (isDone: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!isDone()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await opened(socket);
  return {
    socket,
    frames,
    document: () => document as JsonObject,
    facts: () => (document as { alerts: { facts: unknown } }).alerts.facts,
    sequence: () => frames.at(-1)?.sequence ?? -1,
    stream: () => stream,
    until: (count) => when(() => frames.length >= count),
    reached: (sequence) => when(() => (frames.at(-1)?.sequence ?? -1) >= sequence),
    closed,
  };
}

/** The refusal as an error's properties. */
export type Refused = { readonly status: number; readonly code: string };

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve());
    socket.on("error", reject);
    socket.on("unexpected-response", (_, response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        const { code = "" } = JSON.parse(text) as { code?: string };
        reject(Object.assign(new Error(text), { status: response.statusCode, code, response }));
        socket.terminate();
      });
    });
  });
}

/** The status and code with which the WebSocket was refused; 101 where it was not. */
export async function answerTo(port: number, options: ListenOptions = {}): Promise<Refused> {
  try {
    const { socket } = await listen(port, options);
    socket.terminate();
    return { status: 101, code: "" };
  } catch (error) {
    const { status, code } = error as Refused;
    return { status, code };
  }
}
