import { useEffect, useState } from "preact/hooks";
import type { RolloutStatus } from "../../../../wire/admin-api.ts";
import type { VerdictHistory } from "../../../../wire/history-api.ts";
import { useApp, useLive } from "../../app/context.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import type { ChartMark, TimeRange } from "../../charts/chart-model.ts";
import { marksOf } from "../../charts/marks.ts";
import { rangeAt } from "../../charts/time-range.ts";
import { Badge, VerdictBadge } from "../../parts/badge.tsx";
import { Card, EmptyState, Stat, Stats } from "../../parts/card.tsx";
import { RangePicker, useRangeChoice } from "../../parts/range-picker.tsx";
import { Num } from "../../parts/text.tsx";
import { useRequest } from "../../parts/use-request.ts";
import { formatProbability, formatValue } from "../../words/numbers.ts";
import { describeGuardrail } from "../../words/rollout.ts";
import { addSample, joinSeries } from "./verdict-series.ts";
import type { VerdictSample } from "./verdict-series.ts";

type Verdict = RolloutStatus["verdicts"][number];

const askEveryMs = 10_000;
const pointsMax = 400;
const rangeMsMin = 60_000;
const onBreach = { rollback: "rolls back", pause: "pauses", alert: "alerts only" } as const;

/** Each guardrail: its verdict, why, and the evidence over time. */
export function Guardrails({ rollout }: { rollout: RolloutStatus }) {
  const { live, clock } = useApp();
  const { experiment, verdicts } = rollout;
  const [choice] = useRangeChoice();
  const samples = useSamples(experiment);
  const places = useLive(
    (document) => {
      const variants = Object.values(document.traffic[experiment]?.variants ?? {});
      return variants.findIndex(({ control }) => control);
    },
    [experiment],
  );
  const nowMs = live.nowMs.value ?? clock.wallMs();
  const { body: history } = useRequest<VerdictHistory>(
    (api, signal) => {
      const { fromMs, toMs } = rangeAt(choice, live.nowMs.peek() ?? clock.wallMs());
      const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      const path = `v1/rollouts/${encodeURIComponent(experiment)}/verdicts`;
      return api.get(path, { ...range, points: pointsMax }, signal);
    },
    [experiment, choice],
    choice.kind === "fixed" ? null : askEveryMs,
  );
  const asked = rangeAt(choice, nowMs);
  const firstMs = Math.min(...(history?.guardrails ?? []).map(({ at_ms: at }) => at[0] ?? nowMs));
  const seenMs = Math.min(firstMs, samples[0]?.atMs ?? nowMs, nowMs - rangeMsMin);
  // No room for the time before anything was judged.
  const range =
    choice.kind === "fixed" ? asked : { fromMs: Math.max(asked.fromMs, seenMs), toMs: asked.toMs };
  const marks = marksOf(history?.marks ?? []);
  if (verdicts.length === 0 && (history?.guardrails.length ?? 0) === 0) {
    return (
      <Card title="Guardrails">
        <EmptyState title={whyEmpty(rollout)} />
      </Card>
    );
  }
  return (
    <section class="stack" aria-labelledby="guardrails-title">
      <header class="section-head">
        <h2 id="guardrails-title">Guardrails</h2>
        <RangePicker />
      </header>
      <div class="guardrails">
        {namesOf(verdicts, history).map((name) => (
          <GuardrailCard
            key={name}
            name={name}
            verdict={verdicts.find(({ guardrail }) => guardrail === name) ?? null}
            history={history}
            samples={samples}
            range={range}
            marks={marks}
            controlAt={places ?? 0}
            isOver={isOver(rollout)}
          />
        ))}
      </div>
    </section>
  );
}

function namesOf(verdicts: readonly Verdict[], history: VerdictHistory | null): readonly string[] {
  const live = verdicts.map(({ guardrail }) => guardrail);
  const kept = (history?.guardrails ?? []).map(({ guardrail }) => guardrail);
  return [...new Set([...live, ...kept])];
}

