import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerData, answerOllama, answerQuery, streamQuery, type SilentFault } from "./answers.ts";
import { readToken, signToken } from "./auth.ts";
import { Documents, type StoredDocument } from "./documents.ts";

/** A stand-in for LightRAG's API server: its routes, ceilings, tokens and silent failures, with state of its own. */
export type Lightrag = {
  readonly url: string;
  readonly documents: readonly StoredDocument[];
  /** Method and path of what came. */
  readonly requests: string[];
  /** Tokens that were renewed. */
  renewed(): number;
  setFault(fault: SilentFault | null): void;
  /** Breaks every connection until told otherwise. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
};

export type LightragOptions = {
  readonly name: string;
  readonly secret: string;
  readonly accounts: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly nowS: () => number;
  readonly uploadBytesMax?: number;
};

const mebibyte = 2 ** 20;
const tokenLifeS = 3600;
const loginFailuresMax = 5;
const notRenewed = /^\/(?:health|documents\/(?:paginated|pipeline_status))$/;
const pages = /^\/(?:webui|workspace|docs|redoc|openapi\.json|static)(?:\/|$)/;

class Refused extends Error {
  readonly status: number;
  readonly body: object;
  constructor(status: number, body: object | string) {
    super(`${status}`);
    this.status = status;
    this.body = typeof body === "string" ? { detail: body } : body;
  }
}

export async function startLightrag(options: LightragOptions): Promise<Lightrag> {
  const { name, secret, accounts, nowS, uploadBytesMax = 100 * mebibyte } = options;
  const documents = new Documents(name);
  const requests: string[] = [];
  const failures = new Map<string, number>();
  let fault: SilentFault | null = null;
  let isDown = false;
  let renewed = 0;

  function ceilingOf(path: string): number {
    if (path === "/documents/upload") return uploadBytesMax + mebibyte;
    return /^\/documents\/texts?$/.test(path) ? 50 * mebibyte : mebibyte;
  }

  async function readBody(request: IncomingMessage, path: string): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > ceilingOf(path)) throw new Refused(413, "Request body too large");
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** A token that is wrong is refused at once, also where none is needed. */
  function checkToken(request: IncomingMessage, response: ServerResponse, path: string): void {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const isOpen =
      path === "/" || path === "/health" || path === "/login" || path === "/auth-status";
    if (token === undefined) {
      if (isOpen || path.startsWith("/api/") || pages.test(path)) return;
      throw new Refused(401, "No credentials provided");
    }
    const claims = readToken(token, secret, nowS());
    if (claims === null) throw new Refused(401, "Invalid token");
    const left = claims.exp - nowS();
    if (left >= (claims.exp - claims.iat) / 2 || notRenewed.test(path)) return;
    renewed += 1;
    response.setHeader("X-New-Token", signToken(claims.sub, secret, nowS(), tokenLifeS));
    response.setHeader("Access-Control-Expose-Headers", "X-New-Token");
  }

  function logIn(request: IncomingMessage, form: URLSearchParams): object {
    const user = form.get("username") ?? "";
    const key = `${request.socket.remoteAddress} ${user}`;
    if ((failures.get(key) ?? 0) >= loginFailuresMax) throw new Refused(429, "Too many failures");
    if (accounts[user] === undefined || accounts[user] !== form.get("password")) {
      failures.set(key, (failures.get(key) ?? 0) + 1);
      throw new Refused(401, "Incorrect credentials");
    }
    failures.delete(key);
    const token = signToken(user, secret, nowS(), tokenLifeS);
    return { access_token: token, token_type: "bearer", auth_mode: "enabled", role: "user" };
  }

  function question(body: Buffer, status = 422): { query: string; stream?: boolean } {
    const ask = JSON.parse(body.toString()) as { query?: string; stream?: boolean };
    const { query } = ask;
    if (query === undefined || query.length < 3) {
      throw new Refused(
        status,
        status === 400 ? { status: "failure", message: "too short" } : "query",
      );
    }
    return { ...ask, query };
  }

  function uploaded(body: Buffer, type: string): StoredDocument {
    const [, boundary = ""] = /boundary=([^;]+)/.exec(type) ?? [];
    const [head = "", ...rest] = body.toString("latin1").split("\r\n\r\n");
    const [, source = ""] = /filename="([^"]+)"/.exec(head) ?? [];
    const text = rest.join("\r\n\r\n").split(`\r\n--${boundary}`, 1)[0] ?? "";
    if (boundary === "" || source === "") throw new Refused(422, "no file");
    return { text, source };
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<object | null> {
    const { method = "", url = "", headers } = request;
    const { pathname: path } = new URL(url, "http://lightrag");
    requests.push(`${method} ${path}`);
    checkToken(request, response, path);
    const body = await readBody(request, path);
    const json = () => JSON.parse(body.toString()) as Readonly<Record<string, unknown>>;
    switch (`${method} ${path}`) {
      case "POST /login":
        return logIn(request, new URLSearchParams(body.toString()));
      case "GET /auth-status":
        return {
          auth_configured: true,
          auth_mode: "enabled",
          core_version: "1.4",
          api_version: "0300",
        };
      case "GET /auth/verify":
        return { valid: true };
      case "GET /health":
        return {
          status: "healthy",
          auth_mode: "enabled",
          core_version: "1.4",
          api_version: "0300",
        };
      case "POST /query":
        return answerQuery(name, question(body), fault);
      case "POST /query/stream":
        streamQuery(name, question(body), fault, response);
        return null;
      case "POST /query/data":
        question(body, 400);
        return answerData(name, fault);
      case "POST /api/chat":
      case "POST /api/generate": {
        const {
          messages = [],
          prompt = "",
          stream,
        } = json() as {
          messages?: { content: string }[];
          prompt?: string;
          stream?: boolean;
        };
        const kind = path === "/api/chat" ? "chat" : "generate";
        const text = kind === "chat" ? (messages.at(-1)?.content ?? "") : prompt;
        answerOllama(name, kind, { text, stream: stream ?? kind === "chat" }, response);
        return null;
      }
      case "GET /api/version":
        return { version: "0.9.3" };
      case "GET /api/tags":
        return { models: [{ name: "lightrag:latest" }] };
      case "GET /api/ps":
        return { models: [] };
      case "GET /graphs":
        return { nodes: [{ id: name, labels: ["x"] }], edges: [], is_truncated: false };
      case "GET /graph/label/list":
        return [name];
      case "POST /documents/text": {
        const { text, file_source: source = "" } = json() as { text: string; file_source?: string };
        return documents.insert([{ text, source }], "insert");
      }
      case "POST /documents/texts": {
        const { texts } = json() as { texts: string[] };
        return documents.insert(
          texts.map((text) => ({ text, source: "" })),
          "insert",
        );
      }
      case "POST /documents/upload":
        return documents.insert([uploaded(body, headers["content-type"] ?? "")], "upload");
      case "DELETE /documents":
        documents.delete(null);
        return { status: "success", message: "cleared" };
      case "POST /documents/paginated":
      case "GET /documents":
        return {
          documents: documents.stored.map(({ source }) => source),
          total: documents.stored.length,
        };
      case "GET /documents/status_counts":
        return { status_counts: { processed: documents.stored.length } };
      case "GET /documents/pipeline_status":
        return { busy: false, job_name: "", docs: documents.stored.length };
    }
    return readPath(path, response);
  }

  function readPath(path: string, response: ServerResponse): object | null {
    const [, track] = /^\/documents\/track_status\/(.+)$/.exec(path) ?? [];
    const found = track === undefined ? null : documents.trackStatus(decodeURIComponent(track));
    if (found !== null) return found;
    if (path === "/") {
      response.writeHead(307, { location: "/webui/" }).end();
      return null;
    }
    if (path === "/webui/" || path === `/webui/assets/index-${name}.js`) {
      const isPage = path === "/webui/";
      response.setHeader("content-type", isPage ? "text/html" : "text/javascript");
      response.setHeader("cache-control", isPage ? "no-cache" : "public, immutable");
      response.end(isPage ? `<script src="/webui/assets/index-${name}.js"></script>` : name);
      return null;
    }
    throw new Refused(404, "Not Found");
  }

  const server = createServer({ keepAliveTimeout: 5_000 }, (request, response) => {
    if (isDown) return void request.socket.destroy();
    answer(request, response)
      .then((found) => {
        if (found !== null) {
          response.setHeader("content-type", "application/json").end(JSON.stringify(found));
        }
      })
      .catch((error: unknown) => {
        const { status, body } = error instanceof Refused ? error : new Refused(500, String(error));
        response.writeHead(status, { "content-type": "application/json", connection: "close" });
        response.end(JSON.stringify(body));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents: documents.stored,
    requests,
    renewed: () => renewed,
    setFault: (next) => (fault = next),
    setDown(next) {
      isDown = next;
      if (next) server.closeAllConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
