import { outcomes, type Outcome } from "../../core/traffic/outcome.ts";
import { refusals, type RefusalCode } from "../../core/traffic/refusal.ts";
import { accessRecordsMax, type WorkerContext } from "../worker-context.ts";
import type { AccessRecord } from "../../wire/messages.ts";

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
