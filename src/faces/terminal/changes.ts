import type { LiveDocument } from "../../wire/live.ts";
import { inUnit, limitInUnit, plannedPercent } from "./numbers.ts";
import { subjectsOf, treatmentOf, type Subject } from "./subjects.ts";
import { neutralise } from "./text.ts";

/** What there is to tell of a live document besides numbers that change all the time. */

type Fact = {
  /** What is compared: the fact is told when this changes. */
  readonly mark: string;
  /** One line without a time. */
  readonly text: string;
};

/** By a name that stays the same. */
export type Facts = ReadonlyMap<string, Fact>;

/** The facts of a document; of one experiment only where `experiment` is given. */
export function factsOf(document: LiveDocument, experiment: string | null): Facts {
  const facts = new Map<string, Fact>();
  const { status, alerts } = document;
  if (experiment === null) {
    const [reason = ""] = status.reasons;
    const ready = status.ready ? "ready" : `not ready: ${neutralise(reason)}`;
    facts.set("ready", { mark: ready, text: `sluice: ${ready}` });
    const { generation, last_reload: last } = status.config;
    const reload = last === null ? "" : `, reload ${last.result}`;
    facts.set("config", {
      mark: `${generation} ${last?.at ?? ""} ${last?.result ?? ""}`,
      text: `sluice: config ${generation}${reload}`,
    });
  }
  for (const subject of subjectsOf(document)) {
    if (experiment !== null && subject.key !== experiment) continue;
    tellSubject(subject, facts);
  }
  for (const [name, alert] of Object.entries(alerts.alerts)) {
    if (experiment !== null && alert.experiment !== experiment) continue;
    const by = alert.acknowledged_by;
    const seen = by === null ? "" : `, acknowledged by ${neutralise(by)}`;
    facts.set(`alert ${name}`, {
      mark: `${alert.status} ${by ?? ""}`,
      text: `alert ${alert.status}${seen}: ${alert.severity} ${neutralise(alert.summary)}`,
    });
  }
  return facts;
}

function tellSubject(subject: Subject, facts: Map<string, Fact>): void {
  const { key, name, state, verdict, rollout, life, variants } = subject;
  const shares = variants
    .map((one) => `${neutralise(one.key)} ${plannedPercent(one.configured_share)}`)
    .join(", ");
  const share =
    rollout === null ? shares : `${treatmentOf(subject)} ${plannedPercent(rollout.share)}`;
  const inForce =
    rollout === null || rollout.applied_share === rollout.share
      ? ""
      : ` (${plannedPercent(rollout.applied_share)} in force)`;
  const kind = verdict.slice(0, Math.max(0, verdict.indexOf(":")));
  facts.set(`state ${key}`, {
    mark: JSON.stringify([state, share, inForce, kind, life?.decision?.outcome ?? null]),
    text: `${name}: ${state}, ${share}${inForce}; ${verdict}`,
  });
  for (const guardrail of rollout?.verdicts ?? []) {
    const { verdict, value, unit, limit, reason, dry_run: dry } = guardrail;
    facts.set(`guardrail ${key} ${guardrail.guardrail}`, {
      mark: verdict,
      text: `${name}: ${neutralise(guardrail.guardrail)}${dry ? " (dry run)" : ""} ${verdict}, ${inUnit(value, unit)} of ${limitInUnit(limit, unit)}; ${neutralise(reason)}`,
    });
  }
}

/** The lines for what has changed; all of them where there was nothing before. */
export function changesOf(before: Facts | null, after: Facts): string[] {
  const lines: string[] = [];
  for (const [name, { mark, text }] of after) {
    if (before?.get(name)?.mark !== mark) lines.push(text);
  }
  for (const [name, { text }] of before ?? []) {
    if (after.has(name)) continue;
    if (name.startsWith("alert ")) lines.push(`alert over: ${text.replace(/^alert [^:]*: /, "")}`);
    if (name.startsWith("state ")) lines.push(`${text.split(":")[0] ?? ""}: gone`);
  }
  return lines;
}
