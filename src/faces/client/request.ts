import type { JsonObject } from "../../core/telemetry/document-patch.ts";
import type { Random } from "../../base/clock.ts";
import { SluiceError } from "./error.ts";
import { exchange } from "./exchange.ts";
import type { Transport } from "./exchange.ts";

/** One request to be sent through the proxy as a user. */
export type ProxyRequest = {
  /** Path and query, from a single slash on. */
  readonly path: string;
  /** POST where there is a body, else GET. */
  readonly method?: string;
  /** An object is sent as JSON. */
  readonly body?: string | Uint8Array<ArrayBuffer> | JsonObject;
  /** The key that the variant is chosen by. */
  readonly user: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** What became of it. */
export type ProxyAnswer = {
  /** Whatever its status; the body is there as a whole. */
  readonly response: Response;
  /** Null where the route has no variants, or does not show them. */
  readonly variant: string | null;
  /** By which Sluice and the upstream know the request. */
  readonly requestId: string;
  /** `firstByteMs` is when the answer's head was there, `totalMs` its last byte. */
  readonly timings: { readonly firstByteMs: number; readonly totalMs: number };
};

export type ProxyOptions = {
  readonly proxy: string | undefined;
  readonly userHeader: string;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly random: Random;
};

/** Sends one request through the proxy; an error status is an answer, no answer is a {@link SluiceError}. */
export async function executeRequest(
  transport: Transport,
  options: ProxyOptions,
  request: ProxyRequest,
): Promise<ProxyAnswer> {
  const { path, body, user, signal } = request;
  const method = request.method ?? (body === undefined ? "GET" : "POST");
  const headers = headersOf(request, options);
  const requestId = headers.get("x-request-id") ?? "";
  const { response, ...rest } = await exchange(
    transport,
    urlOf(path, options.proxy),
    { method, headers, ...(body !== undefined && { body: bytesOf(body) }) },
    { timeoutMs: options.timeoutMs, answerBytesMax: options.answerBytesMax, signal },
  );
  const { status, statusText } = response;
  if (status > 599) {
    throw new SluiceError("bad_answer", `${method} ${path} was answered ${status}`, { status });
  }
  const hasBody = rest.body.length > 0 && status !== 204 && status !== 205 && status !== 304;
  return {
    response: new Response(hasBody ? rest.body : null, {
      status,
      statusText,
      headers: response.headers,
    }),
    variant: response.headers.get("x-sluice-variant"),
    requestId,
    timings: { firstByteMs: rest.firstByteMs, totalMs: rest.totalMs },
  };

  function headersOf(sent: ProxyRequest, { userHeader, random }: ProxyOptions): Headers {
    try {
      const fields = new Headers(sent.headers);
      fields.set(userHeader, user);
      if (!fields.has("x-request-id")) fields.set("x-request-id", random.hex32());
      if (isJson(sent.body) && !fields.has("content-type")) {
        fields.set("content-type", "application/json");
      }
      return fields;
    } catch (error) {
      const detail = (error as Error).message;
      throw new SluiceError("bad_request", `${method} ${path} cannot be sent`, {
        detail,
        cause: error,
      });
    }
  }
}

/** Never of another origin: `//other` and `http://other` are addresses too. */
function urlOf(path: string, proxy: string | undefined): URL {
  if (proxy === undefined) {
    throw new SluiceError("bad_request", `${path} has no proxy to go through`, {
      detail: "createClient takes the address of the traffic port as `proxy`.",
    });
  }
  const base = new URL(proxy);
  const url = path.startsWith("/") && URL.canParse(path, base) ? new URL(path, base) : null;
  if (url !== null && url.origin === base.origin) return url;
  throw new SluiceError("bad_request", `${path} is no path of ${base.origin}`, {
    detail: "It begins with a single slash.",
  });
}

type Body = NonNullable<ProxyRequest["body"]>;

function isJson(body: Body | undefined): body is JsonObject {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

function bytesOf(body: Body): string | Uint8Array<ArrayBuffer> {
  return isJson(body) ? JSON.stringify(body) : body;
}
