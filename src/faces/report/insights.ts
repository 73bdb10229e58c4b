import type { Timers } from "../../base/clock.ts";
import type { InsightsPolicy } from "../../core/config/model.ts";
import { armsOf } from "../../core/report/arms.ts";
import { composeReport } from "../../core/report/compose.ts";
import type { ReportFacts } from "../../core/report/facts.ts";
import { acceptInsights } from "../../core/report/insights/accept.ts";
import { briefOf } from "../../core/report/insights/brief.ts";
import { promptOf } from "../../core/report/insights/prompt.ts";
import { askModel } from "./language-model.ts";
import type { WholeFacts } from "./render.ts";

/** Has a language model explain a report; null where there is no model, or nothing to explain. Never rejects. */
export async function explainReport(
  facts: ReportFacts,
  policy: InsightsPolicy | null,
  timers: Timers,
): Promise<WholeFacts["insights"]> {
  const arms = armsOf(facts);
  if (policy === null || arms.requests === 0) return null;
  const { model } = policy;
  const brief = briefOf(facts, arms, composeReport(facts));
  const answer = await askModel(policy, promptOf(brief), timers);
  const accepted = answer.ok ? acceptInsights(answer.value, brief) : answer;
  return accepted.ok
    ? { kind: "written", model, paragraphs: [...accepted.value] }
    : { kind: "dropped", model, reason: accepted.error };
}
