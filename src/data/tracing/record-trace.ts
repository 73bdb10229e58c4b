import { targetPath } from "../../core/traffic/head.ts";
import { spanCountOf } from "../../core/tracing/traced-exchange.ts";
import type { FinishedExchange } from "../exchange/account.ts";
import type { WorkerContext } from "../worker-context.ts";

/** Spans that may wait on a worker for the next snapshot. */
export const spansPerSnapshotMax = 2048;

/** Keeps what the spans of a finished exchange tell, if it is traced and there is room until the next snapshot. */
export function recordTrace(context: WorkerContext, finished: FinishedExchange): void {
  const { choice, outcome, code, startedMs, firstByteMs, delivery } = finished;
  const trace = delivery.decideTrace()?.trace ?? null;
  if (trace === null) return;
  const nowMs = context.nowMs();
  const { peer, parser } = delivery.client;
  const { head } = delivery.intake;
  trace.endAttempt(nowMs, code ?? (outcome === "aborted" ? outcome : null));
  const { traceId, spanId, parentSpanId, traceState } = trace;
  const traced = {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    startedAtMs: context.wallMs() - (nowMs - startedMs),
    durationMs: nowMs - startedMs,
    method: head.method,
    path: targetPath(head.target),
    scheme: peer.secure ? ("https" as const) : ("http" as const),
    port: peer.forward.localPort,
    version: parser.minorVersion === 1 ? ("1.1" as const) : ("1.0" as const),
    status: finished.status === 0 ? null : finished.status,
    outcome,
    code,
    route: finished.route,
    experiment: choice?.arm.experiment ?? null,
    variant: choice?.arm.variant?.key ?? null,
    upstream: choice?.arm.upstream.policy.name ?? null,
    requestId: delivery.requestId,
    firstByteMs: firstByteMs === -1 ? null : firstByteMs - startedMs,
    retries: delivery.retries,
    attempts: trace.attemptsSince(startedMs, firstByteMs === -1 ? null : finished.status),
  };
  const spans = spanCountOf(traced);
  if (context.spans + spans > spansPerSnapshotMax) {
    context.counters.spansDropped += spans;
    return;
  }
  context.spans += spans;
  context.traces.push(traced);
}
