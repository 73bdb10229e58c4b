import type { Breakdown } from "../../../../wire/history-api.ts";
import { useApp } from "../../app/context.ts";
import { Distribution } from "../../charts/distribution.tsx";
import { rangeAt } from "../../charts/time-range.ts";
import { Card, EmptyState, Failure, Loading } from "../../parts/card.tsx";
import { useRangeChoice } from "../../parts/range-picker.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Num } from "../../parts/text.tsx";
import { useRequest } from "../../parts/use-request.ts";
import { VariantName } from "../../parts/variant-mark.tsx";
import { countOf } from "../../words/numbers.ts";

type Variant = Breakdown["variants"][number];
type RouteRow = Variant["routes"][number] & { readonly variant: string; readonly at: number };
type Percentile = keyof NonNullable<Variant["latency_ms"]>;

const askEveryMs = 5000;

/** How answers were spread: as a picture, as percentiles, and by route; over the stretch of time that the charts show. */
export function BreakdownCards({ experiment }: { experiment: string }) {
  const { live, clock } = useApp();
  const [choice] = useRangeChoice();
  const { body, failure, reload } = useRequest<Breakdown>(
    (api, signal) => {
      const { fromMs, toMs } = rangeAt(choice, live.nowMs.peek() ?? clock.wallMs());
      return api.get(
        `v1/experiments/${encodeURIComponent(experiment)}/breakdown`,
        { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
        signal,
      );
    },
    [experiment, choice],
    choice.kind === "fixed" ? null : askEveryMs,
  );
  if (body === null) {
    return (
      <Card title="How long answers took">
        {failure === null ? (
          <Loading what="the distribution" />
        ) : (
          <Failure says={failure} retry={reload} />
        )}
      </Card>
    );
  }
  const { variants } = body;
  if (variants.every(({ requests }) => requests === 0)) {
    return (
      <Card title="How long answers took">
        <EmptyState title="No request finished in this time." />
      </Card>
    );
  }
  const rows = variants.flatMap(({ variant, routes }, at) =>
    routes.map((route): RouteRow => Object.assign({ variant, at }, route)),
  );
  return (
    <>
      <Card title="How long answers took">
        <div class="stack">
          <Distribution
            title="Distribution of durations"
            lines={variants.map(({ variant, distribution, latency_ms: latency }, look) => ({
              label: variant,
              look,
              boundsMs: distribution.bounds_ms,
              counts: distribution.counts,
              p50Ms: latency?.p50 ?? null,
              p95Ms: latency?.p95 ?? null,
            }))}
          />
          <Table
            caption="Percentiles of durations by variant"
            columns={variantColumns}
            rows={variants.map((variant, at) => Object.assign({ at }, variant))}
            rowKey={({ variant }) => variant}
          />
        </div>
      </Card>
      <Card title="By route">
        <Table
          caption="Requests, success and durations by route and variant"
          columns={routeColumns}
          rows={rows}
          rowKey={({ route, variant }) => `${route} ${variant}`}
        />
      </Card>
    </>
  );
}

const percentiles: readonly (readonly [Percentile, string])[] = [
  ["mean", "Mean"],
  ["p50", "p50"],
  ["p75", "p75"],
  ["p90", "p90"],
  ["p95", "p95"],
  ["p99", "p99"],
  ["p99_9", "p99.9"],
  ["max", "Longest"],
];

function durationColumns<Row extends Pick<Variant, "latency_ms">>(
  of: readonly (readonly [Percentile, string])[],
): Column<Row>[] {
  return of.map(([name, title]) => ({
    key: name,
    title,
    isNumber: true,
    cell: ({ latency_ms: latency }) => <Num value={latency?.[name]} unit="ms" />,
    sortBy: ({ latency_ms: latency }) => latency?.[name] ?? null,
  }));
}

const variantColumns: readonly Column<Variant & { readonly at: number }>[] = [
  {
    key: "variant",
    title: "Variant",
    isHead: true,
    cell: ({ variant, at, control }) => <VariantName at={at} name={variant} isControl={control} />,
  },
  {
    key: "requests",
    title: "Requests",
    isNumber: true,
    cell: ({ requests }) => <Num value={requests} unit="count" />,
  },
  {
    key: "success",
    title: "Success",
    isNumber: true,
    cell: ({ success_rate: rate }) => <Num value={rate} unit="share" />,
  },
  ...durationColumns<Variant & { readonly at: number }>(percentiles),
  {
    key: "first_byte",
    title: "First byte p95",
    isNumber: true,
    cell: ({ first_byte_ms: firstByte }) => <Num value={firstByte?.p95} unit="ms" />,
  },
  {
    key: "failures",
    title: "Failed because",
    cell: ({ outcomes, failures }) => <span>{describeFailures(outcomes, failures)}</span>,
  },
];

const routeColumns: readonly Column<RouteRow>[] = [
  {
    key: "route",
    title: "Route",
    isHead: true,
    cell: ({ route }) => <Name>{route}</Name>,
    sortBy: ({ route }) => route,
  },
  {
    key: "variant",
    title: "Variant",
    cell: ({ variant, at }) => <VariantName at={at} name={variant} />,
    sortBy: ({ at }) => at,
  },
  {
    key: "requests",
    title: "Requests",
    isNumber: true,
    cell: ({ requests }) => <Num value={requests} unit="count" />,
    sortBy: ({ requests }) => requests,
  },
  {
    key: "success",
    title: "Success",
    isNumber: true,
    cell: ({ success_rate: rate }) => <Num value={rate} unit="share" />,
    sortBy: ({ success_rate: rate }) => rate,
  },
  ...durationColumns<RouteRow>(percentiles.filter(([name]) => /^p(?:50|95|99)$/.test(name))),
];

/** What bad answers were, the most frequent first. */
function describeFailures(outcomes: Variant["outcomes"], failures: Variant["failures"]): string {
  const parts = [...Object.entries(outcomes), ...Object.entries(failures)]
    .filter(([name, count]) => count > 0 && name !== "success" && name !== "bad_answer")
    .toSorted(([, one], [, other]) => other - one);
  if (parts.length === 0) return "nothing failed";
  return parts
    .map(([name, count]) => countOf(count, name.replaceAll("_", " "), name.replaceAll("_", " ")))
    .join(", ");
}
