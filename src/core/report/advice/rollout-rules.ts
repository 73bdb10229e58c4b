import { leadingTreatment } from "../arms.ts";
import { inWords } from "../change-text.ts";
import type { Advice } from "../document.ts";
import type { ReportFacts, VerdictFacts } from "../facts.ts";
import { formatCount, formatP, formatQuantity, formatTime, nameOf } from "../text/format.ts";
import type { Advised } from "./advise.ts";

type Evidence = Advice["evidence"][number];

/** What a rollout asks for. */
export function adviseOnRollout({ facts, arms, outcome }: Advised): readonly Advice[] {
  const { rollout } = facts;
  if (rollout === null) return [];
  const leading = leadingTreatment(facts, arms) ?? "the treatment";
  if (outcome === "rolled_back") {
    return [
      {
        rule: "mend_before_retry",
        tone: "bad",
        title: `Mend ${leading} before you try again`,
        text: `Users are safe with ${arms.control}. npx sluice rollout retry ${facts.experiment} begins at the first step.`,
        evidence: evidenceOfRollback(facts),
      },
    ];
  }
  if (outcome === "promoted") {
    return [
      {
        rule: "tidy_up",
        tone: "good",
        title: `Make ${leading} the control`,
        text: "The rollout is done. Name it the control in the configuration, and retire the former one when nobody may have to go back.",
        evidence: rollout.verdicts.map(evidenceOf),
      },
    ];
  }
  if (rollout.phase === "paused") {
    return [
      {
        rule: "decide_pause",
        tone: "caution",
        title: "Decide: resume or roll back",
        text: `A paused rollout stays where it is; its guardrails still watch it. npx sluice rollout resume|rollback ${facts.experiment}.`,
        evidence: [
          ...(rollout.reason === null ? [] : [{ label: "Why it is paused", text: rollout.reason }]),
          ...rollout.verdicts.filter(({ verdict }) => verdict !== "ok").map(evidenceOf),
        ],
      },
    ];
  }
  if (outcome !== "climbing" || rollout.waits_for === null) return [];
  return [
    {
      rule: "wait_for_step",
      tone: "neutral",
      title: "Nothing to do: it climbs by itself",
      text: "It takes its next step when what it waits for is there, and is rolled back when a guardrail breaks.",
      evidence: [
        { label: "Waits for", text: rollout.waits_for },
        ...rollout.verdicts.filter(({ verdict }) => verdict !== "ok").map(evidenceOf),
      ],
    },
  ];
}

/** The journal's entry holds what was seen when it happened; the last verdicts may be of later. */
function evidenceOfRollback(facts: ReportFacts): Evidence[] {
  const { journal, rollout, experiment } = facts;
  const evidence: Evidence[] = [];
  if (rollout?.reason !== null && rollout !== null) {
    evidence.push({ label: "Why", text: inWords(facts, rollout.reason) });
  }
  const entry = journal.entries.findLast(
    ({ what, scope, subject }) =>
      what === "rolled_back" && scope === "rollout" && subject === experiment,
  );
  if (entry === undefined) return evidence;
  evidence.push({ label: "When", text: `${formatTime(entry.at)}, by ${entry.actor}` });
  const { n, p_value } = entry.facts;
  if (typeof n === "number") evidence.push({ label: "Requests judged", text: formatCount(n) });
  if (typeof p_value === "number") {
    evidence.push({ label: "p-value of nothing being wrong", text: formatP(p_value) });
  }
  return evidence;
}

function evidenceOf({ guardrail, value, limit, unit, requests, verdict }: VerdictFacts): Evidence {
  const held = limit === null ? "" : `, limit ${formatQuantity(limit, unit)}`;
  return {
    label: `${nameOf(guardrail)} (${verdict})`,
    text: `${formatQuantity(value, unit)}${held}, over ${formatCount(requests)} requests`,
  };
}
