import { request, type Dispatcher } from "undici";
import type { JsonValue } from "../../core/experiment/policy.ts";

/** What came of one attempt. */
export type Delivery =
  | { readonly kind: "sent" }
  /** Worth another try; the receiver may have said when. */
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs: number | null }
  /** Trying again would not help. */
  | { readonly kind: "refused"; readonly reason: string };

export const webhookLimits = {
  /** How much of an answer is read; the rest is cut off with the connection. */
  bodyBytesMax: 16 * 1024,
  /** How much of it is told. */
  detailCharactersMax: 200,
} as const;

/** POSTs JSON, follows no redirects, and reads a bounded part of the answer. Never rejects. */
export async function postJson(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: JsonValue,
  { dispatcher, signal }: { readonly dispatcher: Dispatcher; readonly signal: AbortSignal },
): Promise<Delivery> {
  try {
    const response = await request(url, {
      method: "POST",
      dispatcher,
      signal,
      headers: { "content-type": "application/json", "user-agent": "sluice", ...headers },
      body: JSON.stringify(body),
    });
    const { statusCode: status } = response;
    const detail = await readStart(response.body);
    if (status >= 200 && status < 300) return { kind: "sent" };
    const reason = `it answered ${status}${detail === "" ? "" : `: ${detail}`}`;
    if (status !== 429 && status < 500) return { kind: "refused", reason };
    return { kind: "failed", reason, retryAfterMs: readRetryAfter(response.headers) };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    return { kind: "failed", reason: cause?.message ?? message, retryAfterMs: null };
  }
}

async function readStart(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > webhookLimits.bodyBytesMax) break;
  }
  const text = Buffer.concat(parts).toString("utf8").replaceAll(/\s+/g, " ").trim();
  return text.slice(0, webhookLimits.detailCharactersMax);
}

/** Seconds only: a date would depend on two clocks. */
function readRetryAfter(headers: Dispatcher.ResponseData["headers"]): number | null {
  const written = headers["retry-after"];
  return typeof written === "string" && /^\d{1,6}$/.test(written) ? Number(written) * 1000 : null;
}
