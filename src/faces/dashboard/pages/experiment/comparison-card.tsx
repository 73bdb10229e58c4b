import type { Comparison } from "../../../../wire/comparison-api.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Failure, Loading, Stat, Stats } from "../../parts/card.tsx";
import { Age, Explained, Num } from "../../parts/text.tsx";
import { useRequest } from "../../parts/use-request.ts";
import { formatShare } from "../../words/numbers.ts";
import { ComparisonTable } from "./comparison-table.tsx";

const askEveryMs = 5000;

/** What the numbers prove: the answer in words, then the numbers. */
export function ComparisonCard({ experiment }: { experiment: string }) {
  const { body, failure, reload } = useRequest<Comparison>(
    (api, signal) =>
      api.get(`v1/experiments/${encodeURIComponent(experiment)}/comparison`, {}, signal),
    [experiment],
    askEveryMs,
  );
  return (
    <Card title="What the numbers prove">
      {failure !== null && <Failure says={failure} retry={reload} />}
      {body === null && failure === null && <Loading what="the comparison" />}
      {body !== null && <Told comparison={body} />}
    </Card>
  );
}

function Told({ comparison }: { comparison: Comparison }) {
  const { summary, since, randomised, confidence, min_effect: minEffect } = comparison;
  const { sample_ratio: ratio, metrics } = comparison;
  return (
    <div class="stack">
      <p class="summary" dir="auto">
        {summary}
      </p>
      <Stats>
        <Stat label="Compared since">
          <Age at={since} />
        </Stat>
        <Stat label="Randomised">{randomised}</Stat>
        <Stat label="Confidence">
          <Num value={confidence} unit="share" />
        </Stat>
        <Stat label="Smallest effect asked for">
          <Num value={minEffect} unit="share" />
        </Stat>
        <Stat label="Split as configured">
          <SampleRatio ratio={ratio} />
        </Stat>
      </Stats>
      <Explained term="Is the split as configured?">
        <p>{ratio.says}</p>
        <p>
          Expected{" "}
          {Object.entries(ratio.expected)
            .map(([variant, share]) => `${variant} ${formatShare(share)}`)
            .join(", ")}
          . A split that is not as configured means that users get lost on the way to one variant,
          and then no other number here can be trusted.
        </p>
      </Explained>
      {metrics.length > 0 && <ComparisonTable comparison={comparison} />}
    </div>
  );
}

function SampleRatio({ ratio: { verdict, says } }: { ratio: Comparison["sample_ratio"] }) {
  if (verdict === "ok") {
    return (
      <Badge tone="good" icon="ok" title={says}>
        yes
      </Badge>
    );
  }
  const isMismatch = verdict === "mismatch";
  return (
    <Badge tone={isMismatch ? "bad" : "quiet"} icon={isMismatch ? "breach" : "wait"} title={says}>
      {isMismatch ? "no: mismatch" : "not known yet"}
    </Badge>
  );
}
