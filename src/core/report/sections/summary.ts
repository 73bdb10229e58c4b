import {
  failureShareOf,
  failuresOf,
  leadingTreatment,
  primaryOf,
  treatmentIn,
  type Arms,
} from "../arms.ts";
import { inWords, intervalWords } from "../change-text.ts";
import type { Advice, Block, ReportDocument } from "../document.ts";
import type { ReportFacts } from "../facts.ts";
import type { QualityFinding } from "../quality.ts";
import {
  formatCount,
  formatP,
  formatSeconds,
  formatValue,
  listOf,
  nameOf,
  plural,
} from "../text/format.ts";
import { keyNumbersOf } from "./key-numbers.ts";

type Concluded = {
  readonly verdict: ReportDocument["verdict"];
  readonly advice: readonly Advice[];
  readonly findings: readonly QualityFinding[];
};

/** For who reads no further: what was compared, what came of it, how sure that is, what it cost, what to do. */
export function describeSummary(
  facts: ReportFacts,
  arms: Arms,
  { verdict, advice, findings }: Concluded,
): readonly Block[] {
  const [first] = advice;
  const terms = [
    { term: "Compared", text: compared(facts, arms) },
    { term: "Decision", text: decision(facts, verdict) },
    { term: "How sure", text: sureness(facts, arms, verdict) },
    { term: "What it cost", text: costOf(facts, arms) },
    {
      term: "Next",
      text: first === undefined ? "Nothing asks for action." : `${first.title}. ${first.text}`,
    },
  ];
  const grave = findings.filter(({ tone }) => tone === "bad");
  const cautions = findings.filter(({ tone }) => tone === "caution");
  const blocks: Block[] = grave.map(({ tone, title, text }) => ({
    kind: "note",
    tone,
    title,
    text,
  }));
  blocks.push(
    { kind: "terms", items: terms },
    { kind: "key_numbers", items: keyNumbersOf(facts, arms) },
  );
  if (cautions.length > 0) {
    blocks.push({
      kind: "note",
      tone: "caution",
      title: "Read with care",
      text: `${cautions.map(({ title }) => title).join("; ")}. See data quality.`,
    });
  }
  return blocks;
}

function compared(facts: ReportFacts, arms: Arms): string {
  const { control, treatments } = arms;
  const by = facts.comparison?.randomised ?? "users";
  const shares = facts.status?.variants.map(
    ({ key, configured_share }) => `${key} ${formatValue(configured_share, "share")}`,
  );
  const split =
    shares === undefined
      ? ""
      : `, split by ${by} (${facts.rollout === null ? "" : "at present "}${listOf(shares)})`;
  const coverage =
    facts.status === null || facts.status.coverage === 1
      ? ""
      : `, among ${formatValue(facts.status.coverage, "share")} of them`;
  const users = arms.all.map((variant) => arms.measured(variant)?.users ?? null);
  const known = users.every((each) => each !== null);
  const total = known
    ? ` of ${plural(
        users.reduce((sum, each) => sum + (each ?? 0), 0),
        "user",
      )}`
    : "";
  const against =
    treatments.length === 0 ? control : `${listOf(treatments)} with ${control} (the control)`;
  return `${against}${split}${coverage}: ${plural(arms.requests, "request")}${total}.`;
}

function decision(
  facts: ReportFacts,
  { outcome, label, headline }: ReportDocument["verdict"],
): string {
  const { rollout, lifecycle, comparison } = facts;
  const why =
    outcome === "invalid"
      ? (comparison?.sample_ratio.says ?? lifecycle?.decision?.reason ?? "")
      : (rollout?.reason ?? lifecycle?.decision?.reason ?? "");
  const isUncompared = outcome === "variant_silent" || outcome === "empty";
  const isDecided = why !== "" && !isUncompared;
  const compared =
    isUncompared || comparison === null ? "" : ` ${inWords(facts, comparison.summary)}`;
  const said = !isDecided
    ? `${headline}${compared}`
    : `${label}, because ${sentence(inWords(facts, why))}`;
  const end = lifecycle?.reason ?? null;
  return end === null || (why !== "" && end.includes(why))
    ? said
    : `${said} It ended: ${sentence(end)}`;
}

