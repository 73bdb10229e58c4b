import { formatShare } from "../../base/units.ts";
import { stageTitles, type StageResult, type StageStatus } from "../../core/rehearsal/stage.ts";
import type { RolloutStatus } from "../../wire/admin-api.ts";
import type { RehearsalResult } from "./rehearsal.ts";

/** A rehearsal for people. */

const marks: Readonly<Record<StageStatus, string>> = {
  passed: "✓",
  failed: "✗",
  rejected: "✗",
  skipped: "–",
  not_run: "–",
};

const titleWidth = Math.max(...Object.values(stageTitles).map(({ length }) => length));

export function stageLine({
  stage,
  status,
  reason,
  startedAt,
  endedAt,
  isReused,
}: StageResult): string {
  const tookMs =
    startedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);
  const took = tookMs === null || isReused ? "" : ` (${(tookMs / 1000).toFixed(1)} s)`;
  const reused = isReused ? " (as before: nothing it depends on has changed)" : "";
  return `${marks[status]} ${stageTitles[stage].padEnd(titleWidth)}  ${reason}${took}${reused}\n`;
}

export function verdictLine({ verdict, experiment, reason }: RehearsalResult): string {
  return `\n${experiment}: ${verdict}: ${reason}\n`;
}

/** Where the canary is now. */
export function canaryLine({ phase, step, steps, share, reason }: RolloutStatus): string {
  const place = step === null ? phase : `step ${step} of ${steps.length}`;
  return `  … ${place}, treatment ${formatShare(share)}${reason === null ? "" : `: ${reason}`}\n`;
}

/** Without the experiment's whole report, which is a document of its own. */
export function withoutReport(result: RehearsalResult): RehearsalResult {
  const stages = result.stages.map((stage) => {
    if (stage.stage !== "canary" || stage.details === null) return stage;
    const { report: _, ...details } = stage.details as Readonly<Record<string, unknown>>;
    return { ...stage, details };
  });
  return { ...result, stages };
}
