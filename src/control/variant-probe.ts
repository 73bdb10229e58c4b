import { Agent, request } from "undici";
import type { Dispatcher } from "undici";
import type { Clock, Timers } from "../base/clock.ts";
import { formatBytes, formatDurationMs } from "../base/units.ts";
import {
  isEmbeddingRoute,
  planEmbeddingProbe,
  readEmbeddingAnswer,
} from "../core/compatibility/embedding-probe.ts";
import type { VariantFacts } from "../core/compatibility/facts.ts";
import { readAuthStatus, readHealth } from "../core/compatibility/health-answers.ts";
import { isLightrag } from "../core/compatibility/compare.ts";
import type { VariantPolicy } from "../core/experiment/policy.ts";
import { compileHeaderEdits } from "../core/traffic/forward.ts";
import type { Endpoint, RoutePolicy, UpstreamPolicy } from "../core/traffic/policy.ts";
import { rewritePath } from "../core/traffic/transform.ts";

export type ProbeTarget = {
  readonly variant: VariantPolicy;
  readonly upstream: UpstreamPolicy;
  /** Of the variant's experiment. */
  readonly routes: readonly RoutePolicy[];
};

export const probeLimits = {
  /** For one exchange, from the connection to the last byte. */
  timeoutMs: 10_000,
  bodyBytesMax: 1024 * 1024,
  headBytesMax: 16 * 1024,
  /** Between two tries while an upstream is not up. */
  againMs: 5_000,
} as const;

export type ProbeDependencies = { readonly clock: Clock; readonly timers: Timers };

/** Asks one variant about itself, again and again until it is up. */
export class VariantProbe {
  readonly target: ProbeTarget;
  /** Null before the first round is over. */
  facts: VariantFacts | null = null;
  /** Wall milliseconds when `facts` came. */
  checkedAt: number | null = null;
  readonly #dependencies: ProbeDependencies;
  readonly #onChange: () => void;
  #isKnown = false;
  #stopped = false;
  /** Asked to begin again while a round is under way. */
  #again = false;
  #round: Promise<void> | null = null;
  #abort = new AbortController();
  #cancelTimer: () => void = () => {};

  constructor(target: ProbeTarget, dependencies: ProbeDependencies, onChange: () => void) {
    this.target = target;
    this.#dependencies = dependencies;
    this.#onChange = onChange;
    this.again();
  }

