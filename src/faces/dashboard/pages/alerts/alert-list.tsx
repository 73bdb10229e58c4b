import { useState } from "preact/hooks";
import type { LiveDocument } from "../../../../wire/live.ts";
import { wordsOf } from "../../app/api.ts";
import { useApp, useLive } from "../../app/context.ts";
import { linkTo } from "../../app/router.ts";
import { Badge } from "../../parts/badge.tsx";
import type { Tone } from "../../parts/badge.tsx";
import { CommandButton } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Age, Moment, Name } from "../../parts/text.tsx";
import { describeWhat } from "../../words/journal.ts";
import { formatSpan } from "../../words/time.ts";
import { SilenceDialog } from "./silence-dialog.tsx";

export type Alert = LiveDocument["alerts"]["alerts"][string];
type Silence = LiveDocument["alerts"]["silences"][string];

const tones: Readonly<Record<Alert["severity"], Tone>> = {
  critical: "bad",
  warning: "warn",
  info: "info",
};
const gravity = ["critical", "warning", "info"];

/** What fires or is about to, the gravest and the unseen first, with what can be done about it. */
export function AlertList({
  title,
  alerts,
  silences,
}: {
  title: string;
  alerts: readonly Alert[];
  silences: readonly Silence[];
}) {
  const sorted = alerts.toSorted(
    (one, other) =>
      Number(one.acknowledged_by !== null) - Number(other.acknowledged_by !== null) ||
      gravity.indexOf(one.severity) - gravity.indexOf(other.severity),
  );
  return (
    <Card title={title}>
      <ul class="alerts">
        {sorted.map((alert) => (
          <AlertItem
            key={alert.alert}
            alert={alert}
            isSilenced={silences.some((silence) => matches(silence, alert))}
          />
        ))}
      </ul>
    </Card>
  );
}

/** As the server matches: what a silence does not name is all the same to it. */
function matches({ kind, experiment, subject }: Silence, alert: Alert): boolean {
  return (
    (kind === null || kind === alert.kind) &&
    (experiment === null || experiment === alert.experiment) &&
    (subject === null || subject === alert.subject)
  );
}

function AlertItem({ alert, isSilenced }: { alert: Alert; isSilenced: boolean }) {
  const { api, toasts } = useApp();
  const [isBusy, setBusy] = useState(false);
  const [isSilencing, setSilencing] = useState(false);
  const isFiring = alert.status === "firing";
  const acknowledge = async () => {
    setBusy(true);
    try {
      await api.post("v1/alerts", { command: "acknowledge", alert: alert.alert });
      toasts.show("good", "Acknowledged: nobody is told of it again.");
    } catch (error) {
      toasts.show("bad", wordsOf(error));
    }
    setBusy(false);
  };
  return (
    <li class="alert-item">
      <div class="alert-words">
        <p class="alert-head">
          <Badge
            tone={tones[alert.severity]}
            icon={alert.severity === "critical" ? "breach" : "bell"}
          >
            {alert.severity}
          </Badge>
          <span class="alert-kind">{describeWhat(alert.kind)}</span>
          {isSilenced && <span class="tag">silenced</span>}
        </p>
        <p dir="auto" class="alert-summary">
          {alert.summary}
        </p>
        <p class="muted small alert-foot">
          <AboutWhat alert={alert} />
          <span>
            {isFiring ? (
              <>
                since <Age at={alert.started_at} />
              </>
            ) : (
              "not yet for long enough to fire"
            )}
          </span>
          {alert.acknowledged_by !== null && (
            <span>
              acknowledged by <bdi>{alert.acknowledged_by}</bdi>
            </span>
          )}
        </p>
      </div>
      <div class="alert-actions">
        {isFiring && alert.acknowledged_by === null && (
          <CommandButton
            icon="ok"
            onClick={() => void acknowledge()}
            blockedBy={isBusy ? "It is being acknowledged." : null}
          >
            Acknowledge<span class="visually-hidden"> {alert.alert}</span>
          </CommandButton>
        )}
        {!isSilenced && (
          <CommandButton icon="bell" onClick={() => setSilencing(true)}>
            Silence<span class="visually-hidden"> {alert.alert}</span>
          </CommandButton>
        )}
      </div>
      {isSilencing && <SilenceDialog about={alert} onClose={() => setSilencing(false)} />}
    </li>
  );
}

function AboutWhat({ alert: { experiment, subject } }: { alert: Alert }) {
  const hasRollout = useLive(
    (document) => experiment !== null && document.rollouts[experiment] !== undefined,
    [experiment],
  );
  return (
    <>
      {experiment !== null && (
        <a href={linkTo(hasRollout === true ? "rollout" : "experiment", experiment)}>
          <Name>{experiment}</Name>
        </a>
      )}
      {subject !== null && <Name>{subject}</Name>}
    </>
  );
}

/** What has ended, the newest first. */
export function ResolvedList({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <ul class="journal">
      {alerts.map((alert, at) => (
        <li key={`${alert.alert} ${alert.ended_at} ${at}`} class="journal-entry">
          <span class="journal-when small muted">
            {alert.ended_at !== null && <Moment at={alert.ended_at} />}
          </span>
          <div class="journal-text">
            <p dir="auto">{alert.summary}</p>
            <p class="muted small alert-foot">
              <span>
                {alert.severity}, {describeWhat(alert.kind)}
              </span>
              <span>{describeLength(alert)}</span>
              {alert.acknowledged_by !== null && (
                <span>
                  acknowledged by <bdi>{alert.acknowledged_by}</bdi>
                </span>
              )}
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}

function describeLength({ started_at: started, ended_at: ended }: Alert): string {
  if (started === null || ended === null) return "";
  return `fired for ${formatSpan(Date.parse(ended) - Date.parse(started))}`;
}
