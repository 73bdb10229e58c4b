import { unescape } from "node:querystring";
import { Agent, request } from "undici";
import type { Dispatcher } from "undici";
import type { Timers } from "../../base/clock.ts";
import { err } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import { formatBytes, formatDurationMs } from "../../base/units.ts";
import { readAnswer } from "./answer.ts";
import type { PrometheusValue } from "./answer.ts";
import { excerpt } from "./fault.ts";
import type { PrometheusFault, PrometheusFaultCode } from "./fault.ts";

export type PrometheusClientOptions = {
  /**
   * The server's address, with the path it is served under, if any. A query in it is sent along
   * (`?partial_response=false` for Thanos); a user name and a password become basic authorization.
   */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For the whole exchange, from the connection to the last byte of the answer; also told to Prometheus. */
  readonly timeoutMs: number;
};

/** Asks a Prometheus server, or what answers as one does, for single numbers. */
export type PrometheusClient = {
  /** The value of a PromQL expression now. Never rejects; `signal` ends it early as `aborted`. */
  query(
    expression: string,
    signal?: AbortSignal,
  ): Promise<Result<PrometheusValue, PrometheusFault>>;
};

export const prometheusAnswerLimits = {
  /** A longer answer is none. */
  bodyBytesMax: 1024 * 1024,
  headBytesMax: 16 * 1024,
} as const;

/** Throws a TypeError when `url` is none; the configuration has checked that. */
export function createPrometheusClient(
  options: PrometheusClientOptions,
  dependencies: { readonly timers: Timers },
): PrometheusClient {
  const target = readTarget(options);
  return {
    query: (expression, signal) => ask(target, expression, signal, dependencies.timers),
  };
}

type Target = {
  readonly origin: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

function readTarget({ url, headers, timeoutMs }: PrometheusClientOptions): Target {
  const { protocol, host, origin, pathname, search, username, password } = new URL(url);
  const named: Record<string, string> = { accept: "application/json", "user-agent": "sluice" };
  if (username !== "" || password !== "") {
    const user = `${unescape(username)}:${unescape(password)}`;
    named["authorization"] = `Basic ${Buffer.from(user).toString("base64")}`;
  }
  // Names in lower case, so that a configured header replaces a default however it is written.
  for (const [name, value] of Object.entries(headers)) named[name.toLowerCase()] = value;
  named["content-type"] = "application/x-www-form-urlencoded";
  const path = `${pathname.replace(/\/+$/, "")}/api/v1/query`;
  return { origin, url: `${protocol}//${host}${path}${search}`, headers: named, timeoutMs };
}

async function ask(
  { origin, url, headers, timeoutMs }: Target,
  expression: string,
  signal: AbortSignal | undefined,
  timers: Timers,
): Promise<Result<PrometheusValue, PrometheusFault>> {
  const late = new AbortController();
  const cancelTimeout = timers.after(timeoutMs, () => late.abort());
  const either = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
  const agent = createAgent(either);
  try {
    const { statusCode, body } = await request(url, {
      dispatcher: agent,
      method: "POST",
      headers,
      body: new URLSearchParams({ query: expression, timeout: `${timeoutMs}ms` }).toString(),
      signal: either,
    });
    const text = await readText(body);
    if (text !== null) return readAnswer(statusCode, text);
    const limit = formatBytes(prometheusAnswerLimits.bodyBytesMax);
    return fault("too_long", `${origin} answers with more than ${limit}: aggregate the query`);
  } catch (error) {
    if (signal?.aborted === true) return fault("aborted", "nobody waits for the answer any more");
    if (late.signal.aborted) {
      return fault("timeout", `no whole answer of ${origin} in ${formatDurationMs(timeoutMs)}`);
    }
    return fault("unreachable", `${origin} gives no answer: ${excerpt(describe(error))}`);
  } finally {
    cancelTimeout();
    await agent.destroy();
  }
}

/** For one question: a kept connection could have gone stale, and one that hangs holds up nothing but itself. */
function createAgent(signal: AbortSignal): Agent {
  return new Agent({
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: prometheusAnswerLimits.headBytesMax,
    // The question's own time-out covers all three.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 0, signal },
  });
}

/** The body to its end; null when it is longer than allowed, and then its connection is cut. */
async function readText(body: Dispatcher.ResponseData["body"]): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > prometheusAnswerLimits.bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function fault(code: PrometheusFaultCode, message: string): Result<never, PrometheusFault> {
  return err({ code, message });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails with one error for each, and says nothing itself.
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((one) => describe(one)).join(", ");
  }
  return error.message;
}
