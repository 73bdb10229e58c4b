/** Which way a metric is better: latency lower, success higher. Part of a metric's definition. */
export type MetricDirection = "lower" | "higher";
