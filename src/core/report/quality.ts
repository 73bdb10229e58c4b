import type { Arms } from "./arms.ts";
import type { Tone } from "./document.ts";
import type { ReportFacts } from "./facts.ts";
import {
  capital,
  formatCount,
  formatP,
  formatSeconds,
  formatTime,
  formatValue,
  listOf,
  plural,
} from "./text/format.ts";

/** Something about the data that limits what may be concluded from them. */
export type QualityFinding = {
  readonly code: string;
  /** `bad`: comparisons are not valid; `caution`: they are worth less; `neutral`: good to know. */
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
};

/** The gravest first. */
export function judgeQuality(facts: ReportFacts, arms: Arms): readonly QualityFinding[] {
  const found = [
    ...judgeSplit(facts),
    ...judgeSample(facts, arms),
    ...judgeTime(facts),
    ...judgeUpkeep(facts),
    ...judgeReplicas(facts.upkeep.replicas),
    ...judgeVariants(facts),
  ];
  const order: readonly Tone[] = ["bad", "caution", "neutral"];
  return found.toSorted((one, other) => order.indexOf(one.tone) - order.indexOf(other.tone));
}

function judgeSplit({ comparison, status }: ReportFacts): readonly QualityFinding[] {
  const found: QualityFinding[] = [];
  const ratio = comparison?.sample_ratio;
  if (ratio?.verdict === "mismatch") {
    found.push({
      code: "sample_ratio_mismatch",
      tone: "bad",
      title: "The split is not the one that was configured",
      text: `${capital(ratio.says)}${ratio.p_value === null ? "" : ` (p ${withSign(ratio.p_value)})`}. Who is measured depends on the variant, so every difference below may come from that.`,
    });
  }
  if (ratio?.verdict === "unknown") {
    found.push({
      code: "sample_ratio_unknown",
      tone: "neutral",
      title: "The split was not checked",
      text: ratio.says,
    });
  }
  if (status?.disabled === true) {
    found.push({
      code: "disabled",
      tone: "caution",
      title: "The kill switch is on",
      text: "Everybody gets the control at present; what is compared is from before.",
    });
  }
  if (comparison?.randomised === "requests") {
    found.push({
      code: "request_randomised",
      tone: "caution",
      title: "Requests were randomised, not users",
      text: "One user may have seen several variants. Tests over requests take them for independent, which requests of one user are not: intervals are then too narrow.",
    });
  }
  return found;
}

/** Users in an arm below which means are not compared. */
const usersMin = 30;
/** Users in an arm below which rare events and tails are guesswork. */
const usersFew = 100;

function judgeSample({ comparison }: ReportFacts, arms: Arms): readonly QualityFinding[] {
  const found: QualityFinding[] = [];
  const samples = comparison?.metrics.flatMap(({ control, treatments }) => [
    control,
    ...treatments,
  ]);
  const fewest = samples?.reduce<{ variant: string; users: number } | null>(
    (least, each) => (least === null || each.users < least.users ? each : least),
    null,
  );
  if (fewest !== undefined && fewest !== null && fewest.users < usersFew) {
    const isTooFew = fewest.users < usersMin;
    found.push({
      code: "few_users",
      tone: "caution",
      title: isTooFew ? "Too few users to compare" : "Few users",
      text: `${fewest.variant} has ${plural(fewest.users, "user")}. ${isTooFew ? `Below ${usersMin} nothing is tested.` : "A handful of heavy users can tip a mean, and a tail is guesswork."}`,
    });
  }
  if (arms.treatments.length > 1 && comparison !== null) {
    found.push({
      code: "several_treatments",
      tone: "neutral",
      title: `${arms.treatments.length} treatments are compared with one control`,
      text: "The decision divides the error allowed among them (Bonferroni). Secondary metrics, routes and segments are not corrected: take them for hints.",
    });
  }
  return found;
}

const dayMs = 86_400_000;

