import { useMemo, useState } from "preact/hooks";
import { useApp, useLive } from "../../app/context.ts";
import type { ChartData, ChartLine, Values } from "../../charts/chart-model.ts";
import { columnsOf, joinLive } from "../../charts/history-columns.ts";
import type { HistoryColumns, VariantColumns } from "../../charts/history-columns.ts";
import { marksOf } from "../../charts/marks.ts";
import { rangeAt } from "../../charts/time-range.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { Card, Failure } from "../../parts/card.tsx";
import { RangePicker, useRangeChoice } from "../../parts/range-picker.tsx";
import { Segments } from "../../parts/segments.tsx";
import { useHistory } from "../../parts/use-history.ts";

const latencies = { p50: "p50Ms", p95: "p95Ms", p99: "p99Ms" } as const;
const firstBytes = { p50: "firstByteP50Ms", p95: "firstByteP95Ms" } as const;
const tokens = { in: "tokensInPerSecond", out: "tokensOutPerSecond" } as const;

/** Where points of the page's own are added: in a longer range they are narrower than a pixel. */
const liveSpanMsMax = 15 * 60_000;

/** What each variant did over time, with what was decided meanwhile. */
export function TrafficCharts({ experiment }: { experiment: string }) {
  const [choice] = useRangeChoice();
  const { history, failure } = useHistory(experiment, choice);
  const told = useMemo(() => describeHistory(history), [history]);
  const { columns, range } = useJoined(experiment, told, choice);
  const keys = useVariantKeys(experiment, columns);
  const [latency, setLatency] = useState<keyof typeof latencies>("p95");
  const [firstByte, setFirstByte] = useState<keyof typeof firstBytes>("p95");
  const [chosen, setDirection] = useState<keyof typeof tokens | null>(null);

  const dataOf = (pick: (variant: VariantColumns) => Values): ChartData => ({
    atMs: columns.atMs,
    lines: linesOf(columns, keys, pick),
    marks: told.marks,
    range,
  });
  const all = Object.values(columns.variants);
  const hasOut = all.some(({ tokensOutPerSecond: out }) => hasAny(out));
  const hasTokens = hasOut || all.some(({ tokensInPerSecond: into }) => hasAny(into));
  const direction = chosen ?? (hasOut ? "out" : "in");
  const chart = { group: experiment, height: 190 };
  return (
    <Card title="Over time" aside={<RangePicker />}>
      {failure !== null && <Failure says={`The history cannot be shown: ${failure}`} />}
      <div class="charts">
        <TimeChart
          {...chart}
          title="Requests per second"
          unit="per_second"
          data={dataOf(({ perSecond }) => perSecond)}
        />
        <TimeChart
          {...chart}
          title="Success rate"
          unit="share"
          isFloating
          atLeast={1}
          data={dataOf(({ successRate }) => successRate)}
        />
        <TimeChart
          {...chart}
          title={`Latency ${latency}`}
          unit="ms"
          data={dataOf((variant) => variant[latencies[latency]])}
          aside={
            <Segments
              label="Percentile of latency"
              options={Object.keys(latencies) as (keyof typeof latencies)[]}
              value={latency}
              onChange={setLatency}
            />
          }
        />
        <TimeChart
          {...chart}
          title={`Time to first byte ${firstByte}`}
          unit="ms"
          data={dataOf((variant) => variant[firstBytes[firstByte]])}
          aside={
            <Segments
              label="Percentile of time to first byte"
              options={Object.keys(firstBytes) as (keyof typeof firstBytes)[]}
              value={firstByte}
              onChange={setFirstByte}
            />
          }
        />
        <TimeChart
          {...chart}
          title="Share of requests"
          unit="share"
          isStacked
          isStepped
          data={dataOf(({ share }) => share)}
        />
        {hasTokens && (
          <TimeChart
            {...chart}
            title={`Tokens ${direction} per second`}
            unit="per_second"
            data={dataOf((variant) => variant[tokens[direction]])}
            aside={
              <Segments
                label="Direction of tokens"
                options={Object.keys(tokens) as (keyof typeof tokens)[]}
                value={direction}
                onChange={setDirection}
              />
            }
          />
        )}
      </div>
    </Card>
  );
}

type Told = {
  readonly columns: HistoryColumns;
  readonly marks: ReturnType<typeof marksOf>;
  /** The end of the last stretch that is told; null without any. */
  readonly toMs: number | null;
  readonly fromMs: number | null;
};

function describeHistory(history: ReturnType<typeof useHistory>["history"]): Told {
  if (history === null) {
    return { columns: { atMs: [], variants: {} }, marks: [], toMs: null, fromMs: null };
  }
  const lastMs = history.at_ms.at(-1);
  const endMs = lastMs === undefined ? null : lastMs + history.step_seconds * 1000;
  return {
    columns: columnsOf(history, Date.parse(history.to)),
    marks: marksOf(history.marks),
    toMs: endMs,
    fromMs: history.at_ms[0] ?? null,
  };
}

/** History with the points of the page's own after it, and the range that is shown now. */
function useJoined(
  experiment: string,
  told: Told,
  choice: ReturnType<typeof useRangeChoice>[0],
): { readonly columns: HistoryColumns; readonly range: ChartData["range"] } {
  const { recent, clock } = useApp();
  const lastMs = recent.lastMs.value;
  const nowMs = Number.isFinite(lastMs) ? lastMs : clock.wallMs();
  const asked = rangeAt(choice, nowMs);
  const range =
    choice.kind === "all" ? { fromMs: told.fromMs ?? nowMs - 60_000, toMs: nowMs } : asked;
  const isLive = choice.kind === "last" && choice.spanMs <= liveSpanMsMax && told.toMs !== null;
  const columns = useMemo(() => {
    if (!isLive) return told.columns;
    const samples = Object.fromEntries(
      Object.keys(told.columns.variants).map((key) => [key, recent.samples(experiment, key)]),
    );
    return joinLive(told.columns, samples, told.toMs ?? nowMs);
  }, [told, isLive, isLive ? nowMs : 0, experiment]);
  return { columns, range };
}

/** Variants in their order of now, then those that there only were. */
function useVariantKeys(experiment: string, { variants }: HistoryColumns): readonly string[] {
  const present = useLive(
    (document) => JSON.stringify(Object.keys(document.traffic[experiment]?.variants ?? {})),
    [experiment],
  );
  return [...new Set([...(JSON.parse(present ?? "[]") as string[]), ...Object.keys(variants)])];
}

function linesOf(
  { atMs, variants }: HistoryColumns,
  keys: readonly string[],
  pick: (variant: VariantColumns) => Values,
): ChartLine[] {
  return keys.map((key, look) => {
    const variant = variants[key];
    return {
      key,
      label: key,
      look,
      values: variant === undefined ? atMs.map(() => null) : pick(variant),
    };
  });
}

function hasAny(values: Values): boolean {
  return values.some((value) => value !== null);
}
