import { STATUS_CODES } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { z } from "zod";
import type { AdminAccess } from "../../core/config/model.ts";
import { problem } from "../../core/traffic/refusal.ts";
import { liveProtocol, liveQuerySchema, liveTokenPrefix } from "../../wire/live.ts";
import type { FailedTries } from "./failed-tries.ts";
import { admitUpgrade } from "./guard.ts";
import type { Denial, Proof } from "./guard.ts";
import { certificateOf } from "./peer-certificate.ts";
import { wordsOf } from "./json-body.ts";
import { safetyHeaders } from "./problem.ts";

/** The request that opens a WebSocket of `/v1/live`. */

export type Refusal = Omit<Denial, "code" | "status"> & {
  readonly code: string;
  readonly status: number;
};

export type LiveQuery = z.output<typeof liveQuerySchema>;

/** Whether the request asks for the WebSocket of `/v1/live`; all others are answered as requests. */
export function isLiveUpgrade({ method, url = "", headers }: IncomingMessage): boolean {
  const [path] = url.split("?", 1);
  return method === "GET" && path === "/v1/live" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Lets it in with what it asks for, or says why not. */
export function judgeUpgrade(
  request: IncomingMessage,
  access: AdminAccess,
  tries: FailedTries,
  nowMs: number,
):
  | { readonly query: LiveQuery; readonly proof: Proof }
  /** `denied` is why it was not let in; null where it was, and asks for what there is not. */
  | { readonly refusal: Refusal; readonly denied: Denial["code"] | null } {
  const { headers } = request;
  const admitted = admitUpgrade(
    {
      method: "GET",
      path: "/v1/live",
      address: request.socket.remoteAddress ?? "",
      certificate: certificateOf(request.socket, access),
      header: (name) =>
        name === "authorization" ? authorizationOf(headers) : fieldOf(headers, name),
    },
    access,
    tries,
    nowMs,
  );
  if (!admitted.ok) return { refusal: admitted.error, denied: admitted.error.code };
  // Drafts before 13 name the origin in another field, which the guard does not look at.
  if (headers["sec-websocket-version"] !== "13") {
    return {
      denied: null,
      refusal: {
        code: "upgrade_required",
        status: 426,
        title: "Not the WebSocket version that is spoken here",
        detail: "",
        headers: { "sec-websocket-version": "13", upgrade: "websocket" },
      },
    };
  }
  const asked = new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));
  const query = liveQuerySchema.safeParse(Object.fromEntries(asked));
  if (query.success) return { query: query.data, proof: admitted.value.proof };
  const detail = wordsOf(query.error);
  return {
    denied: null,
    refusal: { code: "bad_query", status: 400, title: "Not a query", detail, headers: {} },
  };
}

/** Answers on the bare socket and ends it. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  const { code, status, title, detail } = refusal;
  const { body, contentType } = problem(code, status, title, detail);
  const headers = {
    ...safetyHeaders,
    ...refusal.headers,
    "content-type": contentType,
    "content-length": String(body.length),
    connection: "close",
  };
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // The other side may be gone already; then there is nobody to answer.
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join("")}\r\n${body}`);
}

/** The one to answer with, of those offered; the token is never said back. */
export function selectProtocol(offered: ReadonlySet<string>): string | false {
  return offered.has(liveProtocol) ? liveProtocol : false;
}

/** The header, or the token that a browser sends among the subprotocols as one. */
function authorizationOf(headers: IncomingMessage["headers"]): string | undefined {
  const offered = headers["sec-websocket-protocol"]?.split(",") ?? [];
  const encoded = offered
    .map((name) => name.trim())
    .find((name) => name.startsWith(liveTokenPrefix));
  if (headers.authorization !== undefined || encoded === undefined) return headers.authorization;
  return `Bearer ${Buffer.from(encoded.slice(liveTokenPrefix.length), "base64url").toString()}`;
}

function fieldOf(headers: IncomingMessage["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
