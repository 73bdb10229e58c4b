import { useState } from "preact/hooks";
import { useApp, useLive } from "../../app/context.ts";
import { linkTo } from "../../app/router.ts";
import { wordsOf } from "../../app/api.ts";
import { Badge } from "../../parts/badge.tsx";
import { CommandButton } from "../../parts/button.tsx";
import { Age } from "../../parts/text.tsx";
import type { LiveDocument } from "../../../../wire/live.ts";

type Alert = LiveDocument["alerts"]["alerts"][string];

/** The rest is on the page of alerts. */
const shownMax = 4;
const gravity = ["critical", "warning", "info"];

/** What fires, the gravest first; nothing at all while all is well. */
export function FiringAlerts() {
  const alerts = useLive((document) => document.alerts.alerts);
  const firing = Object.values(alerts ?? {})
    .filter(({ status }) => status === "firing")
    .toSorted(
      (one, other) =>
        Number(one.acknowledged_by !== null) - Number(other.acknowledged_by !== null) ||
        gravity.indexOf(one.severity) - gravity.indexOf(other.severity),
    );
  if (firing.length === 0) return null;
  return (
    <section class="card firing" aria-labelledby="firing-title">
      <h2 id="firing-title" class="visually-hidden">
        Firing alerts
      </h2>
      <ul>
        {firing.slice(0, shownMax).map((alert) => (
          <FiringAlert key={alert.alert} alert={alert} />
        ))}
      </ul>
      {firing.length > shownMax && (
        <a href={linkTo("alerts")}>{firing.length - shownMax} more alerts</a>
      )}
    </section>
  );
}

function FiringAlert({ alert }: { alert: Alert }) {
  const { api, toasts } = useApp();
  const [isBusy, setBusy] = useState(false);
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
  const isCritical = alert.severity === "critical";
  return (
    <li class="firing-alert">
      <Badge tone={isCritical ? "bad" : "warn"} icon={isCritical ? "breach" : "bell"}>
        {alert.severity}
      </Badge>
      <p dir="auto" class="firing-summary" title={alert.summary}>
        {alert.summary}
      </p>
      <span class="muted small">
        <Age at={alert.started_at} />
      </span>
      {alert.acknowledged_by === null ? (
        <CommandButton
          onClick={() => void acknowledge()}
          blockedBy={isBusy ? "Being acknowledged" : null}
        >
          Acknowledge<span class="visually-hidden"> {alert.alert}</span>
        </CommandButton>
      ) : (
        <span class="muted small">
          acknowledged by <bdi>{alert.acknowledged_by}</bdi>
        </span>
      )}
    </li>
  );
}
