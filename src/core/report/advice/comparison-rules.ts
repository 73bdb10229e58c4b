import { leadingTreatment, primaryOf, treatmentIn } from "../arms.ts";
import { changeWords, intervalWords } from "../change-text.ts";
import type { Advice } from "../document.ts";
import type { MetricFacts, ReportFacts, TreatmentFacts } from "../facts.ts";
import {
  capital,
  formatCount,
  formatP,
  formatQuantity,
  formatSeconds,
  formatValue,
  nameOf,
} from "../text/format.ts";
import type { Advised } from "./advise.ts";

type Evidence = Advice["evidence"][number];

/** What the comparison asks for. */
export function adviseOnComparison(advised: Advised): readonly Advice[] {
  switch (advised.outcome) {
    case "invalid":
      return mendSplit(advised);
    case "treatment_wins":
      return [...ship(advised), ...weighOthers(advised)];
    case "control_wins":
      return keepControl(advised);
    case "no_difference":
      return [...chooseByCost(advised), ...weighOthers(advised)];
    case "keep_running":
      return [...goOn(advised), ...weighOthers(advised)];
    default:
      return [];
  }
}

function mendSplit({ facts }: Advised): readonly Advice[] {
  const ratio = facts.comparison?.sample_ratio;
  if (ratio === undefined) return [];
  const total = Object.values(ratio.users).reduce((sum, users) => sum + users, 0);
  const evidence: Evidence[] = Object.entries(ratio.expected).map(([variant, expected]) => ({
    label: variant,
    text: `${formatCount(ratio.users[variant] ?? 0)} users, ${formatCount(expected * total)} expected (${formatValue(expected, "share")})`,
  }));
  if (ratio.p_value !== null) evidence.push({ label: "p-value", text: formatP(ratio.p_value) });
  return [
    {
      rule: "mend_split",
      tone: "bad",
      title: "Find out why the split is off, then start anew",
      text: "Usual causes: a variant that fails before its users are counted, clients that retry or cache, bots that only one variant sees, a user key that is missing for some. Do not ship on these numbers, in either direction.",
      evidence,
    },
  ];
}

function ship({ facts, arms }: Advised): readonly Advice[] {
  const variant = leadingTreatment(facts, arms);
  const primary = primaryOf(facts);
  const treatment = variant === null ? null : treatmentIn(primary, variant);
  if (primary === null || treatment === null) return [];
  const worse = othersOf(facts, treatment.variant).filter((each) => each.verdict === "worse");
  return [
    {
      rule: "ship",
      tone: "good",
      title: `Give everybody ${treatment.variant}`,
      text:
        worse.length === 0
          ? "Step by step, under guardrails, if much depends on it: auto_rollout, or a rollout of its own."
          : "But weigh first what got worse, below.",
      evidence: [effectOf(primary, treatment), usersOf(primary, treatment)],
    },
  ];
}

function keepControl({ facts, arms }: Advised): readonly Advice[] {
  const primary = primaryOf(facts);
  if (primary === null) return [];
  const many = arms.treatments.length > 1;
  return [
    {
      rule: "keep_control",
      tone: "bad",
      title: `Keep ${arms.control}`,
      text: `${many ? "The treatments are" : `${arms.treatments[0] ?? "The treatment"} is`} worse by more than what counts. The tables by route and by reason of failure show where.`,
      evidence: primary.treatments.map((each) => ({
        label: `${capital(nameOf(primary.metric))} with ${each.variant}`,
        text: effectOf(primary, each).text,
      })),
    },
  ];
}

function chooseByCost({ facts, arms }: Advised): readonly Advice[] {
  const primary = primaryOf(facts);
  if (primary === null) return [];
  const margin = formatValue(facts.comparison?.min_effect ?? 0, "share");
  const costs = ["cost", "tokens_in", "tokens_out"].flatMap((name): Evidence[] => {
    const values = arms.all.map((variant) => ({
      variant,
      mean: arms.measured(variant)?.metrics[name]?.mean,
    }));
    if (values.some(({ mean }) => mean === undefined)) return [];
    const text = values
      .map(({ variant, mean }) => `${variant} ${formatValue(mean ?? 0, "number")}`)
      .join(", ");
    return [{ label: `${nameOf(name)} per answer`, text }];
  });
  return [
    {
      rule: "choose_by_cost",
      tone: "neutral",
      title: "Choose by cost, or keep what is simpler",
      text: `Whatever change there is, it is smaller than ${margin}, or one of that size would have been found: waiting longer will hardly show one that matters.`,
      evidence: [...primary.treatments.map((each) => effectOf(primary, each)), ...costs],
    },
  ];
}

