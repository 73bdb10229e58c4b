import { useState } from "preact/hooks";
import type { AlertCommandBody } from "../../../../wire/alerts-api.ts";
import { useApp, useLive } from "../../app/context.ts";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { describeWhat } from "../../words/journal.ts";
import type { Alert } from "./alert-list.tsx";
import { describeSilence } from "./silences.tsx";
import { alertKinds } from "../../../../core/alerting/policy.ts";

const spans = [
  ["15 minutes", 900],
  ["1 hour", 3600],
  ["4 hours", 4 * 3600],
  ["1 day", 86_400],
  ["1 week", 7 * 86_400],
  ["30 days", 30 * 86_400],
] as const;

type Kind = Alert["kind"];

/** Asks what is to be kept quiet, and for how long. */
export function SilenceDialog({ about, onClose }: { about: Alert | null; onClose: () => void }) {
  const { api } = useApp();
  const [kind, setKind] = useState<Kind | "">(about?.kind ?? "");
  const [experiment, setExperiment] = useState(about?.experiment ?? "");
  const [subject, setSubject] = useState(about?.subject ?? "");
  const [seconds, setSeconds] = useState(3600);
  const keys = useLive((document) => JSON.stringify(Object.keys(document.traffic))) ?? "[]";
  const run = (reason: string | undefined) => {
    const body: AlertCommandBody = {
      command: "silence",
      for_seconds: seconds,
      ...(kind !== "" && { kind }),
      ...(experiment !== "" && { experiment }),
      ...(subject !== "" && { subject }),
      ...(reason !== undefined && { reason }),
    };
    return api.post("v1/alerts", body);
  };
  return (
    <ConfirmDialog
      title="Silence alerts"
      action="Silence"
      asksReason
      done="Silenced: no channel is told of it."
      run={run}
      onClose={onClose}
    >
      <label class="field">
        <span>Kind</span>
        <select value={kind} onChange={(event) => setKind(event.currentTarget.value as Kind | "")}>
          <option value="">all kinds</option>
          {alertKinds.map((one) => (
            <option key={one} value={one}>
              {describeWhat(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Experiment</span>
        <select value={experiment} onChange={(event) => setExperiment(event.currentTarget.value)}>
          <option value="">all experiments</option>
          {[
            ...new Set([
              ...(JSON.parse(keys) as string[]),
              ...(about?.experiment ? [about.experiment] : []),
            ]),
          ].map((key) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Variant, upstream or guardrail (empty: any)</span>
        <input
          type="text"
          dir="auto"
          maxLength={128}
          value={subject}
          onInput={(event) => setSubject(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>For</span>
        <select
          value={String(seconds)}
          onChange={(event) => setSeconds(Number(event.currentTarget.value))}
        >
          {spans.map(([label, value]) => (
            <option key={value} value={String(value)}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <p class="muted" dir="auto">
        No channel is told of{" "}
        {describeSilence({
          kind: kind === "" ? null : kind,
          experiment: experiment === "" ? null : experiment,
          subject: subject === "" ? null : subject,
        })}
        . What fires is still shown here.
      </p>
    </ConfirmDialog>
  );
}
