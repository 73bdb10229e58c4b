import { knownMethod } from "../traffic/method.ts";
import type { TracedAttempt, TracedExchange } from "./traced-exchange.ts";

/**
 * Spans in OTLP's JSON mapping (opentelemetry-proto, trace.proto): ids in hexadecimal, 64-bit numbers as decimal
 * texts, enumerations as numbers. Names of attributes follow OpenTelemetry's conventions for HTTP spans; Sluice's own
 * begin with `sluice.`.
 */

type Value =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number };
type Attribute = { readonly key: string; readonly value: Value };

type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number; readonly message?: string };
};

/** The body of one request to a collector. */
export type TracesBody = {
  readonly resourceSpans: readonly [
    {
      readonly resource: { readonly attributes: readonly Attribute[] };
      readonly scopeSpans: readonly [
        {
          readonly scope: { readonly name: string; readonly version: string };
          readonly spans: readonly Span[];
        },
      ];
    },
  ];
};

/** Who made the spans. */
export type SpanSource = {
  readonly serviceName: string;
  readonly version: string;
  /** Tells replicas apart. */
  readonly instance: string;
};

const server = 2;
const client = 3;
const error = 2;

/** Bits of `flags`: the trace is kept; it is known whether the parent is remote; it is. */
const sampled = 0x01;
const knowsParent = 0x100;
const remoteParent = 0x200;

/** A server span for each exchange, and below it a client span for each time that it was sent upstream. */
export function encodeTraces(
  exchanges: readonly TracedExchange[],
  { serviceName, version, instance }: SpanSource,
): TracesBody {
  const attributes = [
    text("service.name", serviceName),
    text("service.version", version),
    text("service.instance.id", instance),
  ];
  const spans = exchanges.flatMap((exchange) => [
    serverSpan(exchange),
    ...exchange.attempts.map((attempt, at) => clientSpan(exchange, attempt, at)),
  ]);
  const scope = { name: "sluice", version };
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans }] }] };
}

function serverSpan(exchange: TracedExchange): Span {
  const { method, route, status, outcome, code } = exchange;
  const path = route === null ? null : pathOf(route);
  const isFailure = outcome !== "success" && outcome !== "client_error" && outcome !== "aborted";
  return {
    traceId: exchange.traceId,
    spanId: exchange.spanId,
    ...(exchange.parentSpanId === "" ? {} : { parentSpanId: exchange.parentSpanId }),
    ...(exchange.traceState === "" ? {} : { traceState: exchange.traceState }),
    flags: sampled | knowsParent | (exchange.parentSpanId === "" ? 0 : remoteParent),
    name: path === null ? nameOf(method) : `${nameOf(method)} ${path}`,
    kind: server,
    ...times(exchange.startedAtMs, exchange.durationMs),
    attributes: [
      ...methodOf(method),
      text("url.path", exchange.path),
      text("url.scheme", exchange.scheme),
      number("server.port", exchange.port),
      text("network.protocol.name", "http"),
      text("network.protocol.version", exchange.version),
      ...known("http.route", path),
      ...(status === null ? [] : [number("http.response.status_code", status)]),
      ...(isFailure ? [text("error.type", code ?? String(status ?? outcome))] : []),
      text("sluice.outcome", outcome),
      ...known("sluice.route", route),
      ...known("sluice.experiment", exchange.experiment),
      ...known("sluice.variant", exchange.variant),
      ...known("sluice.upstream", exchange.upstream),
      ...known("sluice.code", code),
      ...known("sluice.request_id", exchange.requestId === "" ? null : exchange.requestId),
      number("sluice.retries", exchange.retries),
      ...(exchange.firstByteMs === null
        ? []
        : [{ key: "sluice.first_byte_ms", value: { doubleValue: exchange.firstByteMs } }]),
    ],
    status: isFailure ? { code: error, message: code ?? outcome } : {},
  };
}

function clientSpan(exchange: TracedExchange, attempt: TracedAttempt, at: number): Span {
  const { status, failure, origin, path } = attempt;
  const { hostname, port, protocol } = new URL(origin);
  const isFailure = failure !== null || (status !== null && status >= 400);
  return {
    traceId: exchange.traceId,
    spanId: attempt.spanId,
    parentSpanId: exchange.spanId,
    ...(exchange.traceState === "" ? {} : { traceState: exchange.traceState }),
    flags: sampled | knowsParent,
    name: nameOf(exchange.method),
    kind: client,
    ...times(exchange.startedAtMs + attempt.startedMs, attempt.durationMs),
    attributes: [
      ...methodOf(exchange.method),
      text("server.address", hostname.replaceAll(/[[\]]/g, "")),
      number("server.port", port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)),
      text("url.full", origin + path),
      text("network.protocol.name", "http"),
      text("network.protocol.version", "1.1"),
      ...(at === 0 ? [] : [number("http.request.resend_count", at)]),
      ...(status === null ? [] : [number("http.response.status_code", status)]),
      ...(isFailure ? [text("error.type", failure ?? String(status))] : []),
      ...known("sluice.upstream", exchange.upstream),
      ...known("sluice.variant", exchange.variant),
    ],
    status: isFailure ? { code: error, ...(failure === null ? {} : { message: failure }) } : {},
  };
}

/** Of a route's `[METHOD[,METHOD] ]PATTERN`. */
function pathOf(match: string): string {
  return match.slice(match.indexOf(" ") + 1);
}

function nameOf(method: string): string {
  return knownMethod(method) ?? "HTTP";
}

function methodOf(method: string): readonly Attribute[] {
  const known = knownMethod(method);
  return known === null
    ? [text("http.request.method", "_OTHER"), text("http.request.method_original", method)]
    : [text("http.request.method", known)];
}

function text(key: string, stringValue: string): Attribute {
  return { key, value: { stringValue } };
}

function number(key: string, value: number): Attribute {
  return { key, value: { intValue: String(value) } };
}

function known(key: string, value: string | null): readonly Attribute[] {
  return value === null ? [] : [text(key, value)];
}

function times(startedAtMs: number, durationMs: number) {
  return {
    startTimeUnixNano: nanoseconds(startedAtMs),
    endTimeUnixNano: nanoseconds(startedAtMs + Math.max(0, durationMs)),
  };
}

/** A number of nanoseconds since 1970 is beyond what a double holds exactly: whole milliseconds and the rest apart. */
function nanoseconds(ms: number): string {
  const microseconds = Math.round(ms * 1000);
  const whole = Math.floor(microseconds / 1000);
  return `${whole}${String(microseconds - whole * 1000).padStart(3, "0")}000`;
}
