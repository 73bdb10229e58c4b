import { useLive } from "../../app/context.ts";
import { Card } from "../../parts/card.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Explained, Num } from "../../parts/text.tsx";
import { VariantName } from "../../parts/variant-mark.tsx";
import { describeMetric } from "../../words/metrics.ts";
import {
  countOf,
  formatChange,
  formatCount,
  formatMs,
  formatProbability,
} from "../../words/numbers.ts";
import type { LiveVariant } from "../../words/stand.ts";

type Copies = NonNullable<LiveVariant["copies"]>;
type Row = { readonly key: string; readonly at: number; readonly copies: Copies };

/** How answers to copies of requests compare with the control's; nothing where none are made. */
export function ShadowCard({ experiment }: { experiment: string }) {
  const variants = useLive((document) => document.traffic[experiment]?.variants, [experiment]);
  const shadowed = Object.values(variants ?? {}).flatMap(({ key, copies }, at) =>
    copies === null ? [] : [{ key, copies, at }],
  );
  if (shadowed.length === 0) return null;
  return (
    <Card title="Shadow comparison">
      <div class="stack">
        <p class="muted">
          Copies of requests that nobody was answered with: the same question to both, side by side.
        </p>
        <Table
          caption={`Answers to copies of requests of ${experiment}`}
          columns={columnsOf(shadowed)}
          rows={shadowed}
          rowKey={({ key }) => key}
        />
        {shadowed.map(({ key, at, copies: { paired } }) =>
          paired === null ? null : (
            <section key={key} class="stack shadow" aria-label={`Times of ${key}`}>
              <h3>
                <VariantName at={at} name={key} />
              </h3>
              <Paired paired={paired} />
            </section>
          ),
        )}
      </div>
    </Card>
  );
}

/** A column for each thing that answers were compared by. */
function columnsOf(rows: readonly Row[]): Column<Row>[] {
  const metrics = [...new Set(rows.flatMap(({ copies }) => Object.keys(copies.metrics)))];
  return [
    {
      key: "variant",
      title: "Variant",
      isHead: true,
      cell: ({ key, at }) => <VariantName at={at} name={key} />,
    },
    {
      key: "copies",
      title: "Copies",
      isNumber: true,
      cell: ({ copies }) => <Num value={copies.requests} unit="count" />,
    },
    {
      key: "success",
      title: "Success",
      isNumber: true,
      cell: ({ copies }) => <Num value={copies.success_rate} unit="share" />,
    },
    {
      key: "p95",
      title: "p95",
      isNumber: true,
      cell: ({ copies }) => <Num value={copies.latency_ms?.p95} unit="ms" />,
    },
    ...metrics.map((name): Column<Row> => ({
      key: name,
      title: describeMetric(name),
      isNumber: true,
      cell: ({ copies: { metrics: values } }) => (
        <Num
          value={values[name]?.mean}
          title={`mean of ${countOf(values[name]?.count ?? 0, "pair")}`}
        />
      ),
    })),
    {
      key: "refused",
      title: "Not compared because",
      cell: ({ copies: { refused } }) => <span class="small">{describeRefusals(refused)}</span>,
    },
  ];
}

function describeRefusals(refused: Copies["refused"]): string {
  const parts = Object.entries(refused).map(
    ([reason, count]) => `${reason.replaceAll("_", " ")} (${formatCount(count)})`,
  );
  return parts.length === 0 ? "all were" : parts.join(", ");
}

function Paired({ paired }: { paired: NonNullable<Copies["paired"]> }) {
  const { pairs, slower, faster, mean_ms: mean, median_ms: median } = paired;
  const { interval_ms: interval, t_p_value: t, wilcoxon_p_value: wilcoxon } = paired;
  const direction = median > 0 ? "slower" : "faster";
  return (
    <>
      <p>
        In half of the {countOf(pairs, "pair")} it was at least {formatMs(Math.abs(median))}{" "}
        {direction}; slower in {slower}, faster in {faster}. On average {formatChange(mean, "ms")}
        {interval !== null &&
          `, between ${formatChange(interval[0], "ms")} and ${formatChange(interval[1], "ms")} (95 %)`}
        .
      </p>
      <Explained
        term={`Paired t-test p ${formatProbability(t)}, Wilcoxon p ${formatProbability(wilcoxon)}`}
      >
        <p>
          How likely differences like these are by chance alone, for one look. Pairs are of the same
          request, so that easy and hard questions do not blur the comparison. The second test asks
          only which of the two was quicker and by how much in rank, and does not mind outliers.
        </p>
      </Explained>
    </>
  );
}
