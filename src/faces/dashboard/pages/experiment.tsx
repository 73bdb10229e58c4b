import { useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import type { PageProps } from "../app/routes.ts";
import { PhaseBadge } from "../parts/badge.tsx";
import { EmptyState, Loading } from "../parts/card.tsx";
import { ErrorBoundary } from "../parts/error-boundary.tsx";
import { Name } from "../parts/text.tsx";
import { describeStand } from "../words/stand.ts";
import { BreakdownCards } from "./experiment/breakdown-card.tsx";
import { ComparisonCard } from "./experiment/comparison-card.tsx";
import { CompatibilityCard } from "./experiment/compatibility-card.tsx";
import { DecisionCard } from "./experiment/decision-card.tsx";
import { JournalCard } from "./experiment/journal-card.tsx";
import { LifecycleCommands } from "./experiment/lifecycle-commands.tsx";
import { ShadowCard } from "./experiment/shadow-card.tsx";
import { TrafficCharts } from "./experiment/traffic-charts.tsx";
import { VariantsCard } from "./experiment/variants-card.tsx";
import { WritesCard } from "./experiment/writes-card.tsx";

/** One experiment: how it stands and why, what the numbers prove, and what its variants do now. */
export function ExperimentPage({ params: [experiment = ""] }: PageProps) {
  const isKnown = useLive((document) => document.traffic[experiment] !== undefined, [experiment]);
  return (
    <Page
      title={experiment}
      heading={<Name wraps>{experiment}</Name>}
      aside={isKnown === true && <LifecycleCommands experiment={experiment} />}
    >
      {isKnown === undefined && <Loading what="the experiment" />}
      {isKnown === false && (
        <EmptyState title="There is no experiment of this name.">
          <a href={linkTo()}>All experiments</a>
        </EmptyState>
      )}
      {isKnown === true && (
        <>
          <StandLine experiment={experiment} />
          <CompatibilityCard experiment={experiment} />
          <DecisionCard experiment={experiment} />
          <ErrorBoundary what="The comparison">
            <ComparisonCard experiment={experiment} />
          </ErrorBoundary>
          <VariantsCard experiment={experiment} />
          <ErrorBoundary what="The charts">
            <TrafficCharts experiment={experiment} />
          </ErrorBoundary>
          <ErrorBoundary what="The distribution">
            <BreakdownCards experiment={experiment} />
          </ErrorBoundary>
          <ShadowCard experiment={experiment} />
          <WritesCard experiment={experiment} />
          <JournalCard experiment={experiment} />
        </>
      )}
    </Page>
  );
}

function StandLine({ experiment }: { experiment: string }) {
  const traffic = useLive((document) => document.traffic[experiment], [experiment]);
  const rollout = useLive((document) => document.rollouts[experiment], [experiment]);
  const lifecycle = useLive((document) => document.experiments[experiment], [experiment]);
  if (traffic === undefined) return null;
  const { phase, says, because } = describeStand(traffic, rollout, lifecycle);
  return (
    <div class="stand-line">
      <PhaseBadge phase={phase} />
      <p class="stand" dir="auto">
        {says}
      </p>
      {because !== null && (
        <p class="muted" dir="auto">
          {because}
        </p>
      )}
      {rollout !== undefined && (
        <a class="button" href={linkTo("rollout", experiment)}>
          Steps and guardrails
        </a>
      )}
    </div>
  );
}
