import type { Arms } from "../arms.ts";
import type { Block, Table } from "../document.ts";
import type { CopiesFacts, PairedFacts, ReportFacts } from "../facts.ts";
import { capital, formatP, formatQuantity, formatValue, nameOf, plural } from "../text/format.ts";
import { latencyCells, latencyColumns, meansTable, type Mean } from "./columns.ts";

/** What copies of requests told, whose answers no user saw. */
export function describeShadow({ status }: ReportFacts, arms: Arms): readonly Block[] {
  const copied = (status?.variants ?? []).flatMap(({ key, copies }) =>
    copies === null ? [] : [{ variant: key, copies }],
  );
  if (copied.length === 0) return [];
  const blocks: Block[] = [copiesTable(copied)];
  const metrics = metricsTable(copied);
  if (metrics !== null) blocks.push(metrics);
  for (const { variant, copies } of copied) {
    if (copies.paired !== null) blocks.push(...describePairs(variant, copies.paired, arms));
    const refused = Object.entries(copies.refused).filter(([, count]) => count > 0);
    if (refused.length > 0) {
      const why = refused.map(
        ([reason, count]) => `${reason.replaceAll("_", " ")}: ${formatQuantity(count, "count")}`,
      );
      blocks.push({
        kind: "paragraph",
        text: `Answers of ${variant} that were not compared: ${why.join(", ")}.`,
      });
    }
  }
  return blocks;
}

type Copied = readonly { readonly variant: string; readonly copies: CopiesFacts }[];

function copiesTable(copied: Copied): Table {
  return {
    kind: "table",
    id: "copies",
    caption:
      "Copies of requests in the present split; no user got their answers, and no other figure contains them.",
    columns: [
      { name: "Variant", format: "text" },
      { name: "Copies", format: "count" },
      { name: "Success", format: "share" },
      ...latencyColumns,
    ],
    rows: copied.map(({ variant, copies: { requests, success_rate, latency_ms } }) => [
      variant,
      requests,
      success_rate,
      ...latencyCells(latency_ms),
    ]),
  };
}

function metricsTable(copied: Copied): Table | null {
  const means = copied.flatMap(({ variant, copies }) =>
    Object.entries(copies.metrics).map(([name, { mean, count }]): Mean => ({
      what: capital(nameOf(name)),
      variant,
      format: name.startsWith("latency_") ? "ms_change" : "number",
      mean,
      count,
    })),
  );
  const caption = "How its answers compare with the control's to the same requests: means.";
  return meansTable("copies_compared", caption, ["Measure", "Pairs"], means);
}

function describePairs(variant: string, paired: PairedFacts, arms: Arms): readonly Block[] {
  const { pairs, slower, faster, mean_ms, median_ms, interval_ms } = paired;
  const mean = formatValue(mean_ms, "ms_change");
  const tests = [
    paired.t_p_value === null ? null : `paired t-test p ${signed(paired.t_p_value)}`,
    paired.wilcoxon_p_value === null
      ? null
      : `Wilcoxon signed-rank p ${signed(paired.wilcoxon_p_value)}`,
  ].filter((each) => each !== null);
  const interval =
    interval_ms === null ? "" : ` (95 % interval ${formatQuantity(interval_ms, "ms_change")})`;
  return [
    {
      kind: "paragraph",
      text: `Of ${plural(pairs, "pair")} of answers to the same request, ${variant} took longer in ${formatValue(slower, "count")} and less long in ${formatValue(faster, "count")} than ${arms.control}: ${mean} on average${interval}, ${formatValue(median_ms, "ms_change")} in the median${tests.length === 0 ? "" : `; ${tests.join(", ")}, for one look`}. The answer to a copy comes after the user's, from caches that may be warm.`,
    },
  ];
}

function signed(p: number): string {
  const text = formatP(p);
  return text.startsWith("<") ? text : `= ${text}`;
}
