import { unreachable } from "../../base/result.ts";
import { leadingTreatment, primaryOf, silentVariants, treatmentIn, type Arms } from "./arms.ts";
import { changeWords } from "./change-text.ts";
import type { ReportDocument, ReportOutcome, Tone } from "./document.ts";
import type { ReportFacts } from "./facts.ts";
import { formatValue, listOf, nameOf } from "./text/format.ts";

/** What the report comes to. What Sluice decided stands; a broken split outranks every comparison. */
export function concludeReport(facts: ReportFacts, arms: Arms): ReportDocument["verdict"] {
  const outcome = outcomeOf(facts, arms);
  const { tone, label } = looks(outcome, facts);
  return { outcome, tone, label, headline: headlineOf(outcome, facts, arms) };
}

function outcomeOf(facts: ReportFacts, arms: Arms): ReportOutcome {
  const { rollout, lifecycle, comparison } = facts;
  if (rollout?.phase === "rolled_back") return "rolled_back";
  const isBroken =
    comparison?.sample_ratio.verdict === "mismatch" || lifecycle?.decision?.outcome === "invalid";
  if (isBroken) return "invalid";
  if (rollout?.phase === "promoted") return "promoted";
  if (rollout?.phase === "waiting" || lifecycle?.phase === "draft") return "not_started";
  if (arms.requests === 0) return "empty";
  if (silentVariants(facts, arms).length > 0) return "variant_silent";
  if (rollout !== null) return "climbing";
  return lifecycle?.decision?.outcome ?? outcomeOfComparison(facts);
}

/** Of a split that nobody asked to be decided: what its first metric says. */
function outcomeOfComparison(facts: ReportFacts): ReportOutcome {
  const verdicts = primaryOf(facts)?.treatments.map(({ verdict }) => verdict) ?? [];
  if (verdicts.includes("better")) return "treatment_wins";
  if (
    verdicts.length === 0 ||
    verdicts.some((each) => each === "undecided" || each === "too_few")
  ) {
    return "keep_running";
  }
  return verdicts.every((each) => each === "worse") ? "control_wins" : "no_difference";
}

function looks(
  outcome: ReportOutcome,
  { rollout, lifecycle }: ReportFacts,
): { tone: Tone; label: string } {
  switch (outcome) {
    case "treatment_wins":
      return { tone: "good", label: "Treatment wins" };
    case "promoted":
      return { tone: "good", label: "Promoted" };
    case "control_wins":
      return { tone: "bad", label: "Control wins" };
    case "rolled_back":
      return { tone: "bad", label: "Rolled back" };
    case "invalid":
      return { tone: "bad", label: "Invalid" };
    case "no_difference":
      return { tone: "neutral", label: "No difference" };
    case "keep_running": {
      const isOver = lifecycle?.phase === "ended" || lifecycle?.phase === "archived";
      return {
        tone: isOver ? "caution" : "neutral",
        label: isOver ? "Undecided" : "Still running",
      };
    }
    case "climbing":
      return rollout?.phase === "paused"
        ? { tone: "caution", label: "Paused" }
        : { tone: "neutral", label: "Under way" };
    case "not_started":
      return { tone: "neutral", label: "Not started" };
    case "variant_silent":
      return { tone: "caution", label: "Variant silent" };
    case "empty":
      return { tone: "caution", label: "No data" };
    default:
      return unreachable(outcome);
  }
}

function headlineOf(outcome: ReportOutcome, facts: ReportFacts, arms: Arms): string {
  const { control } = arms;
  const leading = leadingTreatment(facts, arms) ?? "the treatment";
  switch (outcome) {
    case "treatment_wins":
      return `${leading} is better than ${control}${changeOf(facts, leading)}.`;
    case "control_wins":
      return arms.treatments.length > 1
        ? `${control} stays: every treatment is worse.`
        : `${control} stays${changeOf(facts, leading)}${arms.treatments.length === 1 ? ` with ${leading}` : ""}.`;
    case "no_difference":
      return `No difference that matters between ${listOf(arms.all)}.`;
    case "keep_running":
      return headlineOfUndecided(facts, arms);
    case "invalid":
      return "The users are not split as planned, so no comparison here is valid.";
    case "rolled_back":
      return `${leading} was rolled back; everybody has ${control}.`;
    case "promoted":
      return `${leading} was promoted: everybody has it.`;
    case "climbing":
      return headlineOfRollout(facts, leading);
    case "not_started":
      return `Not started: everybody has ${control}.`;
    case "variant_silent": {
      const silent = silentVariants(facts, arms);
      return `${listOf(silent)} got no requests, so there is nothing to compare ${silent.length === 1 ? "it" : "them"} with.`;
    }
    case "empty":
      return "Nothing was measured in this time.";
    default:
      return unreachable(outcome);
  }
}

function changeOf(facts: ReportFacts, variant: string): string {
  const primary = primaryOf(facts);
  const treatment = treatmentIn(primary, variant);
  if (primary === null || treatment === null || treatment.change === null) return "";
  return `: ${nameOf(primary.metric)} is ${changeWords(primary, treatment)}`;
}

function headlineOfUndecided({ lifecycle }: ReportFacts, arms: Arms): string {
  const among = listOf(arms.all);
  if (lifecycle?.phase === "ended" || lifecycle?.phase === "archived") {
    return `It ended without a decision between ${among}.`;
  }
  if (lifecycle?.phase === "paused") return `Paused, and not decided between ${among}.`;
  return `Not decided yet between ${among}.`;
}

function headlineOfRollout({ rollout }: ReportFacts, leading: string): string {
  if (rollout === null) return "";
  const share = formatValue(rollout.applied_share, "share");
  const at = rollout.step === null ? "" : ` at step ${rollout.step} of ${rollout.steps.length}`;
  if (rollout.phase === "paused")
    return `The rollout of ${leading} is paused${at} with ${share} of users.`;
  const broken = rollout.verdicts.filter(({ verdict }) => verdict === "breach");
  const state =
    broken.length === 0
      ? "no guardrail is broken"
      : `${listOf(broken.map((each) => nameOf(each.guardrail)))} is over its limit`;
  const phase = rollout.phase === "observing" ? ", under its last observation" : at;
  return `${leading} has ${share} of users${phase}; ${state}.`;
}
