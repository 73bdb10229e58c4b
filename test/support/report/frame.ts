import type { JournalFacts, ReportFacts } from "../../../src/core/report/facts.ts";
import type { Service } from "./measured.ts";

/** What surrounds the figures: the range, the file, the journal. */

export const rangeOf: ReportFacts["range"] = {
  from: "2026-11-26T14:00:00.000Z",
  to: "2026-11-28T14:00:00.000Z",
};

export function configText(experiment: string, services: readonly Service[]): string {
  const upstreams = services.map(
    ({ variant }) => `  ${variant}: { url: "http://${variant}:9621" }`,
  );
  const variants = services.map(
    ({ variant }, at) =>
      `      ${variant}: { upstream: ${variant}${at === 0 ? ", control: true" : ""} }`,
  );
  return `upstreams:
${upstreams.join("\n")}
routes:
  - { match: "POST /query", experiment: ${experiment} }
admin: { token: "[redacted]" }
experiments:
  ${experiment}:
    variants:
${variants.join("\n")}
    analysis: { primary: latency_mean, min_effect_size: 0.05 }
    ends: { after: 14d, users: 5000, decision: true }
`;
}

export function journalOf(
  experiment: string,
  ended: {
    readonly outcome: string;
    readonly winner: string | null;
    readonly reason: string;
  } | null,
): JournalFacts {
  const line = { scope: "experiment", subject: experiment };
  const started = {
    ...line,
    sequence: 12,
    at: "2026-11-26T14:00:00.120Z",
    what: "started",
    actor: "ann",
    facts: { run: 1, assignment_run: 1, reason: "new model" },
  };
  if (ended === null) return { entries: [started], is_cut: false };
  const { outcome, winner, reason } = ended;
  return {
    entries: [
      started,
      {
        ...line,
        sequence: 31,
        at: "2026-11-28T13:58:11.004Z",
        what: "ended",
        actor: "controller",
        facts: { reason: `decided: ${reason}`, winner, ran_ms: 172_691_004, outcome },
      },
    ],
    is_cut: false,
  };
}