function isOver({ phase }: RolloutStatus): boolean {
  return phase === "rolled_back" || phase === "promoted";
}

function whyEmpty({ phase }: RolloutStatus): string {
  return phase === "waiting" || phase === "rolled_back" || phase === "promoted"
    ? "Nothing is judged now. Guardrails watch while the rollout is under way."
    : "No guardrail has judged yet.";
}

/** What this page saw of the verdicts since it opened. */
function useSamples(experiment: string): readonly VerdictSample[] {
  const { live } = useApp();
  const [samples, setSamples] = useState<readonly VerdictSample[]>([]);
  useEffect(
    () =>
      live.onFrame((document, atMs) => {
        const rollout = document.rollouts[experiment];
        // What was judged last stands on when all is over, but nothing is measured any more.
        if (rollout === undefined || isOver(rollout)) return;
        const { verdicts } = rollout;
        setSamples((before) => addSample(before, { atMs, verdicts }));
      }),
    [live, experiment],
  );
  return samples;
}

function GuardrailCard({
  name,
  verdict,
  history,
  samples,
  range,
  marks,
  controlAt,
  isOver,
}: {
  name: string;
  verdict: Verdict | null;
  history: VerdictHistory | null;
  samples: readonly VerdictSample[];
  range: TimeRange;
  marks: readonly ChartMark[];
  controlAt: number;
  isOver: boolean;
}) {
  const series = joinSeries(name, history, samples, range);
  const kept = history?.guardrails.find(({ guardrail }) => guardrail === name);
  const unit = verdict?.unit ?? kept?.unit ?? "number";
  const title = describeGuardrail(name, unit);
  const treatmentAt = controlAt === 0 ? 1 : 0;
  const hasControl = series.control.some((value) => value !== null);
  const lines = [
    line("treatment", treatmentAt, series.value),
    ...(hasControl ? [line("control", controlAt, series.control)] : []),
    line("limit", "limit" as const, series.limit),
  ];
  const consequence = verdict?.on_breach ?? kept?.on_breach ?? "rollback";
  const isDryRun = verdict?.dry_run ?? kept?.dry_run ?? false;
  return (
    <Card
      level={3}
      class="guardrail"
      title={<bdi title={name}>{title}</bdi>}
      aside={
        <>
          <span class="tag" title="What a breach does">
            {isDryRun ? "dry run" : onBreach[consequence]}
          </span>
          {verdict !== null && <VerdictBadge verdict={verdict.verdict} />}
          {verdict === null && (
            <Badge tone="quiet" icon="dot">
              not judged now
            </Badge>
          )}
        </>
      }
    >
      {verdict !== null && (
        <p class="guardrail-reason" dir="auto">
          {isOver && <span class="muted">At the last look: </span>}
          {verdict.reason}
        </p>
      )}
      {verdict !== null && (
        <Stats>
          <Stat label="Treatment">
            <Num value={verdict.value} unit={unit} />
          </Stat>
          <Stat label="95 % interval">
            {verdict.interval === null ? (
              <Num value={null} />
            ) : (
              <span class="num">
                {formatValue(verdict.interval[0], unit)} – {formatValue(verdict.interval[1], unit)}
              </span>
            )}
          </Stat>
          <Stat label="Control">
            <Num value={verdict.control} unit={unit} />
          </Stat>
          <Stat label="Limit">
            <Num value={verdict.limit} unit={unit} />
          </Stat>
          <Stat label="n">
            <Num value={verdict.requests} unit="count" />
          </Stat>
          <Stat label="p at every look">
            <span class="num">{formatProbability(verdict.p_value)}</span>
          </Stat>
        </Stats>
      )}
      <TimeChart
        title={`${title} over time`}
        unit={unit}
        height={170}
        group="guardrails"
        data={{
          atMs: series.atMs,
          lines,
          band: { label: "95 % interval", look: treatmentAt, low: series.low, high: series.high },
          marks,
          range,
        }}
      />
    </Card>
  );
}

function line(key: string, look: number | "limit", values: readonly (number | null)[]) {
  return { key, label: key, look, values };
}
