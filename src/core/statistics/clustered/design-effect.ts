import { ratioOf, sumsOfTelemetry } from "./ratio.ts";

/**
 * How many requests say as much as one independent one, because one user's requests are alike (L. Kish, 1965): the
 * variance of the mean duration over users by the one over requests, from the telemetry's clusters. At least 1; 1 where
 * it is not known.
 */
export function designEffectOf(clusters: Float64Array): number {
  const ratio = ratioOf(sumsOfTelemetry(clusters, "duration"));
  if (!ratio.ok) return 1;
  const { value, variance, n } = ratio.value;
  let squares = 0;
  for (let at = 0; at < clusters.length; at += 4) squares += clusters[at + 2] as number;
  const ofRequests = (squares / n - value * value) / n;
  return ofRequests > 0 ? Math.max(1, variance / ofRequests) : 1;
}
