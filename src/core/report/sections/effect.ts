import type { Arms } from "../arms.ts";
import { changeFormatOf, inWords, relativeOf } from "../change-text.ts";
import type { Block, Cell, Figure, Tone } from "../document.ts";
import type {
  ComparedVerdict,
  ComparisonFacts,
  MetricFacts,
  Pair,
  ReportFacts,
  TreatmentFacts,
} from "../facts.ts";
import { capital, formatQuantity, formatValue, nameOf } from "../text/format.ts";
import { rowOf } from "./row.ts";

/** Every metric's change with its intervals. */
export function describeEffect(facts: ReportFacts, arms: Arms): readonly Block[] {
  const { comparison } = facts;
  if (comparison === null || comparison.metrics.length === 0) return [];
  const blocks: Block[] = [];
  if (comparison.sample_ratio.verdict === "mismatch") {
    blocks.push({
      kind: "note",
      tone: "bad",
      title: "Not valid",
      text: "The split is not the one that was configured. The figures are shown so that the cause can be found, not to be acted on.",
    });
  }
  const figure = forest(comparison, arms);
  if (figure !== null) blocks.push(figure);
  blocks.push(effectTable(comparison, arms));
  // What is said of each takes the split for granted.
  if (comparison.sample_ratio.verdict === "mismatch") return blocks;
  const said = comparison.metrics
    .filter(({ primary }) => primary || arms.treatments.length < 3)
    .flatMap(({ metric, treatments }) =>
      treatments.map(({ variant, says }) => ({
        term:
          arms.treatments.length > 1
            ? `${capital(nameOf(metric))}, ${variant}`
            : capital(nameOf(metric)),
        text: inWords(facts, says),
      })),
    );
  blocks.push({ kind: "terms", items: said });
  return blocks;
}

function directionWords({ direction }: MetricFacts): string {
  return direction === null ? "" : `${direction} is better`;
}

const verdictWords: Readonly<Record<ComparedVerdict, string>> = {
  better: "better",
  worse: "worse",
  no_difference: "no difference",
  undecided: "undecided",
  too_few: "too few",
};

const verdictTones: Readonly<Record<ComparedVerdict, Tone>> = {
  better: "good",
  worse: "bad",
  no_difference: "neutral",
  undecided: "neutral",
  too_few: "neutral",
};

/** With a broken split no verdict is worth a word. */
function verdictCell({ verdict }: TreatmentFacts, isValid: boolean): Cell {
  if (!isValid) return { text: "not valid", tone: "bad" };
  return { text: verdictWords[verdict], tone: verdictTones[verdict] };
}

function forest(comparison: ComparisonFacts, arms: Arms): Figure | null {
  const isValid = comparison.sample_ratio.verdict !== "mismatch";
  const rows = comparison.metrics.flatMap((metric) =>
    metric.treatments.flatMap((treatment) => {
      const relative = relativeOf(metric, treatment);
      if (relative === null) return [];
      return [
        {
          label: capital(nameOf(metric.metric)),
          detail: arms.treatments.length > 1 ? treatment.variant : directionWords(metric),
          tone: isValid ? verdictTones[treatment.verdict] : ("neutral" as const),
          ...relative,
        },
      ];
    }),
  );
  if (rows.length === 0) return null;
  const level = formatValue(comparison.confidence, "share");
  const region = comparison.min_effect > 0 ? comparison.min_effect : null;
  return {
    kind: "figure",
    id: "effect_intervals",
    caption: `Change against ${arms.control}, as a share of its value. Thick: ${level} interval for one look; thin: the one that holds at every look, which decides${region === null ? "" : `. Shaded: less than ${formatValue(region, "share")}, which does not count`}.`,
    description: rows
      .map(
        ({ label, detail, estimate, sequential, interval }) =>
          `${label}${arms.treatments.length > 1 ? ` of ${detail}` : ""}: ${formatValue(estimate, "change")}, interval ${formatQuantity(sequential ?? interval, "change")}`,
      )
      .join("; "),
    chart: { kind: "interval", format: "change", region, rows },
    table: null,
  };
}

function effectTable(comparison: ComparisonFacts, arms: Arms): Block {
  const level = formatValue(comparison.confidence, "share");
  const isValid = comparison.sample_ratio.verdict !== "mismatch";
  const rows = comparison.metrics.flatMap((metric) =>
    metric.treatments.map((treatment): Cell[] => {
      const change = changeCells(metric, treatment);
      return rowOf(
        capital(nameOf(metric.metric)),
        arms.treatments.length > 1 ? [treatment.variant] : [],
        { value: metric.control.value, format: metric.unit },
        { value: treatment.value, format: metric.unit },
        change.estimate,
        change.interval,
        change.sequential,
        treatment.p_value,
        treatment.sequential_p_value,
        treatment.power,
        verdictCell(treatment, isValid),
      );
    }),
  );
  return {
    kind: "table",
    id: "effect",
    caption: `Every metric, ${level} intervals. The first decides; "always valid" holds however often one looks.`,
    columns: [
      { name: "Metric", format: "text" },
      ...(arms.treatments.length > 1 ? [{ name: "Treatment", format: "text" } as const] : []),
      { name: arms.control, format: "number" },
      {
        name: arms.treatments.length > 1 ? "Value" : (arms.treatments[0] ?? "Treatment"),
        format: "number",
      },
      { name: "Change", format: "change" },
      { name: "Interval, one look", format: "change" },
      { name: "Interval, always valid", format: "change" },
      { name: "p, one look", format: "p" },
      { name: "p, always valid", format: "p" },
      { name: "Power", format: "share" },
      { name: "Verdict", format: "text" },
    ],
    rows,
  };
}

/** Relative where there is something to relate to, else in the metric's unit. */
function changeCells(
  metric: MetricFacts,
  treatment: TreatmentFacts,
): { estimate: Cell; interval: Cell; sequential: Cell } {
  const relative = relativeOf(metric, treatment);
  const format = relative === null ? changeFormatOf(metric.unit) : "change";
  const cell = (value: number | Pair | null): Cell => ({ value, format });
  if (relative !== null) {
    return {
      estimate: cell(relative.estimate),
      interval: cell(relative.interval),
      sequential: cell(relative.sequential),
    };
  }
  return {
    estimate: cell(treatment.change?.absolute ?? null),
    interval: cell(treatment.interval),
    sequential: cell(treatment.sequential_interval),
  };
}
