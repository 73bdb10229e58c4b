import type { ExperimentLifecycleStatus } from "../../../../wire/experiments-api.ts";
import { useLive } from "../../app/context.ts";
import { VerdictBadge } from "../../parts/badge.tsx";
import { Card, Stat, Stats } from "../../parts/card.tsx";
import { Table } from "../../parts/table.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Num } from "../../parts/text.tsx";
import { describeMetric } from "../../words/metrics.ts";
import { formatChange, formatNumber, formatProbability } from "../../words/numbers.ts";

type Arm = ExperimentLifecycleStatus["arms"][number];

const columns: readonly Column<Arm>[] = [
  { key: "variant", title: "Variant", isHead: true, cell: ({ variant }) => <Name>{variant}</Name> },
  { key: "outcome", title: "Outcome", cell: ({ outcome }) => <VerdictBadge verdict={outcome} /> },
  {
    key: "change",
    title: "Change",
    hint: "Treatment minus control; lower is better",
    isNumber: true,
    cell: ({ estimate, unit }) => <span class="num">{changeOf(estimate, unit)}</span>,
  },
  {
    key: "interval",
    title: "Interval at every look",
    isNumber: true,
    cell: ({ interval, unit }) => (
      <span class="num">
        {changeOf(interval?.[0] ?? null, unit)} … {changeOf(interval?.[1] ?? null, unit)}
      </span>
    ),
  },
  {
    key: "p",
    title: "p at every look",
    isNumber: true,
    cell: ({ p_value: p }) => <span class="num">{formatProbability(p)}</span>,
  },
  {
    key: "reason",
    title: "What decides it",
    cell: ({ reason }) => <span dir="auto">{reason}</span>,
  },
];

/** On which numbers an experiment ended; while it runs, the comparison tells. */
export function DecisionCard({ experiment }: { experiment: string }) {
  const life = useLive((document) => document.experiments[experiment], [experiment]);
  if (life === undefined || (life.phase !== "ended" && life.phase !== "archived")) return null;
  if (life.arms.length === 0) return null;
  const { primary, users, requests, ran_seconds: ranSeconds, arms } = life;
  return (
    <Card title="How it was decided">
      <div class="stack">
        <Stats>
          <Stat label="Decided on">{primary === null ? "–" : describeMetric(primary)}</Stat>
          <Stat label="Ran for">
            <Num value={ranSeconds} unit="seconds" />
          </Stat>
          <Stat label="Users in the smallest arm">
            <Num value={users} unit="count" />
          </Stat>
          <Stat label="Their requests">
            <Num value={requests} unit="count" />
          </Stat>
        </Stats>
        <Table
          caption={`How ${experiment} was decided`}
          columns={columns}
          rows={arms}
          rowKey={({ variant }) => variant}
        />
      </div>
    </Card>
  );
}

function changeOf(value: number | null, unit: Arm["unit"]): string {
  if (unit === "share") return formatChange(value, "share");
  return value !== null && value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}
