import { closed, duration, headerMap, integer, share, text } from "../config/fields.ts";
import type { TracingPolicy } from "./policy.ts";

/** How the tracing slice of the configuration is written, and what it turns into. */

const tracesPath = "/v1/traces";

export const tracingDefaults = {
  sample: "1%",
  serviceName: "sluice",
  timeout: "10s",
  queue: 2048,
} as const;

export const tracingSchema = closed({
  otlp: text("a URL", 2048)
    .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
      error: "expected a URL such as http://collector:4318",
    })
    .describe(
      `of a collector that takes OTLP over HTTP; ${tracesPath} is added where it is missing`,
    ),
  sample: share()
    .describe("share of the traces that begin here; one that a caller began is kept as it says")
    .prefault(tracingDefaults.sample),
  headers: headerMap("headers", 32).describe("such as authorization").optional(),
  service_name: text("a name", 255)
    .describe("service.name of the spans")
    .prefault(tracingDefaults.serviceName),
  timeout: duration(100, 60_000)
    .describe("for one delivery to the collector")
    .prefault(tracingDefaults.timeout),
  queue: integer(16, 65_536)
    .describe("spans that wait to be sent; further ones are dropped")
    .prefault(tracingDefaults.queue),
}).transform((written): TracingPolicy => ({
  url: tracesUrl(written.otlp),
  headers: written.headers ?? {},
  sample: written.sample,
  serviceName: written.service_name,
  timeoutMs: written.timeout,
  queueMax: written.queue,
}));

function tracesUrl(written: string): string {
  const url = new URL(written);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(tracesPath) ? path : path + tracesPath;
  return url.href;
}
