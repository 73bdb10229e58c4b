/** Why a query gave no number. */
export type PrometheusFault =
  | { readonly code: "many_series"; readonly series: number; readonly message: string }
  | { readonly code: PrometheusFaultCode; readonly message: string };

export type PrometheusFaultCode =
  /** No series, or a number that is none: NaN, or an infinite one. */
  | "no_data"
  /** Prometheus does not take the query, or its answer is no single number. */
  | "bad_query"
  /** No connection, or one that broke. */
  | "unreachable"
  | "timeout"
  | "unauthorised"
  /** Prometheus, or a proxy before it, says that it cannot answer now. */
  | "unavailable"
  /** Whatever answers, it does not speak Prometheus' HTTP API. */
  | "not_prometheus"
  /** The answer was longer than is read. */
  | "too_long"
  /** Whoever asked no longer wants to know. */
  | "aborted";

/** How much of a text from elsewhere a fault's message tells. */
const excerptCharactersMax = 200;

/** The start of a text in one line, without what could steer a terminal. */
export function excerpt(text: string): string {
  const line = Array.from(text.replaceAll(/[\s\p{C}]+/gu, " ").trim());
  if (line.length <= excerptCharactersMax) return line.join("");
  return `${line.slice(0, excerptCharactersMax - 1).join("")}…`;
}
