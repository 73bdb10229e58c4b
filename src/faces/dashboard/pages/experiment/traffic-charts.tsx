import { useApp, useLive } from "../../app/context.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { Card } from "../../parts/card.tsx";

const rangeMs = 10 * 60_000;

/** What each variant does, over time. */
export function TrafficCharts({ experiment }: { experiment: string }) {
  const { recent } = useApp();
  const keys = useLive(
    (document) => JSON.stringify(Object.keys(document.traffic[experiment]?.variants ?? {})),
    [experiment],
  );
  const toMs = recent.lastMs.value;
  const variants = JSON.parse(keys ?? "[]") as string[];
  const series = variants.map((key) => recent.samples(experiment, key));
  const atMs = (series[0] ?? []).map((sample) => sample.atMs);
  return (
    <Card title="Traffic">
      <TimeChart
        title="Requests per second"
        unit="per_second"
        data={{
          atMs,
          lines: variants.map((key, at) => ({
            key,
            label: key,
            look: at,
            values: atMs.map((_, index) => series[at]?.at(index - atMs.length)?.perSecond ?? null),
          })),
          range: { fromMs: toMs - rangeMs, toMs },
        }}
      />
    </Card>
  );
}
