import { useLive } from "../../app/context.ts";
import { Card } from "../../parts/card.tsx";
import { ShareBar } from "../../parts/share-bar.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Num } from "../../parts/text.tsx";
import { VariantName } from "../../parts/variant-mark.tsx";
import { formatShare } from "../../words/numbers.ts";
import { successRateOf } from "../../words/stand.ts";
import type { LiveVariant } from "../../words/stand.ts";

type Row = LiveVariant & { readonly at: number };

const columns: readonly Column<Row>[] = [
  {
    key: "variant",
    title: "Variant",
    isHead: true,
    cell: ({ key, at, control }) => <VariantName at={at} name={key} isControl={control} />,
  },
  { key: "upstream", title: "Upstream", cell: ({ upstream }) => <Name>{upstream}</Name> },
  number("share", "Share", "As configured", "share", (row) => row.configured_share),
  number(
    "observed",
    "Observed",
    "Of the requests in this split",
    "share",
    (row) => row.observed_share,
  ),
  number(
    "rate",
    "Requests",
    "Over the last ten seconds",
    "per_second",
    (row) => row.requests_per_second,
  ),
  number("requests", "Finished", "Since the split is as it is", "count", (row) => row.requests),
  number("users", "Users", "Distinct, since the split is as it is", "count", (row) => row.users),
  number("flight", "In flight", "Not yet answered", "count", (row) => row.in_flight),
  number("success", "Success", "Of finished requests", "share", successRateOf),
  number("p50", "p50", "Half were answered within", "ms", (row) => row.latency_ms?.p50),
  number("p95", "p95", "95 of 100 were answered within", "ms", (row) => row.latency_ms?.p95),
  number("p99", "p99", "99 of 100 were answered within", "ms", (row) => row.latency_ms?.p99),
];

function number(
  key: string,
  title: string,
  hint: string,
  unit: "share" | "per_second" | "count" | "ms",
  pick: (row: Row) => number | null | undefined,
): Column<Row> {
  return {
    key,
    title,
    hint,
    isNumber: true,
    cell: (row) => <Num value={pick(row)} unit={unit} />,
  };
}

/** The variants as they are now. */
export function VariantsCard({ experiment }: { experiment: string }) {
  const traffic = useLive((document) => document.traffic[experiment], [experiment]);
  if (traffic === undefined) return null;
  const variants = Object.values(traffic.variants);
  const { coverage, strategy, epoch } = traffic;
  return (
    <Card
      title="Now"
      aside={
        <span class="muted small">
          {strategy.replaceAll("_", " ")}
          {coverage < 1 && `, ${formatShare(coverage)} of users enrolled`}, split no. {epoch}
        </span>
      }
    >
      <div class="stack">
        <ShareBar
          parts={variants.map(
            ({ key, configured_share: configured, observed_share: observed }) => ({
              name: key,
              configured,
              observed,
            }),
          )}
        />
        <Table
          caption={`The variants of ${experiment} now`}
          columns={columns}
          rows={variants.map((variant, at) => Object.assign({ at }, variant))}
          rowKey={({ key }) => key}
        />
      </div>
    </Card>
  );
}
