import { unescape } from "node:querystring";
import { Agent, request } from "undici";
import type { Dispatcher } from "undici";
import type { Timers } from "../base/clock.ts";
import { formatBytes, formatDurationMs } from "../base/units.ts";
import type { JsonValue } from "../core/experiment/policy.ts";

/** What a webhook is asked: may this step of a rollout pass? */
export type GateQuestion = {
  readonly experiment: string;
  readonly step: number;
  /** The treatment's share of users at this step, 0…1. */
  readonly share: number;
  /** A user name and password in it are sent as basic authorization. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For the whole exchange, from the connection to the last byte of the answer. */
  readonly timeoutMs: number;
};

/** `open`: the step may pass. `closed`: not yet, or nobody could be asked; ask again later. */
export type GateAnswer = {
  readonly kind: "open" | "closed";
  /** The status with the start of the answer's body, or what went wrong; for the journal and the screen. */
  readonly detail: string;
};

export type GateRequestDependencies = {
  readonly timers: Timers;
  readonly abort: AbortController;
  /** Undefined for a connection of its own. */
  readonly dispatcher: Dispatcher | undefined;
};

/** An answer, and what of it may be logged: everything but the body. */
export type GateReply = GateAnswer & { readonly reason: string };

export const gateReplyLimits = {
  /** A longer answer does not open a gate, whatever its status. */
  bodyBytesMax: 64 * 1024,
  headBytesMax: 16 * 1024,
  /** How much of an answer's body its `detail` tells. */
  detailCharactersMax: 200,
} as const;

/** Shorter words of a header or a URL are no secrets, and too common to take out of a text. */
const secretCharactersMin = 8;

/**
 * POSTs `{experiment, step, share, facts}` and reads the answer to its end; `abort` ends it early. Never rejects:
 * whatever goes wrong is a closed gate.
 */
export async function askGate(
  gate: GateQuestion,
  facts: JsonValue,
  { timers, abort, dispatcher }: GateRequestDependencies,
): Promise<GateReply> {
  const { experiment, step, share, timeoutMs } = gate;
  let isLate = false;
  const cancelTimeout = timers.after(timeoutMs, () => {
    isLate = true;
    abort.abort();
  });
  const own = dispatcher === undefined ? createAgent(abort.signal) : null;
  const tell = (text: string) => excerpt(withoutSecrets(text, gate));
  try {
    const { statusCode, body } = await request(gate.url, {
      dispatcher: dispatcher ?? (own as Agent),
      method: "POST",
      headers: { ...defaultHeaders, ...headersOf(gate) },
      body: JSON.stringify({ experiment, step, share, facts }),
      signal: abort.signal,
    });
    const text = await readText(body);
    if (text === null) {
      const limit = formatBytes(gateReplyLimits.bodyBytesMax);
      return closed(`status ${statusCode} with a body of more than ${limit}: answer with less`);
    }
    const isOpen = statusCode >= 200 && statusCode <= 202;
    const reason = `status ${statusCode}${isRedirect(statusCode) ? ", redirects are not followed" : ""}`;
    const said = tell(text);
    const detail = said === "" ? reason : `${reason}: ${said}`;
    return { kind: isOpen ? "open" : "closed", detail, reason };
  } catch (error) {
    if (isLate) return closed(`no whole answer within ${formatDurationMs(timeoutMs)}`);
    return closed(tell(describe(error)));
  } finally {
    cancelTimeout();
    await own?.destroy();
  }
}

/** For one question, so that nothing but its own server can keep it waiting; `signal` ends it in any state. */
function createAgent(signal: AbortSignal): Agent {
  return new Agent({
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: gateReplyLimits.headBytesMax,
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
    if (bytes > gateReplyLimits.bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const defaultHeaders = { "content-type": "application/json", "user-agent": "sluice-gate" } as const;

/** Names in lower case, so that a configured header replaces a default however it is written. */
function headersOf({ url, headers }: GateQuestion): Record<string, string> {
  const named: Record<string, string> = {};
  const { username, password } = new URL(url);
  if (username !== "" || password !== "") {
    const user = `${unescape(username)}:${unescape(password)}`;
    named["authorization"] = `Basic ${Buffer.from(user).toString("base64")}`;
  }
  for (const [name, value] of Object.entries(headers)) named[name.toLowerCase()] = value;
  return named;
}

/** Some servers answer with what they were sent; that must not carry a token into the journal. */
function withoutSecrets(text: string, gate: GateQuestion): string {
  if (!URL.canParse(gate.url)) return text;
  const { pathname, search, searchParams, username, password } = new URL(gate.url);
  const words = Object.values(headersOf(gate))
    .flatMap((value) => value.split(/[\s,;=]+/).concat(value))
    .concat(pathname, search, username, password, ...searchParams.values());
  return words
    .filter((word) => word.length >= secretCharactersMin)
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, word) => rest.replaceAll(word, "[redacted]"), text);
}

/** The start of a text in one line, without what could steer a terminal. */
function excerpt(text: string): string {
  const { detailCharactersMax } = gateReplyLimits;
  const line = Array.from(text.replaceAll(/[\s\p{C}]+/gu, " ").trim());
  if (line.length <= detailCharactersMax) return line.join("");
  return `${line.slice(0, detailCharactersMax - 1).join("")}…`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails with one error for each, and says nothing itself.
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((one) => describe(one)).join(", ");
  }
  return error.message;
}

/** A closed gate for a reason that holds nothing secret. */
export function closed(reason: string): GateReply {
  return { kind: "closed", detail: reason, reason };
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}
