import { createHash, type Hash } from "node:crypto";
import { costOf, tokensPerSecond } from "../../core/inspection/cost.ts";
import { noFacts, type AnswerFacts, type FailureReason } from "../../core/inspection/facts.ts";
import { dimensionKey } from "../../core/inspection/dimension.ts";
import {
  beginInspection,
  isEmbeddingReader,
  type Inspection,
} from "../../core/inspection/inspect.ts";
import { numberAt } from "../../core/inspection/json-pointer.ts";
import type { Recorder, Series } from "../../core/telemetry/recorder.ts";
import { headerValue } from "../../core/traffic/head.ts";
import type { WorkerContext } from "../worker-context.ts";
import { Capture } from "./capture.ts";
import type { Observation } from "./observation.ts";

/** Answers in which metrics are looked up are read up to this. */
const pointerBodyBytesMax = 256 * 1024;
/** Longer field values are no numbers. */
const fieldLengthMax = 32;

const noValues: readonly (readonly [name: string, value: number])[] = [];

/** An exchange that ended, as its observer needs to know it. */
export type ObservedEnd = {
  readonly series: Series;
  /** Of the user, -1 without one. */
  readonly cluster: number;
  readonly requestId: string;
  readonly startedMs: number;
  readonly endedMs: number;
  /** The client got a whole answer below 400, and it was a good one. */
  readonly isSuccess: boolean;
};

/** Watches one exchange with an arm: reads along what passes, holds nothing up, and counts at the end. */
export class Observer {
  /** What the answer told; complete after `endAnswer`. */
  facts: AnswerFacts = noFacts;
  readonly #context: WorkerContext;
  readonly #plan: Observation;
  readonly #inputHash: Hash | null;
  /** What the request asked for, where the vectors' length is to be looked at; null where it is not. */
  #dimensionKey: string | null;
  #inspection: Inspection | null = null;
  #answer: Capture | null = null;
  #values: readonly (readonly [name: string, value: number])[] = noValues;
  #firstTokenMs = -1;
  #isRequestSeen = false;

  constructor(context: WorkerContext, plan: Observation, method: string, target: string) {
    this.#context = context;
    this.#plan = plan;
    const { reader, memory } = plan;
    const isVectors = reader !== null && isEmbeddingReader(reader);
    this.#dimensionKey = isVectors && memory.dimension.wantsLook() ? "" : null;
    this.#inputHash = plan.tellsRepeats ? createHash("sha1").update(`${method} ${target}\n`) : null;
  }

