import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Result } from "../../base/result.ts";
import { embeddingLimits, encodeBase64, parseNative, parseOpenAi } from "./embedding-request.ts";
import type { EmbeddingRequest, InputError } from "./embedding-request.ts";
import type { Misbehave } from "./fault.ts";
import type { Encoder } from "./model.ts";

export type EmbeddingService = { readonly port: number; stop(): Promise<void> };

export type EmbeddingServiceOptions = {
  /** The name in answers, such as `use-lite-512`. */
  readonly model: string;
  readonly dimension: number;
  readonly encoder: Encoder;
  /** From the encoder's vector to the one that is answered, of length `dimension`. */
  readonly reduce: (vector: Float32Array) => Float32Array;
  readonly misbehave: Misbehave;
};

type Answer = {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
};

/** An embedding server on a free loopback port: `POST /embeddings`, `POST /v1/embeddings`, `GET /health`. */
export async function startEmbeddingService(
  options: EmbeddingServiceOptions,
): Promise<EmbeddingService> {
  const desk = new EmbeddingDesk(options);
  const server = createServer((request, response) => {
    void desk
      .answer(request, response)
      .catch(() => failure(500, "server_error", "internal error"))
      .then((answer) => send(request, response, answer));
  });
  // Longer than the proxy keeps idle connections, so that the proxy closes first.
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: () => stopServer(server) };
}

class EmbeddingDesk {
  readonly #options: EmbeddingServiceOptions;
  #pending = 0;

  constructor(options: EmbeddingServiceOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<Answer> {
    const { model, dimension } = this.#options;
    const path = (request.url ?? "").split("?", 1)[0] as string;
    const methods: Readonly<Record<string, string>> = {
      "/health": "GET",
      "/embeddings": "POST",
      "/v1/embeddings": "POST",
    };
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined) return failure(404, "not_found", `no such resource: ${path}`);
    if (request.method !== method) {
      const { status, body } = failure(405, "method_not_allowed", `use ${method}`);
      return { status, body, headers: { allow: method } };
    }
    if (path === "/health") return { status: 200, body: { status: "ok", model, dimension } };
    const text = await readBody(request);
    if (text === null) {
      const message = `at most ${embeddingLimits.bodyBytesMax} bytes`;
      return failure(413, "request_too_large", message);
    }
    const json = parseJson(text);
    if (json === undefined) return failure(400, "invalid_json", "the body is not JSON");
    return path === "/embeddings"
      ? this.#compute(response, parseNative(json), (vectors) => ({
          embedding: [...(vectors[0] as Float32Array)],
          dimension,
          model,
        }))
      : this.#compute(response, parseOpenAi(json, dimension), (vectors, { texts, format }) => {
          const tokens = texts.reduce(
            (sum, one) => sum + this.#options.encoder.countTokens(one),
            0,
          );
          return {
            object: "list",
            data: vectors.map((vector, index) => ({
              object: "embedding",
              index,
              embedding: format === "base64" ? encodeBase64(vector) : [...vector],
            })),
            model,
            usage: { prompt_tokens: tokens, total_tokens: tokens },
          };
        });
  }

  async #compute(
    response: ServerResponse,
    parsed: Result<EmbeddingRequest, InputError>,
    describe: (vectors: readonly Float32Array[], request: EmbeddingRequest) => object,
  ): Promise<Answer> {
    const { encoder, reduce, misbehave } = this.#options;
    if (!parsed.ok) return failure(400, "invalid_input", parsed.error.message, parsed.error.param);
    const { texts } = parsed.value;
    if (texts.some((text) => encoder.countTokens(text) === 0)) {
      return failure(400, "empty_input", "a text must not be empty", "input");
    }
    if (this.#pending >= embeddingLimits.pendingMax) {
      const { status, body } = failure(503, "overloaded", "too many requests are waiting");
      return { status, body, headers: { "retry-after": "1" } };
    }
    this.#pending += 1;
    try {
      // Whoever gives up leaves the queue, also when the answer never comes.
      const turn = await Promise.race([misbehave(), whenClosed(response)]);
      if (turn !== "answer") return failure(500, "server_error", "model failure");
      const vectors = await encoder.embed(texts);
      return { status: 200, body: describe(vectors.map(reduce), parsed.value) };
    } finally {
      this.#pending -= 1;
    }
  }
}

function whenClosed(response: ServerResponse): Promise<"closed"> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve("closed");
    else response.once("close", () => resolve("closed"));
  });
}

/** OpenAI's error shape. */
function failure(
  status: number,
  code: string,
  message: string,
  param: string | null = null,
): Answer {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  return { status, body: { error: { message, type, param, code } } };
}

/** The body as text, or null when it is larger than the limit. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read on without keeping it: the client may only listen once it has sent everything.
    if (bytes <= embeddingLimits.bodyBytesMax) chunks.push(chunk);
    else if (bytes > 16 * embeddingLimits.bodyBytesMax) break;
  }
  return bytes > embeddingLimits.bodyBytesMax ? null : Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return;
  const body = Buffer.from(JSON.stringify(answer.body));
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": body.length,
    ...answer.headers,
  });
  response.end(body);
}

function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
