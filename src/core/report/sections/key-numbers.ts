import { failureShareOf, leadingTreatment, primaryOf, treatmentIn, type Arms } from "../arms.ts";
import { changeFormatOf, intervalWords, relativeOf } from "../change-text.ts";
import type { KeyNumber, NumberFormat, Tone } from "../document.ts";
import type { ComparedVerdict, ReportFacts } from "../facts.ts";
import { capital, formatQuantity, formatValue, listOf, nameOf, nothing } from "../text/format.ts";

/** The figures that people look for first. */
export function keyNumbersOf(facts: ReportFacts, arms: Arms): readonly KeyNumber[] {
  const variant = leadingTreatment(facts, arms);
  return [
    ...effect(facts, variant),
    latency(arms, variant),
    failures(arms, variant),
    ...rolloutShare(facts),
    users(facts, arms),
    requests(arms),
    ...sampleRatio(facts),
  ];
}

const tones: Readonly<Record<ComparedVerdict, Tone>> = {
  better: "good",
  worse: "bad",
  no_difference: "neutral",
  undecided: "neutral",
  too_few: "neutral",
};

function effect(facts: ReportFacts, variant: string | null): readonly KeyNumber[] {
  const primary = primaryOf(facts);
  const treatment = variant === null ? null : treatmentIn(primary, variant);
  if (primary === null || treatment === null) return [];
  const relative = relativeOf(primary, treatment);
  const value = relative?.estimate ?? treatment.change?.absolute ?? null;
  const interval = intervalWords(primary, treatment);
  const isValid = facts.comparison?.sample_ratio.verdict !== "mismatch";
  return [
    number(
      "effect",
      `Change of ${nameOf(primary.metric)}`,
      value,
      relative === null ? changeFormatOf(primary.unit) : "change",
      {
        note: isValid
          ? (interval ?? `${treatment.variant} against ${primary.control.variant}`)
          : "not valid: the split is off",
        tone: isValid ? tones[treatment.verdict] : "bad",
      },
    ),
  ];
}

function latency(arms: Arms, variant: string | null): KeyNumber {
  const mine = variant === null ? null : (arms.measured(variant)?.latency_ms ?? null);
  const theirs = arms.measured(arms.control)?.latency_ms ?? null;
  return number(
    "latency_p95",
    `95th percentile, ${variant ?? "treatment"}`,
    mine?.p95 ?? null,
    "ms",
    {
      note: `${formatQuantity(theirs?.p95 ?? null, "ms")} with ${arms.control}`,
    },
  );
}

function failures(arms: Arms, variant: string | null): KeyNumber {
  const mine = variant === null ? null : failureShareOf(arms.measured(variant));
  const theirs = failureShareOf(arms.measured(arms.control));
  return number("failures", `Failed, ${variant ?? "treatment"}`, mine, "share", {
    note: `${formatQuantity(theirs, "share")} with ${arms.control}`,
  });
}

function rolloutShare({ rollout }: ReportFacts): readonly KeyNumber[] {
  if (rollout === null) return [];
  const at =
    rollout.step === null
      ? rollout.phase.replace("_", " ")
      : `step ${rollout.step} of ${rollout.steps.length}`;
  return [number("share", "Treatment's share", rollout.applied_share, "share", { note: at })];
}

function users({ comparison }: ReportFacts, arms: Arms): KeyNumber {
  const each = arms.all.map((variant) => arms.measured(variant)?.users ?? null);
  const total = each.every((one) => one !== null)
    ? each.reduce<number>((sum, one) => sum + (one ?? 0), 0)
    : null;
  const needed = primaryNeed(comparison);
  return number("users", "Users", total, "count", {
    note: needed ?? listOf(each.map((one) => formatQuantity(one, "count"))),
  });
}

function primaryNeed(comparison: ReportFacts["comparison"]): string | null {
  const primary = comparison?.metrics.find((metric) => metric.primary);
  const needed = primary?.treatments.flatMap(({ users_needed }) => users_needed ?? []) ?? [];
  if (primary === undefined || needed.length === 0) return null;
  const fewest = Math.min(primary.control.users, ...primary.treatments.map((each) => each.users));
  return `${formatValue(fewest, "count")} in the smallest arm, ${formatValue(Math.max(...needed), "count")} needed`;
}

function requests(arms: Arms): KeyNumber {
  const each = arms.all.map((variant) =>
    formatQuantity(arms.measured(variant)?.requests ?? 0, "count"),
  );
  return number("requests", "Requests", arms.requests, "count", { note: listOf(each) });
}

function sampleRatio({ comparison }: ReportFacts): readonly KeyNumber[] {
  if (comparison === null) return [];
  const { verdict, p_value } = comparison.sample_ratio;
  const notes = {
    ok: "as configured",
    mismatch: "not as configured",
    unknown: "not checked",
  } as const;
  return [
    number("sample_ratio", "Split, p-value", p_value, "p", {
      note: notes[verdict],
      tone: verdict === "mismatch" ? "bad" : "neutral",
    }),
  ];
}

function number(
  id: string,
  label: string,
  value: number | null,
  format: NumberFormat,
  { note, tone = "neutral" }: { readonly note: string; readonly tone?: Tone },
): KeyNumber {
  const text = value === null ? nothing : formatValue(value, format);
  return { id, label: capital(label), text, value, note, tone };
}