function sureness(facts: ReportFacts, arms: Arms, { outcome }: ReportDocument["verdict"]): string {
  const { comparison, rollout } = facts;
  if (outcome === "invalid")
    return "Not at all: with a broken split, the differences prove nothing.";
  if (outcome === "empty" || outcome === "variant_silent" || outcome === "not_started") {
    return "There is nothing to be sure of.";
  }
  if (outcome === "rolled_back") {
    const evidence = facts.journal.entries.findLast(({ what }) => what === "rolled_back")?.facts;
    const p = evidence?.["p_value"];
    const n = evidence?.["n"];
    return typeof p === "number"
      ? `If nothing had been wrong, as much evidence would come up with a chance of ${formatP(p)}${typeof n === "number" ? ` (${plural(n, "request")})` : ""}, however often one looked.`
      : "A person, or a limit on a window of time, decided; no test of chance was involved.";
  }
  const primary = primaryOf(facts);
  const variant = leadingTreatment(facts, arms);
  const treatment = variant === null ? null : treatmentIn(primary, variant);
  const guarded =
    rollout === null ? "" : " A rollout shows that limits hold, not that the treatment is better.";
  if (primary === null || treatment === null || comparison === null) {
    return guarded === "" ? "Nothing was tested." : guarded.trim();
  }
  const interval = intervalWords(primary, treatment);
  if (interval === null) return `${sentence(inWords(facts, treatment.says))}${guarded}`;
  const level = formatValue(comparison.confidence, "share");
  const sequential = treatment.sequential_interval !== null;
  const when = sequential ? "however often one looked" : "for this one look";
  return `With ${level} confidence, ${when}, the change of ${nameOf(primary.metric)} with ${treatment.variant} lies within ${interval}.${guarded}`;
}

/** What the treatment did to its users, and what it used; a difference of counts, not corrected for chance. */
function costOf({ lifecycle }: ReportFacts, arms: Arms): string {
  const control = arms.measured(arms.control);
  const base = failureShareOf(control);
  const told = arms.treatments.flatMap((variant) => {
    const measured = arms.measured(variant);
    const share = failureShareOf(measured);
    if (measured === null || share === null) return [];
    const answered = `${variant} answered ${plural(measured.requests, "request")}${measured.users === null ? "" : ` of ${plural(measured.users, "user")}`}, of which ${formatCount(failuresOf(measured))} failed (${formatValue(share, "share")})`;
    if (base === null) return [`${answered}.`];
    const extra = Math.round((share - base) * measured.requests);
    const than = `${formatValue(base, "share")} with ${arms.control}`;
    if (extra === 0) return [`${answered}, against ${than}.`];
    return [
      `${answered}, against ${than}: about ${formatCount(Math.abs(extra))} ${extra > 0 ? "more" : "fewer"} than at the control's rate.`,
    ];
  });
  if (told.length === 0) return "No user had a treatment.";
  const ran =
    lifecycle === null || lifecycle.ran_seconds === 0
      ? ""
      : ` It ran for ${formatSeconds(lifecycle.ran_seconds)}.`;
  return `${told.join(" ")}${tokensOf(arms)}${ran}`;
}

function tokensOf(arms: Arms): string {
  const base = arms.measured(arms.control)?.metrics["tokens_out"]?.mean ?? 0;
  const told = arms.treatments.flatMap((variant) => {
    const mean = arms.measured(variant)?.metrics["tokens_out"]?.mean;
    if (mean === undefined || base === 0) return [];
    return [
      `${formatValue(mean, "number")} with ${variant} (${formatValue(mean / base - 1, "change")})`,
    ];
  });
  if (told.length === 0) return "";
  return ` Output tokens an answer: ${told.join(", ")}, ${formatValue(base, "number")} with ${arms.control}.`;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
