import type { ReportParts } from "../faces/admin/report-facts.ts";
import type { Control } from "./control.ts";
import { printPdfInThread } from "./report-thread.ts";
import { realClock } from "./system.ts";

/** What a report tells besides what the admin port shows elsewhere. */
export function createReportParts(control: Control): ReportParts {
  return {
    nowMs: () => Math.round(realClock.wallMs()),
    printPdf: printPdfInThread,
    upkeep: () => ({
      history_rows_dropped: control.store()?.history.dropped ?? null,
      answers_uninspected: control.view().counters.uninspected,
    }),
  };
}
