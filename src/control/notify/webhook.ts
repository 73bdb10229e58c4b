import { Agent, request, type Dispatcher } from "undici";
import type { Timers } from "../../base/clock.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { ChannelPolicy } from "../../core/alerting/policy.ts";
import type { JsonValue } from "../../core/experiment/policy.ts";
import { decode, redact, secretsOf } from "./secrets.ts";

/** What came of one attempt. */
export type Delivery =
  | { readonly kind: "sent" }
  /** Worth another try; the receiver may have said when. */
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs: number | null }
  /** Trying again would not help. */
  | { readonly kind: "refused"; readonly reason: string };

export const webhookLimits = {
  headBytesMax: 16 * 1024,
  /** How much of an answer is read; the rest is cut off with the connection. */
  bodyBytesMax: 16 * 1024,
  /** How much of it is told. */
  detailCharactersMax: 200,
} as const;

export type WebhookTarget = Extract<ChannelPolicy["target"], { kind: "webhook" }>;

/** What one request came to; free of secrets. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** The start of the body in one line. */
      readonly start: string;
      /** What the receiver asked for; null when it did not. */
      readonly retryAfterMs: number | null;
    }
  | {
      readonly kind: "unanswered";
      readonly reason: string;
      /** It cannot even be sent. */
      readonly isHopeless: boolean;
    };

/** A receiver of JSON, over a connection of its own that nobody else waits for. */
export class Webhook {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #secrets: readonly string[];
  readonly #timers: Timers;
  readonly #agent: Agent;

  constructor(
    { url, headers, timeoutMs }: Pick<WebhookTarget, "url" | "headers" | "timeoutMs">,
    timers: Timers,
  ) {
    const own = { ...userHeaders(url), ...lowerCased(headers) };
    this.#headers = { "content-type": "application/json", "user-agent": "sluice", ...own };
    this.#secrets = secretsOf(url, own);
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#timers = timers;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: webhookLimits.headBytesMax,
      connect: { timeout: timeoutMs },
    });
  }

  /** One POST. The status decides; never rejects. `wallMs` is for a `Retry-After` that is a date. */
  async post(body: JsonValue, wallMs: number, signal: AbortSignal): Promise<Delivery> {
    const answer = await this.ask(JSON.stringify(body), wallMs, signal);
    if (answer.kind === "unanswered") {
      const { reason } = answer;
      return answer.isHopeless
        ? { kind: "refused", reason }
        : { kind: "failed", reason, retryAfterMs: null };
    }
    const { status, start, retryAfterMs } = answer;
    if (status >= 200 && status < 300) return { kind: "sent" };
    const told = start.slice(0, webhookLimits.detailCharactersMax);
    const reason = `it answered ${status}${told === "" ? "" : `: ${told}`}`;
    if (status !== 429 && status < 500) return { kind: "refused", reason };
    return { kind: "failed", reason, retryAfterMs };
  }

  /** Posts a JSON text. Redirects are not followed, and of the answer a bounded part is read. Never rejects. */
  async ask(json: string, wallMs: number, signal: AbortSignal): Promise<Answer> {
    const timeOut = new AbortController();
    const cancel = this.#timers.after(this.#timeoutMs, () => {
      timeOut.abort(new Error(`no answer within ${formatDurationMs(this.#timeoutMs)}`));
    });
    try {
      const response = await request(this.#url, {
        method: "POST",
        dispatcher: this.#agent,
        signal: AbortSignal.any([timeOut.signal, signal]),
        headers: this.#headers,
        body: json,
      });
      return {
        kind: "answered",
        status: response.statusCode,
        start: redact(await readStart(response.body), this.#secrets),
        retryAfterMs: readRetryAfterMs(response.headers, wallMs),
      };
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      const reason = redact(message === "" ? code : message, this.#secrets);
      // A header that cannot be sent stays one.
      return { kind: "unanswered", reason, isHopeless: notToBeSent.has(code) };
    } finally {
      cancel();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Codes of undici for requests that it does not even try. */
const notToBeSent: ReadonlySet<string> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
]);

/** The user of the address, which the client would leave out. */
function userHeaders(url: string): Readonly<Record<string, string>> {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return {};
  const user = Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64");
  return { authorization: `Basic ${user}` };
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The start of an answer in one line. When it breaks off or stalls, what had come: the status is known by then. */
async function readStart(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      parts.push(part);
      bytes += part.length;
      if (bytes > webhookLimits.bodyBytesMax) break;
    }
  } catch {
    // Told by the status.
  }
  const text = Buffer.concat(parts).subarray(0, webhookLimits.bodyBytesMax).toString("utf8");
  return text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Seconds or a date; null when it says neither. */
function readRetryAfterMs(
  headers: Dispatcher.ResponseData["headers"],
  wallMs: number,
): number | null {
  const written = headers["retry-after"];
  if (typeof written !== "string") return null;
  if (/^\d+$/.test(written)) return Number(written) * 1000;
  const atMs = Date.parse(written);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - wallMs);
}
