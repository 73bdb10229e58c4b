import type { ReportParts } from "../faces/admin/report-facts.ts";
import { exchangeLimits } from "../control/replica/telemetry-exchange.ts";
import type { SluiceLog } from "../control/access-log.ts";
import type { InsightsPolicy } from "../core/config/model.ts";
import { explainReport } from "../faces/report/insights.ts";
import type { Control } from "./control.ts";
import { printPdfInThread } from "./report-thread.ts";
import { realClock, realTimers } from "./system.ts";

/** Replicas that were not heard of for so long; they report every second or so. */
const silentMs = 5000;

function describeReplicas(
  replica: ReturnType<Control["replica"]>,
): ReturnType<ReportParts["upkeep"]>["replicas"] {
  if (replica === null) return null;
  const { authority, instance, replicas, exchange } = replica;
  const mine = replicas.find((each) => each.instance === instance);
  return {
    count: replicas.length,
    silent: replicas.filter(({ seenAgoMs }) => seenAgoMs > silentMs).length,
    other_configuration: replicas.filter(({ configHash }) => configHash !== mine?.configHash)
      .length,
    merges: authority === "lead" || replicas.length <= exchangeLimits.mergedByAllMax,
    cut_off: authority === "cut_off",
    parts_lost: exchange.dropped + exchange.unreadable,
  };
}

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
    upkeep: (experiment) => {
      const store = control.store();
      const { uninspected, uninspectedOf } = control.view().counters;
      return {
        history_rows_dropped: store?.history.droppedOf(experiment) ?? null,
        answers_uninspected: uninspected,
        answers_uninspected_here: uninspectedOf[experiment] ?? 0,
        store: store === null ? null : { up: store.isUp, rows_waiting: store.history.waiting },
        replicas: describeReplicas(control.replica()),
      };
    },
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
