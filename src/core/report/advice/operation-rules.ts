import { wilsonInterval } from "../../statistics/z-test.ts";
import { failureShareOf, silentVariants, type Arms } from "../arms.ts";
import type { Advice } from "../document.ts";
import type { MeasuredVariant } from "../facts.ts";
import { formatCount, formatMs, formatQuantity, formatValue, listOf } from "../text/format.ts";
import type { Advised } from "./advise.ts";

/** What the traffic itself asks for, whatever the comparison says. These are hints: nothing here is tested. */
export function adviseOnOperation({ facts, arms, outcome }: Advised): readonly Advice[] {
  if (outcome === "empty") {
    return [
      {
        rule: "find_traffic",
        tone: "caution",
        title: "See whether requests reach the experiment",
        text: "npx sluice routes shows which route leads to it; an earlier --since shows what was before.",
        evidence: [
          { label: "Range", text: `${facts.range.from} to ${facts.range.to}` },
          { label: "Requests", text: "0" },
        ],
      },
    ];
  }
  return [
    ...wakeSilent(facts, arms),
    ...arms.treatments.flatMap((variant) => lookAtTail(arms, variant)),
    ...arms.all.flatMap((variant) => lookAtFailures(arms, variant)),
    ...arms.treatments.flatMap((variant) => lookAtRoutes(arms, variant)),
  ];
}

function wakeSilent(facts: Advised["facts"], arms: Arms): readonly Advice[] {
  const silent = silentVariants(facts, arms);
  if (silent.length === 0) return [];
  return [
    {
      rule: "wake_silent_variant",
      tone: "caution",
      title: `Find out why ${listOf(silent)} got nothing`,
      text: "Its upstream may be unhealthy, its users served by the control (on_unavailable), or its share may have begun only now: /v1/status shows all three.",
      evidence: arms.all.map((variant) => ({
        label: variant,
        text: `${formatCount(arms.measured(variant)?.requests ?? 0)} of ${formatCount(arms.requests)} requests`,
      })),
    },
  ];
}

/** Requests below which a tail says nothing. */
const tailRequestsMin = 1000;
const tailRatio = 1.5;

function lookAtTail(arms: Arms, variant: string): readonly Advice[] {
  const treatment = arms.measured(variant);
  const control = arms.measured(arms.control);
  if (treatment === null || control === null) return [];
  if (Math.min(treatment.requests, control.requests) < tailRequestsMin) return [];
  const [mine, theirs] = [treatment.latency_ms, control.latency_ms];
  if (mine === null || theirs === null || theirs.p99 === 0) return [];
  const ratio = mine.p99 / theirs.p99;
  if (ratio < tailRatio || mine.p50 > theirs.p50 * tailRatio) return [];
  return [
    {
      rule: "look_at_tail",
      tone: "caution",
      title: `Look at the slowest answers of ${variant}`,
      text: "Its usual answers are about as fast as the control's, its slowest much slower. A guardrail with slower_than holds a tail to a limit.",
      evidence: [
        {
          label: "99th percentile",
          text: `${formatMs(mine.p99)} against ${formatMs(theirs.p99)}: ${formatValue(ratio, "number")} times`,
        },
        { label: "Median", text: `${formatMs(mine.p50)} against ${formatMs(theirs.p50)}` },
        { label: "Requests", text: formatCount(treatment.requests) },
      ],
    },
  ];
}

const failuresMin = 20;
const failureShareMin = 0.01;

function lookAtFailures(arms: Arms, variant: string): readonly Advice[] {
  const measured = arms.measured(variant);
  if (measured === null || measured.requests === 0) return [];
  const [most] = causesOf(measured);
  if (most === undefined) return [];
  const [cause, count] = most;
  const share = count / measured.requests;
  if (count < failuresMin || share < failureShareMin) return [];
  return [
    {
      rule: "look_at_failures",
      tone: "caution",
      title: `Look into ${cause.replaceAll("_", " ")} of ${variant}`,
      text: "It is the most frequent cause of failure in this range.",
      evidence: [
        {
          label: cause.replaceAll("_", " "),
          text: `${formatCount(count)} of ${formatCount(measured.requests)} requests (${formatValue(share, "share")})`,
        },
        { label: "All failures", text: formatQuantity(failureShareOf(measured), "share") },
      ],
    },
  ];
}

/** Bad answers by their reason, the rest by what became of them. */
function causesOf({ outcomes, failures }: MeasuredVariant): [string, number][] {
  const plain = ["upstream_error", "proxy_error", "timeout", "truncated"] as const;
  const byOutcome = plain.map((outcome): [string, number] => [outcome, outcomes[outcome] ?? 0]);
  const all = [...byOutcome, ...Object.entries(failures)].filter(([, count]) => count > 0);
  return all.toSorted(([, one], [, other]) => other - one);
}

const routeRequestsMin = 200;
/** Of the intervals that must not meet; narrow enough that dozens of routes raise few false hints. */
const routeConfidence = 0.999;

function lookAtRoutes(arms: Arms, variant: string): readonly Advice[] {
  const control = arms.measured(arms.control)?.routes ?? [];
  const evidence = (arms.measured(variant)?.routes ?? []).flatMap((mine) => {
    const theirs = control.find(({ route }) => route === mine.route);
    if (theirs === undefined || mine.success_rate === null || theirs.success_rate === null)
      return [];
    if (Math.min(mine.requests, theirs.requests) < routeRequestsMin) return [];
    const [bad, good] = [
      intervalOf(mine.requests, mine.success_rate),
      intervalOf(theirs.requests, theirs.success_rate),
    ];
    if (bad.high >= good.low) return [];
    return [
      {
        label: mine.route,
        text: `${formatValue(mine.success_rate, "share")} success against ${formatValue(theirs.success_rate, "share")}, over ${formatCount(mine.requests)} requests`,
      },
    ];
  });
  if (evidence.length === 0) return [];
  return [
    {
      rule: "look_at_routes",
      tone: "caution",
      title: `Look at the routes where ${variant} fails more often`,
      text: "Found by looking at every route, over requests: a hint where to look, not a test.",
      evidence: evidence.slice(0, routesShown),
    },
  ];
}

const routesShown = 5;

function intervalOf(requests: number, successRate: number): { low: number; high: number } {
  return wilsonInterval(
    { successes: Math.round(successRate * requests), n: requests },
    routeConfidence,
  );
}
