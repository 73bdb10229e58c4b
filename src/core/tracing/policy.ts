/** The tracing slice of the configuration, after validation. */
export type TracingPolicy = {
  /** Where spans are posted: OTLP over HTTP, `…/v1/traces`. */
  readonly url: string;
  /** Sent along; some are secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Share of the traces that begin here, 0…1. One that comes with a request is kept or left as its caller says. */
  readonly sample: number;
  readonly serviceName: string;
  /** For one request to the collector. */
  readonly timeoutMs: number;
  /** Spans that wait to be sent; further ones are dropped. */
  readonly queueMax: number;
};
