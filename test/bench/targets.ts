import type { Saturation } from "./figures.ts";
import { median } from "./median.ts";
import { bodyLabel } from "./options.ts";
import type { Scaling } from "./scaling.ts";

/** What the project promises of its speed, and whether this run shows it. */

export type Target = {
  readonly name: string;
  readonly measured: number;
  /** Of each round; when the limit lies among them, another run may judge otherwise. */
  readonly each: readonly number[];
  readonly limit: number;
  /** Whether `measured` must be at most or at least `limit`. */
  readonly bound: "at most" | "at least";
  readonly verdict: "met" | "missed" | "not measurable here";
  /** Why it is not measurable, or null. */
  readonly reason: string | null;
};

const haproxyRatioMax = 1.25;
const httpProxy3RatioMax = 0.25;
/** The target is for answers of so many bytes and more. */
const inspectedBytes = 12_000;
const inspectingRatioMax = 1.15;
const scalingRatioMin = 1.8;
/** Below this share of a core, the workers wait for the load rather than the load for them. */
const saturatedMin = 0.85;

const yardsticks = [
  ["haproxy", haproxyRatioMax],
  ["http-proxy-3", httpProxy3RatioMax],
  ["http-proxy-3-ka", httpProxy3RatioMax],
] as const;

/** The targets that this run has figures for. */
export function judgeTargets(
  saturation: readonly Saturation[],
  scaling: Scaling | null,
): readonly Target[] {
  const targets: Target[] = [];
  for (const row of saturation.filter(({ contender }) => contender === "sluice")) {
    for (const [peer, limit] of yardsticks) {
      const each = ratiosTo(peer, row, saturation);
      if (each === null) continue;
      const measured = median(each);
      targets.push({
        name: `CPU per request, response ${bodyLabel(row.body)} B: sluice / ${peer}`,
        measured,
        each,
        limit,
        bound: "at most",
        verdict: measured <= limit ? "met" : "missed",
        reason: null,
      });
    }
  }
  for (const row of saturation.filter(({ contender }) => contender === "sluice-inspecting")) {
    const each = ratiosTo("sluice", row, saturation);
    if (each === null || row.body.bytes < inspectedBytes) continue;
    const measured = median(each);
    targets.push({
      name: `CPU per request, response ${bodyLabel(row.body)} B: inspected / not`,
      measured,
      each,
      limit: inspectingRatioMax,
      bound: "at most",
      verdict: measured <= inspectingRatioMax ? "met" : "missed",
      reason: null,
    });
  }
  if (scaling !== null) targets.push(judgeScaling(scaling));
  return targets;
}

function judgeScaling({ coresFree, ratio, busiestThreadBusy }: Scaling): Target {
  let reason: string | null = null;
  if (coresFree < 2) reason = `needs 2 free cores, has ${coresFree}: load and upstream share them`;
  else if (ratio < scalingRatioMin && busiestThreadBusy[1] < saturatedMin) {
    reason = "the load could not keep two workers busy";
  }
  const judged = ratio >= scalingRatioMin ? "met" : "missed";
  return {
    name: "requests/s: 2 workers / 1 worker",
    measured: ratio,
    each: [],
    limit: scalingRatioMin,
    bound: "at least",
    verdict: reason === null ? judged : "not measurable here",
    reason,
  };
}

/**
 * CPU per request against another proxy's for the same body, round by round, because neighbours in time share
 * whatever disturbed the machine; null without such a proxy.
 */
export function ratiosTo(
  peer: string,
  row: Saturation,
  saturation: readonly Saturation[],
): readonly number[] | null {
  const label = bodyLabel(row.body);
  const yardstick = saturation.find(
    ({ contender, body }) => contender === peer && bodyLabel(body) === label,
  );
  if (yardstick === undefined) return null;
  return row.rounds.map((us, round) => us / (yardstick.rounds[round] ?? Number.NaN));
}