function goOn({ facts, arms }: Advised): readonly Advice[] {
  const primary = primaryOf(facts);
  const { lifecycle, comparison } = facts;
  if (primary === null || comparison === null) return [];
  const isOver = lifecycle?.phase === "ended" || lifecycle?.phase === "archived";
  const effect = formatValue(comparison.min_effect, "share");
  const evidence = primary.treatments.flatMap((each): Evidence[] => {
    const fewest = Math.min(each.users, primary.control.users);
    const needed = each.users_needed;
    return [
      effectOf(primary, each),
      {
        label: `Users in the smaller arm (${each.variant})`,
        text:
          needed === null
            ? formatCount(fewest)
            : `${formatCount(fewest)} of about ${formatCount(needed)} needed to find a change of ${effect}`,
      },
    ];
  });
  const left = timeLeft(facts, primary);
  if (left !== null) {
    evidence.push({ label: "At the rate of new users so far", text: `about ${left} more` });
  }
  return [
    {
      rule: "keep_running",
      tone: "neutral",
      title: isOver ? "Start another run, longer" : "Let it run on",
      text: isOver
        ? `It ended before ${effect} could be told from chance. Plan the size first: npx sluice power.`
        : `Looking does no harm: the intervals that decide hold at every look. If it takes too long, ask for a larger effect than ${effect}, or enrol more users${arms.treatments.length > 1 ? ", or drop a treatment" : ""}.`,
      evidence,
    },
  ];
}

/** How long until the smaller arm has its users, if they come as they came so far; null when that cannot be said. */
function timeLeft(
  { comparison, range, lifecycle }: ReportFacts,
  primary: MetricFacts,
): string | null {
  const lastedSeconds =
    comparison?.since === null || comparison === null
      ? (lifecycle?.ran_seconds ?? 0)
      : (Date.parse(range.to) - Date.parse(comparison.since)) / 1000;
  const waits = primary.treatments.flatMap(({ users, users_needed }) => {
    const fewest = Math.min(users, primary.control.users);
    if (users_needed === null || fewest === 0 || users_needed <= fewest) return [];
    return [(lastedSeconds * (users_needed - fewest)) / fewest];
  });
  if (waits.length === 0 || lastedSeconds <= 0) return null;
  return formatSeconds(Math.max(...waits));
}

/** Secondary metrics that surely changed: they decide nothing, and are not corrected for their number. */
function weighOthers({ facts, arms, outcome }: Advised): readonly Advice[] {
  const variants =
    outcome === "treatment_wins" ? [leadingTreatment(facts, arms) ?? ""] : arms.treatments;
  return variants.flatMap((variant): Advice[] => {
    const worse = othersOf(facts, variant).filter((each) => each.verdict === "worse");
    if (worse.length === 0) return [];
    return [
      {
        rule: "weigh_other_metrics",
        tone: "caution",
        title: `Weigh what got worse with ${variant}`,
        text: "These are secondary metrics: they do not decide, and the more of them there are, the likelier one is worse by chance.",
        evidence: worse.map(({ metric, treatment }) => effectOf(metric, treatment)),
      },
    ];
  });
}

function othersOf(facts: ReportFacts, variant: string) {
  const metrics = facts.comparison?.metrics.filter(({ primary }) => !primary) ?? [];
  return metrics.flatMap((metric) => {
    const treatment = treatmentIn(metric, variant);
    return treatment === null ? [] : [{ metric, treatment, verdict: treatment.verdict }];
  });
}

function effectOf(metric: MetricFacts, treatment: TreatmentFacts): Evidence {
  const values = `${formatQuantity(treatment.value, metric.unit)} against ${formatQuantity(metric.control.value, metric.unit)}`;
  const interval = intervalWords(metric, treatment);
  const change = changeWords(metric, treatment);
  return {
    label: capital(nameOf(metric.metric)),
    text:
      treatment.change === null
        ? "not measured"
        : `${values}: ${change}${interval === null ? "" : ` (interval ${interval})`}`,
  };
}

function usersOf({ control }: MetricFacts, treatment: TreatmentFacts): Evidence {
  return {
    label: "Users",
    text: `${formatCount(treatment.users)} with ${treatment.variant}, ${formatCount(control.users)} with ${control.variant}`,
  };
}
