import type { MeasuredVariant, MetricFacts, ReportFacts, TreatmentFacts } from "./facts.ts";

/** The variants of a report, in the order and the colours in which every part shows them. */
export type Arms = {
  readonly control: string;
  readonly treatments: readonly string[];
  /** The control first, whose place is 0. */
  readonly all: readonly string[];
  /** Of the range; null where nothing was measured of it. */
  readonly measured: (variant: string) => MeasuredVariant | null;
  /** Of all variants in the range. */
  readonly requests: number;
};

export function armsOf({ status, breakdown, comparison, history }: ReportFacts): Arms {
  const ofStatus = status?.variants.map(({ key, control }) => ({ variant: key, control })) ?? [];
  const ofBreakdown = breakdown?.variants ?? [];
  const listed = ofStatus.length > 0 ? ofStatus : ofBreakdown;
  const compared = comparison?.metrics[0];
  const control =
    listed.find((each) => each.control)?.variant ?? compared?.control.variant ?? "control";
  const treatments = new Set<string>();
  for (const { variant } of listed) treatments.add(variant);
  for (const { variant } of compared?.treatments ?? []) treatments.add(variant);
  for (const variant of Object.keys(history?.variants ?? {})) treatments.add(variant);
  treatments.delete(control);
  const measured = new Map(ofBreakdown.map((each) => [each.variant, each]));
  return {
    control,
    treatments: [...treatments],
    all: [control, ...treatments],
    measured: (variant) => measured.get(variant) ?? null,
    requests: ofBreakdown.reduce((sum, { requests }) => sum + requests, 0),
  };
}

/** The metric that decides; null without a comparison. */
export function primaryOf({ comparison }: ReportFacts): MetricFacts | null {
  return comparison?.metrics.find(({ primary }) => primary) ?? comparison?.metrics[0] ?? null;
}

export function treatmentIn(metric: MetricFacts | null, variant: string): TreatmentFacts | null {
  return metric?.treatments.find((each) => each.variant === variant) ?? null;
}

/** The treatment that the report is mostly about: the winner, else the first that says most. */
export function leadingTreatment(facts: ReportFacts, arms: Arms): string | null {
  const winner = facts.lifecycle?.decision?.winner ?? facts.lifecycle?.winner ?? null;
  if (winner !== null && arms.treatments.includes(winner)) return winner;
  const primary = primaryOf(facts);
  const telling = (["better", "worse", "no_difference", "undecided"] as const)
    .map((verdict) => primary?.treatments.find((each) => each.verdict === verdict))
    .find((each) => each !== undefined);
  return telling?.variant ?? arms.treatments[0] ?? null;
}

/** The share of requests that failed for a reason of Sluice's or the upstream's; null without requests. */
export function failureShareOf(measured: MeasuredVariant | null): number | null {
  if (measured === null || measured.requests === 0) return null;
  return failuresOf(measured) / measured.requests;
}

/** Requests that failed for a reason of Sluice's or the upstream's. */
export function failuresOf({ outcomes }: MeasuredVariant): number {
  return failing.reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0);
}

const failing = ["upstream_error", "proxy_error", "timeout", "truncated", "bad_answer"] as const;

/** Variants that should have got at least `expectedMin` requests of the range and got none. */
export function silentVariants({ status, rollout }: ReportFacts, arms: Arms): readonly string[] {
  if (arms.requests === 0 || status === null) return [];
  if (rollout !== null && ["waiting", "rolled_back"].includes(rollout.phase)) return [];
  return status.variants
    .filter(({ key, configured_share }) => {
      const got = arms.measured(key)?.requests ?? 0;
      return got === 0 && configured_share * arms.requests >= expectedMin;
    })
    .map(({ key }) => key);
}

const expectedMin = 20;
