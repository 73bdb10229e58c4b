import type { Comparison } from "../../../../wire/comparison-api.ts";
import { VerdictBadge } from "../../parts/badge.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Num } from "../../parts/text.tsx";
import { formatChange, formatDifference, formatProbability, unknown } from "../../words/numbers.ts";
import type { Unit } from "../../words/numbers.ts";
import { describeMetric } from "../../words/metrics.ts";

type Metric = Comparison["metrics"][number];
type Row = { readonly metric: Metric; readonly treatment: Metric["treatments"][number] };

const columns: readonly Column<Row>[] = [
  {
    key: "metric",
    title: "Metric",
    isHead: true,
    cell: ({ metric: { metric, primary, direction } }) => (
      <>
        <span title={`${direction} is better`}>{describeMetric(metric)}</span>{" "}
        {primary && <span class="tag">decides</span>}
      </>
    ),
  },
  { key: "variant", title: "Variant", cell: ({ treatment }) => <Name>{treatment.variant}</Name> },
  {
    key: "control",
    title: "Control",
    isNumber: true,
    cell: ({ metric }) => <Num value={metric.control.value} unit={metric.unit} />,
  },
  {
    key: "value",
    title: "Its value",
    isNumber: true,
    cell: ({ metric, treatment }) => <Num value={treatment.value} unit={metric.unit} />,
  },
  {
    key: "change",
    title: "Change",
    hint: "The variant's value minus the control's",
    isNumber: true,
    cell: ({ metric: { unit }, treatment: { change } }) => <Change change={change} unit={unit} />,
  },
  {
    key: "sequential",
    title: "Interval at every look",
    hint: "Where the change surely lies, however often you look",
    isNumber: true,
    cell: ({ metric, treatment }) => (
      <>
        <Interval interval={treatment.sequential_interval} unit={metric.unit} />
        <br />
        <span class="muted small">
          one look: <Interval interval={treatment.interval} unit={metric.unit} />
        </span>
      </>
    ),
  },
  {
    key: "p",
    title: "p at every look",
    hint: "How likely a difference like this is by chance alone; valid however often you look",
    isNumber: true,
    cell: ({ treatment }) => (
      <>
        <span class="num">{formatProbability(treatment.sequential_p_value)}</span>
        <br />
        <span class="muted small" title={treatment.test}>
          one look: {formatProbability(treatment.p_value)}
        </span>
      </>
    ),
  },
  {
    key: "power",
    title: "Power",
    hint: "How likely the smallest effect asked for would be seen with the users so far",
    isNumber: true,
    cell: ({ treatment }) => <Num value={treatment.power} unit="share" />,
  },
  {
    key: "users",
    title: "Users",
    hint: "In the smaller arm so far, and how many it takes",
    isNumber: true,
    cell: ({ metric, treatment }) => (
      <>
        <Num value={Math.min(metric.control.users, treatment.users)} unit="count" />
        <br />
        <span class="muted small">
          of <Num value={treatment.users_needed} unit="count" />
        </span>
      </>
    ),
  },
  {
    key: "verdict",
    title: "What it means",
    cell: ({ treatment: { verdict, says } }) => (
      <details class="meaning">
        <summary>
          <VerdictBadge verdict={verdict} />
          <Icon name="chevron" />
        </summary>
        <p class="muted small" dir="auto">
          {says}
        </p>
      </details>
    ),
  },
];

/** With more rows than this the metrics that do not decide are folded away. */
const rowsMax = 8;

/** Every metric of every treatment beside the control, the one that decides first. */
export function ComparisonTable({ comparison }: { comparison: Comparison }) {
  const rows = comparison.metrics.flatMap((metric) =>
    metric.treatments.map((treatment) => ({ metric, treatment })),
  );
  if (rows.length <= rowsMax) return <Rows comparison={comparison} rows={rows} />;
  const [first, ...rest] = comparison.metrics;
  return (
    <>
      <Rows comparison={comparison} rows={rows.filter(({ metric }) => metric === first)} />
      {rest.map((metric) => (
        <details key={metric.metric} class="fold">
          <summary>{describeMetric(metric.metric)}</summary>
          <Rows
            comparison={comparison}
            rows={metric.treatments.map((treatment) => ({ metric, treatment }))}
          />
        </details>
      ))}
    </>
  );
}

function Rows({ comparison, rows }: { comparison: Comparison; rows: readonly Row[] }) {
  const names = [...new Set(rows.map(({ metric }) => describeMetric(metric.metric)))];
  return (
    <Table
      caption={`Comparison of the variants of ${comparison.experiment}: ${names.join(", ")}`}
      columns={columns}
      rows={rows}
      rowKey={({ metric, treatment }) => `${metric.metric} ${treatment.variant}`}
    />
  );
}

function Change({ change, unit }: { change: Row["treatment"]["change"]; unit: Unit }) {
  const absolute = formatDifference(change?.absolute, unit);
  if (change === null || change.relative === null) return <strong class="num">{absolute}</strong>;
  return (
    <>
      <strong class="num">{formatChange(change.relative, "share")}</strong>
      <br />
      <span class="muted small num">{absolute}</span>
    </>
  );
}

function Interval({ interval, unit }: { interval: readonly [number, number] | null; unit: Unit }) {
  if (interval === null) return <span title="unknown">{unknown}</span>;
  const [low, high] = interval;
  return (
    <span class="num" title={`${low} to ${high}`}>
      {formatDifference(low, unit)} … {formatDifference(high, unit)}
    </span>
  );
}