  /** Request content, as the client sent it. */
  addRequest(bytes: Buffer, start: number, end: number): void {
    this.#inputHash?.update(bytes.subarray(start, end));
    if (this.#dimensionKey === null) return;
    // What the request asks for may stand in a later piece: then the length is not judged.
    this.#dimensionKey = this.#isRequestSeen ? null : dimensionKey(bytes.latin1Slice(start, end));
    this.#isRequestSeen = true;
  }

  beginAnswer(status: number, headers: readonly string[]): void {
    const { reader, memory, fields, pointers } = this.#plan;
    if (fields !== null) this.#readFields(headers, fields);
    const type = headerValue(headers, "content-type");
    const encoding = headerValue(headers, "content-encoding");
    const isEncoded = encoding !== undefined && encoding.toLowerCase() !== "identity";
    const mediaType = type === undefined ? null : mediaTypeOf(type);
    if (reader !== null) {
      this.#inspection = beginInspection(
        reader,
        {
          status,
          mediaType,
          isEncoded,
          header: (name) => headerValue(headers, name) ?? null,
        },
        { memory: memory.dimension, key: this.#dimensionKey },
      );
    }
    if (pointers.length > 0 && status < 400) {
      this.#answer = new Capture(pointerBodyBytesMax);
      if (isEncoded) this.#answer.giveUp();
    }
  }

  addAnswer(bytes: Buffer, start: number, end: number): void {
    this.#answer?.add(bytes, start, end);
    const inspection = this.#inspection;
    if (inspection === null) return;
    const isWhole = start === 0 && end === bytes.length;
    inspection.feed(isWhole ? bytes : bytes.subarray(start, end));
    if (this.#firstTokenMs === -1 && inspection.hasToken()) {
      this.#firstTokenMs = this.#context.nowMs();
    }
  }

  /** The answer is over, `whole` or broken off; says why it was a bad one, null when it was none. */
  endAnswer(whole: boolean): FailureReason | null {
    const inspection = this.#inspection;
    this.#inspection = null;
    if (inspection === null) return this.facts.failure;
    this.facts = inspection.end(whole);
    const unread = inspection.unread();
    if (unread !== null) this.#countUninspected(unread);
    const { handle } = this.facts;
    const { experiment, variant } = this.#plan;
    if (handle !== null && experiment !== null && variant !== null) {
      const issued = { experiment, handle, variant };
      if (this.#context.handles.note(issued)) this.#context.onHandle(issued);
    }
    return this.facts.failure;
  }

  /** Counts what was seen of an exchange that is compared. */
  record(end: ObservedEnd): void {
    const { recorder, recentRequests } = this.#context;
    const { series, cluster, requestId, startedMs, endedMs, isSuccess } = end;
    const { reported, memory } = this.#plan;
    if (reported !== null) recentRequests.add(requestId, { series, cluster, metrics: reported });
    this.#readPointers();
    for (const [name, value] of this.#values) recorder.recordMetric(series, name, value, cluster);
    if (!isSuccess) return;
    this.#recordTokens(recorder, end);
    if (this.#inputHash === null) return;
    const isRepeated = memory.seen.note(this.#inputHash.digest().readUIntBE(0, 6));
    const name = isRepeated ? "latency_repeated" : "latency_first_seen";
    recorder.recordMetric(series, name, endedMs - startedMs, cluster);
  }

  #recordTokens(recorder: Recorder, { series, cluster, startedMs, endedMs }: ObservedEnd): void {
    const { tokensIn, tokensOut } = this.facts;
    const firstTokenMs = this.#firstTokenMs;
    const add = (name: string, value: number | null) => {
      if (value !== null) recorder.recordMetric(series, name, value, cluster);
    };
    add("tokens_in", tokensIn);
    add("tokens_out", tokensOut);
    add("cost", costOf(this.#plan.price, tokensIn, tokensOut));
    if (firstTokenMs === -1) return;
    add("first_token", firstTokenMs - startedMs);
    add("tokens_per_second", tokensPerSecond(tokensOut, firstTokenMs, endedMs));
  }

  #readFields(headers: readonly string[], fields: ReadonlyMap<string, string>): void {
    for (let at = 0; at < headers.length; at += 2) {
      const name = fields.get((headers[at] as string).toLowerCase());
      if (name === undefined) continue;
      const text = (headers[at + 1] as string).trim();
      const value = Number(text);
      const isNumber = text !== "" && text.length <= fieldLengthMax && Number.isFinite(value);
      if (!isNumber) this.#context.counters.metricsRefused += 1;
      else if (!this.#values.some(([known]) => known === name))
        this.#values = [...this.#values, [name, value]];
    }
  }

  #readPointers(): void {
    if (this.#answer === null) return;
    const body = this.#answer.body;
    const document = body === null ? undefined : parseJson(body);
    if (body === null) this.#countUninspected("too_large");
    if (document === undefined) return;
    for (const { name, tokens } of this.#plan.pointers) {
      const value = numberAt(document, tokens);
      if (value === null) this.#context.counters.metricsRefused += 1;
      else this.#values = [...this.#values, [name, value]];
    }
  }

  #countUninspected(reason: string): void {
    const { uninspected, uninspectedOf } = this.#context.counters;
    uninspected[reason] = (uninspected[reason] ?? 0) + 1;
    const { experiment } = this.#plan;
    if (experiment !== null) uninspectedOf[experiment] = (uninspectedOf[experiment] ?? 0) + 1;
  }
}

/** In lower case and without parameters. */
function mediaTypeOf(type: string): string {
  // As most servers write it.
  if (type === "application/json") return type;
  return (type.split(";", 1)[0] as string).trim().toLowerCase();
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
