import { clusterOf, telemetryHash } from "../../core/assignment/hash.ts";
import { targetPath } from "../../core/traffic/head.ts";
import { outcomes, type Outcome } from "../../core/traffic/outcome.ts";
import { refusals, type RefusalCode } from "../../core/traffic/refusal.ts";
import { accessRecordsMax, type WorkerContext } from "../worker-context.ts";
import type { AccessRecord } from "../../wire/messages.ts";
import { recordTrace } from "../tracing/record-trace.ts";
import type { Watch } from "../observation/watch.ts";
import type { Choice } from "./choice.ts";
import type { Delivery } from "./delivery.ts";

const proxyError = outcomes.indexOf("proxy_error");

/** Counts a request that was answered before it became an exchange. */
export function recordRefusal(
  context: WorkerContext,
  code: RefusalCode,
  method: string,
  path: string,
): void {
  countRefusal(context, code);
  const { status } = refusals[code];
  context.recorder.record(
    context.routing.unrouted,
    proxyError,
    method,
    status,
    -1,
    0,
    -1,
    0,
    0,
    0,
    -1,
    -1,
    false,
  );
  writeAccess(context, {
    atMs: context.wallMs(),
    requestId: "",
    method,
    path,
    status,
    outcome: "proxy_error" satisfies Outcome,
    experiment: null,
    variant: null,
    route: null,
    upstream: null,
    durationMs: 0,
    firstByteMs: null,
    bytesIn: 0,
    bytesOut: 0,
    retries: 0,
    code,
  });
}

export function countRefusal(context: WorkerContext, code: RefusalCode): void {
  const { refused } = context.counters;
  refused[code] = (refused[code] ?? 0) + 1;
}

/** Keeps an access record for the next snapshot, if the sample takes it and there is room. */
export function writeAccess(context: WorkerContext, record: AccessRecord): void {
  const { accessSample } = context.routing.table.config.log;
  if (accessSample <= 0 || (accessSample < 1 && context.random.next() >= accessSample)) return;
  if (context.access.length >= accessRecordsMax) context.counters.accessRecordsDropped += 1;
  else context.access.push(record);
}

/** What a finished exchange is counted by. Times are monotonic milliseconds, -1 for what did not happen. */
export type FinishedExchange = {
  readonly choice: Choice | null;
  readonly route: string | null;
  readonly outcome: Outcome;
  readonly status: number;
  readonly startedMs: number;
  readonly firstByteMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly delivery: Pick<
    Delivery,
    "intake" | "sentMs" | "retries" | "requestId" | "client" | "decideTrace" | "traceId"
  >;
  readonly code: RefusalCode | null;
  readonly isRequestRead: boolean;
  readonly watch: Watch | null;
};

function noteExemplar(context: WorkerContext, finished: FinishedExchange, traceId: string): void {
  const { choice, status, startedMs, delivery } = finished;
  const nowMs = context.nowMs();
  const series = choice === null ? context.routing.unrouted : choice.arm.series;
  context.recorder.recordExemplar(series, delivery.intake.head.method, status, {
    traceId,
    serverUs: Math.round((nowMs - startedMs) * 1000),
    clientUs: delivery.sentMs === -1 ? -1 : Math.round((nowMs - delivery.sentMs) * 1000),
    wallMs: context.wallMs(),
  });
}

/** Counts a finished exchange, once. */
export function recordExchange(context: WorkerContext, finished: FinishedExchange): void {
  const { choice, outcome, status, startedMs, firstByteMs, bytesIn, bytesOut } = finished;
  const { intake, sentMs, retries, requestId } = finished.delivery;
  const { head } = intake;
  if (finished.watch !== null) {
    const { isRequestRead, watch } = finished;
    watch.end({ outcome, requestId, startedMs, sentMs, isRequestRead });
  }
  const nowMs = context.nowMs();
  const user = choice === null ? null : choice.user;
  const userHash = user === null ? -1 : telemetryHash(user);
  context.recorder.record(
    choice === null ? context.routing.unrouted : choice.arm.series,
    outcomes.indexOf(outcome),
    head.method,
    status,
    firstByteMs === -1 ? -1 : Math.round((firstByteMs - startedMs) * 1000),
    Math.round((nowMs - startedMs) * 1000),
    sentMs === -1 ? -1 : Math.round((nowMs - sentMs) * 1000),
    bytesIn,
    bytesOut,
    retries,
    userHash === -1 ? -1 : clusterOf(userHash),
    userHash,
    choice !== null && choice.enrolled,
  );
  const { traceId } = finished.delivery;
  if (traceId !== null) noteExemplar(context, finished, traceId);
  const { log, tracing } = context.routing.table.config;
  if (tracing !== null) recordTrace(context, finished);
  if (log.accessSample <= 0) return;
  writeAccess(context, {
    atMs: context.wallMs(),
    requestId,
    method: head.method,
    path: targetPath(head.target),
    status,
    outcome,
    experiment: choice?.arm.experiment ?? null,
    variant: choice?.arm.variant?.key ?? null,
    route: finished.route,
    upstream: choice?.arm.upstream.policy.name ?? null,
    durationMs: nowMs - startedMs,
    firstByteMs: firstByteMs === -1 ? null : firstByteMs - startedMs,
    bytesIn,
    bytesOut,
    retries,
    code: finished.code,
  });
}
