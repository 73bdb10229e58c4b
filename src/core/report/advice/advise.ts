import type { Arms } from "../arms.ts";
import type { Advice, ReportOutcome } from "../document.ts";
import type { ReportFacts } from "../facts.ts";
import { adviseOnComparison } from "./comparison-rules.ts";
import { adviseOnOperation } from "./operation-rules.ts";
import { adviseOnRollout } from "./rollout-rules.ts";

/** What a rule looks at. */
export type Advised = {
  readonly facts: ReportFacts;
  readonly arms: Arms;
  readonly outcome: ReportOutcome;
};

/**
 * What to do next. Each rule speaks only where its evidence is there, and brings it along; what decides comes first. A
 * rule advises: nothing here changes what Sluice does.
 */
export function advise(advised: Advised): readonly Advice[] {
  return [
    ...adviseOnRollout(advised),
    ...adviseOnComparison(advised),
    ...adviseOnOperation(advised),
  ];
}
