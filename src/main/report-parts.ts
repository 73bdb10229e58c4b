import type { ReportParts } from "../faces/admin/report-facts.ts";
import type { SluiceLog } from "../control/access-log.ts";
import type { InsightsPolicy } from "../core/config/model.ts";
import { explainReport } from "../faces/report/insights.ts";
import type { Control } from "./control.ts";
import { printPdfInThread } from "./report-thread.ts";
import { realClock, realTimers } from "./system.ts";

/** What a report tells besides what the admin port shows elsewhere. */
export function createReportParts(
  control: Control,
  {
    insights,
    log,
  }: { readonly insights: () => InsightsPolicy | null; readonly log: SluiceLog["app"] },
): ReportParts {
  return {
    nowMs: () => Math.round(realClock.wallMs()),
    printPdf: printPdfInThread,
    upkeep: () => ({
      history_rows_dropped: control.store()?.history.dropped ?? null,
      answers_uninspected: control.view().counters.uninspected,
    }),
    explain: async (facts) => {
      const told = await explainReport(facts, insights(), realTimers);
      if (told?.kind === "dropped") {
        const { experiment } = facts;
        log("warn", "a report goes without its insights", { experiment, reason: told.reason });
      }
      return told;
    },
  };
}
