import type { CheckedEndpoint } from "../control/health.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy, VariantPolicy } from "../core/experiment/policy.ts";
import type { PreparationFacts } from "../core/rollout/preparation.ts";

/** What is known of a rollout before it starts. */
export function describePreparation(
  experiment: ExperimentPolicy,
  config: Config,
  requestsPerSecond: number | null,
  health: readonly CheckedEndpoint[],
): PreparationFacts {
  const control = experiment.variants.find((variant) => variant.control);
  const treatment = experiment.variants.find((variant) => !variant.control);
  const isHealthy = (variant: VariantPolicy | undefined) => {
    const endpoints = config.upstreams[variant?.upstream ?? ""]?.endpoints ?? [];
    const down = health.filter(
      ({ upstream, healthy }) => upstream === variant?.upstream && !healthy,
    ).length;
    return endpoints.length > down;
  };
  return {
    requestsPerSecond,
    controlHealthy: isHealthy(control),
    treatmentHealthy: isHealthy(treatment),
    sameUpstream:
      control !== undefined &&
      treatment !== undefined &&
      control.upstream === treatment.upstream &&
      requestOf(control) === requestOf(treatment),
  };
}

/** What a variant makes of a request. */
function requestOf({ headers, body, path }: VariantPolicy): string {
  return JSON.stringify({ headers, body, path });
}