  /** Starts a round now, or after the one under way. */
  again(): void {
    if (this.#stopped) return;
    this.#cancelTimer();
    if (this.#round !== null) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#round = this.#ask().finally(() => {
      this.#round = null;
      if (this.#again) this.again();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#abort.abort();
    await this.#round;
  }

  async #ask(): Promise<void> {
    const { facts, isUp } = await askVariant(
      this.target,
      this.#dependencies.timers,
      this.#abort.signal,
    );
    if (this.#stopped) return;
    // Whoever was known and is down for a while is not another model therefore.
    if (isUp || !this.#isKnown) {
      this.facts = facts;
      this.checkedAt = this.#dependencies.clock.wallMs();
      this.#isKnown = isUp;
      this.#onChange();
    }
    if (isUp) return;
    this.#cancelTimer = this.#dependencies.timers.after(probeLimits.againMs, () => this.again());
  }
}

/** A 2xx answer, or why there is none; `isUp` is false where asking again can help. */
type Reply =
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "none"; readonly reason: string; readonly isUp: boolean };

type Question = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: string | null;
};

async function askVariant(
  target: ProbeTarget,
  timers: Timers,
  stopped: AbortSignal,
): Promise<{ facts: VariantFacts; isUp: boolean }> {
  const { variant, routes, upstream } = target;
  const unknown: string[] = [];
  let isUp = true;
  const agent = createAgent(upstream);
  const ask = async <Facts>(question: Question, read: (text: string) => Facts | null) => {
    const reply = await askEndpoints(target, question, { agent, timers, stopped });
    const facts = reply.kind === "answer" ? read(reply.text) : null;
    if (reply.kind === "none") isUp &&= reply.isUp;
    if (facts !== null) return facts;
    const reason = reply.kind === "none" ? reply.reason : "the answer is not what was asked for";
    unknown.push(`${variant.key} was asked ${question.method} ${question.path}: ${reason}.`);
    return null;
  };
  try {
    let health: VariantFacts["health"] = null;
    let authStatus: VariantFacts["authStatus"] = null;
    if (routes.some(isLightrag)) {
      health = await ask(get(variant, "/health"), readHealth);
      authStatus = await ask(get(variant, "/auth-status"), readAuthStatus);
    }
    let embedding: VariantFacts["embedding"] = null;
    if (routes.some(isEmbeddingRoute)) {
      const plan = planEmbeddingProbe(routes, variant);
      if (typeof plan === "string") unknown.push(plan);
      else {
        const { path, body, reader } = plan;
        embedding = await ask({ method: "POST", path, body: JSON.stringify(body) }, (text) =>
          readEmbeddingAnswer(reader, text),
        );
      }
    }
    return { facts: { variant: variant.key, health, authStatus, embedding, unknown }, isUp };
  } finally {
    await agent.destroy();
  }
}

function get({ path: rewrite }: VariantPolicy, path: string): Question {
  return { method: "GET", path: rewrite === null ? path : rewritePath(path, rewrite), body: null };
}

type Means = { readonly agent: Agent; readonly timers: Timers; readonly stopped: AbortSignal };

/** The first endpoint that is up speaks for all. */
async function askEndpoints(
  { variant, upstream }: ProbeTarget,
  question: Question,
  means: Means,
): Promise<Reply> {
  let reply: Reply = { kind: "none", reason: "no endpoint is configured", isUp: true };
  for (const endpoint of upstream.endpoints) {
    reply = await askEndpoint(endpoint, headersOf(variant, question), question, means);
    if (reply.kind === "answer" || reply.isUp) return reply;
  }
  return reply;
}

async function askEndpoint(
  { origin, basePath }: Endpoint,
  headers: Record<string, string>,
  { method, path, body }: Question,
  { agent, timers, stopped }: Means,
): Promise<Reply> {
  const late = new AbortController();
  const cancelTimeout = timers.after(probeLimits.timeoutMs, () => late.abort());
  try {
    const answer = await request(`${origin}${basePath}${path}`, {
      dispatcher: agent,
      signal: AbortSignal.any([late.signal, stopped]),
      method,
      headers,
      body,
    });
    const text = await readText(answer.body);
    const { statusCode: status } = answer;
    if (status >= 200 && status < 300) {
      if (text !== null) return { kind: "answer", text };
      return none(`an answer of more than ${formatBytes(probeLimits.bodyBytesMax)}`, true);
    }
    return none(`status ${status}`, !isTemporary(status));
  } catch (error) {
    if (late.signal.aborted) {
      return none(`no whole answer within ${formatDurationMs(probeLimits.timeoutMs)}`, false);
    }
    return none(error instanceof Error ? error.message : String(error), false);
  } finally {
    cancelTimeout();
  }
}

function none(reason: string, isUp: boolean): Reply {
  return { kind: "none", reason, isUp };
}

/** Too many requests, or an upstream that starts or has none behind it. */
function isTemporary(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504);
}

/** The variant's own headers, which may carry the key that it asks for. */
function headersOf(variant: VariantPolicy, { body }: Question): Record<string, string> {
  const edits = compileHeaderEdits(variant.headers);
  const headers: Record<string, string> = {
    "user-agent": "sluice-compatibility",
    accept: "application/json",
    ...(body !== null && { "content-type": "application/json" }),
  };
  const set = edits?.set ?? [];
  for (let at = 0; at + 1 < set.length; at += 2) {
    headers[(set[at] ?? "").toLowerCase()] = set[at + 1] ?? "";
  }
  return headers;
}

/** The body to its end; null when it is longer than allowed, and then its connection is cut. */
async function readText(body: Dispatcher.ResponseData["body"]): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > probeLimits.bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function createAgent({ tls }: UpstreamPolicy): Agent {
  return new Agent({
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: probeLimits.headBytesMax,
    // The question's own time-out covers all.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: probeLimits.timeoutMs,
      rejectUnauthorized: tls.verify,
      ...(tls.ca !== null && { ca: tls.ca }),
      ...(tls.cert !== null && { cert: tls.cert }),
      ...(tls.key !== null && { key: tls.key }),
      ...(tls.serverName !== null && { servername: tls.serverName }),
    },
  });
}
