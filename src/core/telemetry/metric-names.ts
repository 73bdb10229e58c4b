/** Metrics that Sluice measures itself wherever it can; the configuration may declare more. */

/** Of one answer. Durations are in milliseconds. */
export const answerMetrics = [
  "tokens_in",
  "tokens_out",
  /** Of streams: tokens written in the time from the first one to the end. */
  "tokens_per_second",
  /** From the request's start to the first token of a stream. */
  "first_token",
  /** By the variant's prices; only where all tokens are known. */
  "cost",
  /** Durations of inputs that the variant had not been asked before, and of those it had. */
  "latency_first_seen",
  "latency_repeated",
] as const;

/** Of a request that two variants answered: how the treatment's answer compares with the control's. */
export const pairMetrics = [
  "semantic_similarity",
  "embedding_cosine",
  "embedding_norm_ratio",
  "embedding_max_abs_difference",
  "neighbour_overlap",
  "retrieval_overlap",
  "retrieval_rank_overlap",
  "entity_overlap",
  "text_length_ratio",
  "text_token_overlap",
  "citation_overlap",
  /** Tokens of the control's answer over those of the treatment's: above 1 the treatment is thriftier. */
  "token_efficiency",
  /** Milliseconds that the treatment took longer. */
  "latency_difference",
] as const;

const known: ReadonlySet<string> = new Set([...answerMetrics, ...pairMetrics]);
const pairs: ReadonlySet<string> = new Set(pairMetrics);
const durations: ReadonlySet<string> = new Set([
  "first_token",
  "latency_first_seen",
  "latency_repeated",
  "latency_difference",
]);

/** What the name of a metric looks like. */
export const metricNamePattern = /^[a-z][a-z0-9_]{0,62}$/;

export function isKnownMetric(name: string): boolean {
  return known.has(name);
}

/** True for metrics that are measured on copies and say something about the treatment's answers to users. */
export function isPairMetric(name: string): boolean {
  return pairs.has(name);
}

/** True for metrics in milliseconds. */
export function isDurationMetric(name: string): boolean {
  return durations.has(name);
}
