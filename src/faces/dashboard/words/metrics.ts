/** Names of metrics as people say them; others are made readable. */
const words: Readonly<Record<string, string>> = {
  error_rate: "Error rate",
  success_rate: "Success rate",
  timeout_rate: "Timeout rate",
  truncation_rate: "Truncation rate",
  bad_answer_rate: "Bad answers",
  slow_rate: "Slow answers",
  latency_mean: "Mean latency",
  first_byte_mean: "Mean time to first byte",
  tokens_in: "Tokens in",
  tokens_out: "Tokens out",
  cost: "Cost",
  first_token: "Time to first token",
  tokens_per_second: "Tokens per second",
  semantic_similarity: "Semantic similarity",
  retrieval_overlap: "Retrieval overlap",
};

export function describeMetric(metric: string): string {
  const known = words[metric];
  if (known !== undefined) return known;
  const [, kind, percentile] = /^(latency|ttfb)_(p[\d.]+)$/.exec(metric) ?? [];
  if (kind === "latency") return `Latency ${percentile}`;
  if (kind === "ttfb") return `Time to first byte ${percentile}`;
  return metric.charAt(0).toUpperCase() + metric.slice(1).replaceAll("_", " ");
}
