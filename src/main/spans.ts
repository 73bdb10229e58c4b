import { hostname } from "node:os";
import { SpanExporter } from "../control/tracing/exporter.ts";
import type { TracingPolicy } from "../core/tracing/policy.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

/** Spans that wait when Sluice ends have so long to get to their collector. */
export const spansMsMax = 2000;

/** The exporter of this process. */
export function createSpanExporter(
  policy: TracingPolicy | null,
  version: string,
  log: ConstructorParameters<typeof SpanExporter>[1]["log"],
): SpanExporter {
  return new SpanExporter(policy, {
    clock: realClock,
    timers: realTimers,
    random: realRandom,
    source: { version, instance: `${hostname()}:${process.pid}` },
    log,
  });
}