function judgeTime(facts: ReportFacts): readonly QualityFinding[] {
  const { comparison, range, history, journal } = facts;
  const found: QualityFinding[] = [];
  if (comparison?.since !== null && comparison !== null) {
    const sinceMs = Date.parse(comparison.since ?? range.from);
    if (sinceMs > Date.parse(range.from) + 60_000) {
      found.push({
        code: "mixed_epochs",
        tone: "caution",
        title: "The range holds more than one split",
        text: `The present split began ${formatTime(comparison.since ?? "")}. Tests and intervals are of it alone; charts, routes and outcomes are of the whole range, in which users changed variant.`,
      });
    }
    const lastedMs = Date.parse(facts.range.to) - sinceMs;
    if (lastedMs > 0 && lastedMs < 7 * dayMs) {
      found.push({
        code: "short",
        tone: "neutral",
        title: "Less than a week of data",
        text: `The present split has lasted ${formatSeconds(lastedMs / 1000)}: a working day is not a weekend, and what is new may wear off.`,
      });
    }
  }
  const gaps = gapsOf(facts);
  if (gaps !== null && gaps.count > 0) {
    found.push({
      code: "gaps",
      tone: "caution",
      title: `The history has ${plural(gaps.count, "gap")}`,
      text: `Nothing was measured for ${formatSeconds(gaps.longestMs / 1000)} from ${formatTime(new Date(gaps.longestFromMs).toISOString())}, the longest of them: no traffic, a restart, or a clock that was put forward.`,
    });
  }
  if (history?.at_ms.length === 0) {
    found.push({
      code: "no_history",
      tone: "caution",
      title: "No history in this range",
      text: "The charts over time are left out.",
    });
  }
  found.push(...judgeClock(journal.entries));
  return found;
}

/** A silence is a gap when it is much longer than the usual one between stretches, a minute at least. */
const gapMsMin = 60_000;
const gapRatio = 5;

/** Stretches of time in which nothing was measured; null without history. */
function gapsOf({ history }: ReportFacts): {
  readonly count: number;
  readonly longestMs: number;
  readonly longestFromMs: number;
} | null {
  if (history === null) return null;
  const stepMs = history.step_seconds * 1000;
  const { at_ms: atMs } = history;
  const distances = Float64Array.from(atMs.slice(1), (ms, at) => ms - (atMs[at] as number));
  const usualMs = distances.toSorted()[Math.floor(distances.length / 2)];
  const least = Math.max(gapMsMin, gapRatio * Math.max(stepMs, usualMs ?? stepMs));
  let count = 0;
  let longestMs = 0;
  let longestFromMs = 0;
  for (const [at, distanceMs] of distances.entries()) {
    const missingMs = distanceMs - stepMs;
    if (missingMs < least) continue;
    count += 1;
    if (missingMs <= longestMs) continue;
    [longestMs, longestFromMs] = [missingMs, (atMs[at] as number) + stepMs];
  }
  return { count, longestMs, longestFromMs };
}

/** The journal's numbers rise; where its times fall, the wall clock was set back. */
function judgeClock(entries: ReportFacts["journal"]["entries"]): readonly QualityFinding[] {
  const ordered = entries.toSorted((one, other) => one.sequence - other.sequence);
  let latestMs = Number.NEGATIVE_INFINITY;
  let backMs = 0;
  let at = "";
  for (const entry of ordered) {
    const ms = Date.parse(entry.at);
    if (latestMs - ms > backMs) [backMs, at] = [latestMs - ms, entry.at];
    latestMs = Math.max(latestMs, ms);
  }
  if (backMs < 1000) return [];
  return [
    {
      code: "clock_set_back",
      tone: "caution",
      title: "The clock was set back",
      text: `By ${formatSeconds(backMs / 1000)}, seen in the journal at ${formatTime(at)}. Decisions run on a clock that never goes back; the times shown here may overlap.`,
    },
  ];
}

