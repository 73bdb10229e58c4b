import type { VariantView } from "../../control/collector.ts";
import { configuredShares } from "../../core/assignment/shares.ts";
import type { Family, Sample } from "./family.ts";
import type { MetricsFacts } from "./sources.ts";

/** Of the configured experiments, in their present epochs. */
export const experimentFamilies: readonly Family<MetricsFacts>[] = [
  {
    name: "sluice_variant_info",
    help: "1 for each variant, with its upstream and whether it is the control or a treatment.",
    type: "gauge",
    read: ({ reload }) =>
      Object.values(reload.config.experiments).flatMap(({ key, variants }) =>
        variants.map(({ key: variant, upstream, control }) => ({
          labels: { experiment: key, variant, role: control ? "control" : "treatment", upstream },
          value: 1,
        })),
      ),
  },
  {
    name: "sluice_configured_share",
    help: "Share of the enrolled users (or requests, unless hashed) that the configuration gives a variant.",
    type: "gauge",
    read: ({ reload }) =>
      Object.values(reload.config.experiments).flatMap((policy) => {
        const shares = configuredShares(policy);
        return policy.variants.map(({ key }, at) => ({
          labels: { experiment: policy.key, variant: key },
          value: shares[at] as number,
        }));
      }),
  },
  {
    name: "sluice_assigned_share",
    help: "Share of the experiment's analysed requests that a variant got; absent before the first.",
    type: "gauge",
    read: (facts) => variants(facts, ({ observedShare }) => observedShare),
  },
  {
    name: "sluice_users",
    help: "Distinct analysed users, exact up to 20,000, then estimated to 1.6 %.",
    type: "gauge",
    read: (facts) => variants(facts, ({ users }) => users),
  },
];

function* variants(
  { view, reload }: MetricsFacts,
  valueOf: (variant: VariantView) => number | null,
): Generator<Sample> {
  for (const { key, variants } of Object.values(reload.config.experiments)) {
    const measured = view.experiments.get(key)?.variants;
    for (const { key: variant } of variants) {
      const view = measured?.get(variant);
      const value = view === undefined ? null : valueOf(view);
      if (value !== null) yield { labels: { experiment: key, variant }, value };
    }
  }
}
