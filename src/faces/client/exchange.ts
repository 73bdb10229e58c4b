import { formatBytes } from "../../base/units.ts";
import type { Clock, Timers } from "../../base/clock.ts";
import { configProblemSchema, problemSchema } from "../../wire/admin-api.ts";
import { SluiceError } from "./error.ts";

/** What sends requests. */
export type Transport = {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly timers: Timers;
};

export type ExchangeLimits = {
  /** From sending to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly signal?: AbortSignal | undefined;
};

/** An answer that has come as a whole. */
export type Exchanged = {
  readonly response: Response;
  readonly body: Uint8Array<ArrayBuffer>;
  /** From sending to the response's head. */
  readonly firstByteMs: number;
  /** From sending to the last byte. */
  readonly totalMs: number;
};

/** Sends one request and reads the whole answer, whatever its status; fails with a {@link SluiceError}. */
export async function exchange(
  { fetch, clock, timers }: Transport,
  url: URL,
  init: RequestInit & { readonly method: string },
  { timeoutMs, answerBytesMax, signal }: ExchangeLimits,
): Promise<Exchanged> {
  const what = `${init.method} ${url.origin}${url.pathname}`;
  checkRequest(url, init, what);
  const expiry = new AbortController();
  const cancel = timers.after(timeoutMs, () => expiry.abort());
  const signals = signal === undefined ? [expiry.signal] : [expiry.signal, signal];
  const sentMs = clock.monotonicMs();
  try {
    // Redirects are answers: whoever compares variants wants to see them.
    const redirect = "manual";
    const response = await fetch(url, { ...init, redirect, signal: AbortSignal.any(signals) });
    const firstByteMs = clock.monotonicMs() - sentMs;
    const body = await readBody(response, answerBytesMax, what);
    return { response, body, firstByteMs, totalMs: clock.monotonicMs() - sentMs };
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    if (signal?.aborted === true) {
      throw new SluiceError("aborted", `${what} was given up by the caller`, { cause: error });
    }
    if (expiry.signal.aborted) {
      throw new SluiceError("timed_out", `${what} took more than ${timeoutMs} ms`, {
        cause: error,
      });
    }
    const detail = reasonOf(error);
    throw new SluiceError("unreachable", `${what} got no answer`, { detail, cause: error });
  } finally {
    cancel();
  }
}

/** The error that an answer of the admin port means. */
export function errorOfAnswer(what: string, status: number, text: string): SluiceError {
  const message = `${what} was answered ${status}`;
  const answer = parseJson(text);
  const problem = problemSchema.safeParse(answer);
  if (!problem.success) return new SluiceError("bad_answer", message, { status });
  const { code, title, detail } = problem.data;
  const { issues } = configProblemSchema.safeParse(answer).data ?? { issues: [] };
  const words = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const more = detail ?? words.join("; ");
  return new SluiceError(code, message, {
    status,
    detail: more === "" ? title : `${title}: ${more}`,
    issues,
  });
}

/** Undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The words of the innermost cause; fetch says only that it failed. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

/** Fails on what fetch would not even send, which it tells apart from a broken connection in no other way. */
function checkRequest(url: URL, init: RequestInit, what: string): void {
  try {
    void new Request(url, init);
  } catch (error) {
    const detail = reasonOf(error);
    throw new SluiceError("bad_request", `${what} cannot be sent`, { detail, cause: error });
  }
}

async function readBody(
  response: Response,
  bytesMax: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the body, and with it the connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) {
      throw new SluiceError(
        "too_large",
        `${what} was answered with more than ${formatBytes(bytesMax)}`,
        { status: response.status },
      );
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