function judgeUpkeep({ upkeep, journal, missing }: ReportFacts): readonly QualityFinding[] {
  const found: QualityFinding[] = [];
  const dropped = upkeep.history_rows_dropped ?? 0;
  if (dropped > 0) {
    found.push({
      code: "history_dropped",
      tone: "caution",
      title: "The store did not keep everything",
      text: `${plural(dropped, "row")} of this experiment's history were lost since Sluice started, because the store did not take them: charts and tables over the range lack them. Decisions do not rest on them.`,
    });
  }
  if (upkeep.store?.up === false) {
    const waiting = upkeep.store.rows_waiting;
    found.push({
      code: "store_down",
      tone: "caution",
      title: "The store did not answer when this report was made",
      text: `What it keeps of the past may be missing here${waiting === 0 ? "" : `; ${plural(waiting, "row")} of history wait for it in memory`}. Traffic and guardrails do not depend on it.`,
    });
  }
  const unread = Object.entries(upkeep.answers_uninspected ?? {}).filter(([, count]) => count > 0);
  const here = upkeep.answers_uninspected_here;
  if (unread.length > 0 && here !== 0) {
    const sum = here ?? unread.reduce((total, [, count]) => total + count, 0);
    const whose =
      here === null ? ", of all experiments" : " by their reasons, over all experiments";
    found.push({
      code: "answers_uninspected",
      tone: "caution",
      title: "Some answers passed unread",
      text: `${plural(sum, "answer")} since Sluice started${whose} (${listOf(unread.map(([reason, count]) => `${reason.replaceAll("_", " ")}: ${formatCount(count)}`))}): a failure that only the body tells is not counted in them.`,
    });
  }
  if (journal.is_cut) {
    found.push({
      code: "journal_cut",
      tone: "neutral",
      title: "The journal is shown in part",
      text: `The last ${plural(journal.entries.length, "entry", "entries")} of the range; npx sluice journal shows all.`,
    });
  }
  for (const { what, why } of missing) {
    found.push({ code: "missing", tone: "caution", title: `${what} could not be had`, text: why });
  }
  return found;
}

/** What of the others' figures is not in the report. */
function judgeReplicas(replicas: ReportFacts["upkeep"]["replicas"]): readonly QualityFinding[] {
  if (replicas === null) return [];
  const { count, silent, other_configuration, merges, cut_off, parts_lost } = replicas;
  const told = [
    [cut_off, "this one is cut off from the store, and knows its own traffic alone"],
    [
      !cut_off && !merges,
      "with so many, only the leader adds them up: ask the leader for the whole report",
    ],
    [silent > 0, `${formatCount(silent)} of them were silent for some seconds`],
    [
      other_configuration > 0,
      `${formatCount(other_configuration)} of them have another configuration`,
    ],
    [parts_lost > 0, `${plural(parts_lost, "part")} of their telemetry were lost on the way`],
  ] as const;
  const words = told.flatMap(([isSo, text]) => (isSo ? [text] : []));
  if (words.length === 0) return [];
  return [
    {
      code: "replicas",
      tone: "caution",
      title: "The figures may not be those of all replicas",
      text: `${plural(count, "replica")} share the store: ${words.join("; ")}.`,
    },
  ];
}

function judgeVariants({ status }: ReportFacts): readonly QualityFinding[] {
  const found: QualityFinding[] = [];
  for (const { severity, variant, message } of status?.compatibility?.findings ?? []) {
    found.push({
      code: "incompatible",
      tone: severity === "refuse" ? "bad" : "caution",
      title:
        severity === "refuse" ? "The variants must not be mixed" : "The variants differ in kind",
      text: `${variant}: ${message}`,
    });
  }
  for (const { variant, state, queued, unacknowledged } of status?.mirrored ?? []) {
    if (state === "in_step") continue;
    const what =
      state === "diverged"
        ? `${plural(unacknowledged, "write")} came to something else there`
        : `${plural(queued, "write")} wait for it`;
    found.push({
      code: "writes_differ",
      tone: "caution",
      title: `${variant} does not hold the same data`,
      text: `${what}, so that its answers may differ for that reason alone.`,
    });
  }
  for (const { key, configured_share, observed_share } of status?.variants ?? []) {
    if (observed_share === null || Math.abs(observed_share - configured_share) < 0.1) continue;
    found.push({
      code: "shares_of_requests",
      tone: "neutral",
      title: `${key} has another share of requests than of users`,
      text: `${formatValue(observed_share, "share")} of requests, ${formatValue(configured_share, "share")} configured: some of its users ask more often than others.`,
    });
  }
  return found;
}

function withSign(p: number): string {
  const text = formatP(p);
  return text.startsWith("<") ? text : `= ${text}`;
}
