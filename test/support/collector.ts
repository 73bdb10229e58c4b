import { z } from "zod";
import { startUpstream } from "./upstream.ts";

/** A receiver of OTLP over HTTP that takes nothing but opentelemetry-proto's JSON mapping of traces. */

const hex = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`));
const nanoseconds = z.string().regex(/^\d{19}$/);
const attribute = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ doubleValue: z.number() }),
  ]),
});
const span = z.strictObject({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: hex(16).optional(),
  traceState: z.string().min(1).optional(),
  flags: z.int().min(0).max(0xffffffff),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes: z.array(attribute),
  status: z.strictObject({
    code: z.int().min(0).max(2).optional(),
    message: z.string().optional(),
  }),
});
const traces = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(span).min(1),
        }),
      ),
    }),
  ),
});

export type ReceivedSpan = Omit<z.output<typeof span>, "attributes"> & {
  readonly attributes: Readonly<Record<string, string | number>>;
};

/** Reads what was posted; throws on what OTLP does not know. */
export function readTraces(body: string): {
  readonly resource: ReceivedSpan["attributes"];
  readonly spans: readonly ReceivedSpan[];
} {
  const [only, ...more] = traces.parse(JSON.parse(body)).resourceSpans;
  if (only === undefined || more.length > 0) throw new Error("expected one resource");
  return {
    resource: plain(only.resource.attributes),
    spans: only.scopeSpans.flatMap((scope) =>
      scope.spans.map((one) => ({ ...one, attributes: plain(one.attributes) })),
    ),
  };
}

function plain(attributes: readonly z.output<typeof attribute>[]): ReceivedSpan["attributes"] {
  const entries = attributes.map(({ key, value }): [string, string | number] => {
    if ("intValue" in value) return [key, Number(value.intValue)];
    return [key, "stringValue" in value ? value.stringValue : value.doubleValue];
  });
  const made = Object.fromEntries(entries);
  if (Object.keys(made).length !== entries.length) throw new Error("an attribute comes twice");
  return made;
}

export type Collector = {
  readonly url: string;
  /** Bodies of the posts so far. */
  readonly bodies: readonly string[];
  readonly headers: readonly Readonly<Record<string, string | string[] | undefined>>[];
  /** Resolves once so many posts have come whole. */
  until(posts: number): Promise<void>;
  /** How posts are answered from now on; null never answers. */
  answer(status: number | null, body?: string, headers?: Readonly<Record<string, string>>): void;
  /** All spans so far, in the order of their posts. */
  spans(): readonly ReceivedSpan[];
  close(): Promise<void>;
};

export async function startCollector(): Promise<Collector> {
  const server = await startUpstream("collector");
  const bodies: string[] = [];
  const headers: Collector["headers"][number][] = [];
  const waiting = new Set<() => void>();
  let answer: { status: number; body: string; headers: Readonly<Record<string, string>> } | null = {
    status: 200,
    body: "{}",
    headers: {},
  };
  server.respond((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      bodies.push(body);
      headers.push({ ...request.headers, ":path": request.url });
      for (const look of waiting) look();
      if (answer !== null) response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  return {
    url: server.url,
    bodies,
    headers,
    until: (posts) =>
      new Promise((resolve) => {
        const look = () => {
          if (bodies.length < posts) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    answer(status, body = "{}", given = {}) {
      answer = status === null ? null : { status, body, headers: given };
    },
    spans: () => bodies.flatMap((body) => readTraces(body).spans),
    close: () => server.close(),
  };
}
