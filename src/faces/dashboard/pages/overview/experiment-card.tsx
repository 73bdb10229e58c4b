import { useLive } from "../../app/context.ts";
import { linkTo } from "../../app/router.ts";
import { PhaseBadge } from "../../parts/badge.tsx";
import { ShareBar } from "../../parts/share-bar.tsx";
import { Name, Num } from "../../parts/text.tsx";
import { VariantName } from "../../parts/variant-mark.tsx";
import { describeStand, successRateOf } from "../../words/stand.ts";
import type { LiveTraffic, LiveVariant } from "../../words/stand.ts";
import { RateLine } from "./rate-line.tsx";

/** More variants than this are told on the experiment's own page. */
const rowsMax = 6;

/** One experiment at a glance: how it stands, and each variant's figures. */
export function ExperimentCard({ experiment }: { experiment: string }) {
  const traffic = useLive((document) => document.traffic[experiment], [experiment]);
  if (traffic === undefined) return null;
  const variants = Object.values(traffic.variants);
  return (
    <article class="card experiment-card" aria-label={experiment}>
      <Head experiment={experiment} traffic={traffic} />
      <ShareBar
        parts={variants.map(({ key, configured_share: configured, observed_share: observed }) => ({
          name: key,
          configured,
          observed,
        }))}
      />
      <table class="card-table">
        <caption class="visually-hidden">Variants of {experiment}</caption>
        <thead>
          <tr>
            <th scope="col">Variant</th>
            <th scope="col">Share</th>
            <th scope="col">Requests</th>
            <th scope="col">Success</th>
            <th scope="col">p95</th>
          </tr>
        </thead>
        <tbody>
          {variants.slice(0, rowsMax).map((variant, at) => (
            <VariantRow key={variant.key} variant={variant} at={at} />
          ))}
        </tbody>
      </table>
      {variants.length > rowsMax && (
        <p class="muted small">and {variants.length - rowsMax} more variants</p>
      )}
      <RateLine experiment={experiment} keys={variants.slice(0, rowsMax).map(({ key }) => key)} />
    </article>
  );
}

function Head({ experiment, traffic }: { experiment: string; traffic: LiveTraffic }) {
  const rollout = useLive((document) => document.rollouts[experiment], [experiment]);
  const lifecycle = useLive((document) => document.experiments[experiment], [experiment]);
  const { phase, says, because } = describeStand(traffic, rollout, lifecycle);
  return (
    <header class="experiment-head">
      <div class="experiment-title">
        <h2>
          <a href={linkTo("experiment", experiment)}>
            <Name>{experiment}</Name>
          </a>
        </h2>
        <PhaseBadge phase={phase} />
      </div>
      <p class="stand" dir="auto">
        {says}
      </p>
      {because !== null && (
        <p class="because" dir="auto" title={because}>
          {because}
        </p>
      )}
      {rollout !== undefined && (
        <a class="small" href={linkTo("rollout", experiment)}>
          Steps and guardrails<span class="visually-hidden"> of {experiment}</span>
        </a>
      )}
    </header>
  );
}

function VariantRow({ variant, at }: { variant: LiveVariant; at: number }) {
  return (
    <tr>
      <th scope="row">
        <VariantName at={at} name={variant.key} isControl={variant.control} />
      </th>
      <td>
        <Num value={variant.configured_share} unit="share" />
      </td>
      <td>
        <Num value={variant.requests_per_second} unit="per_second" />
      </td>
      <td>
        <Num value={successRateOf(variant)} unit="share" />
      </td>
      <td>
        <Num value={variant.latency_ms?.p95} unit="ms" />
      </td>
    </tr>
  );
}
