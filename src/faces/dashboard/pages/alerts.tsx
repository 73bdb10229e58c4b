import { useState } from "preact/hooks";
import { useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { CommandButton } from "../parts/button.tsx";
import { Card, EmptyState, Loading } from "../parts/card.tsx";
import { JournalList } from "../parts/journal-list.tsx";
import { countOf } from "../words/numbers.ts";
import { AlertList, ResolvedList } from "./alerts/alert-list.tsx";
import { ChannelTable } from "./alerts/channels.tsx";
import { SilenceDialog } from "./alerts/silence-dialog.tsx";
import { SilenceTable } from "./alerts/silences.tsx";

/** What fires and what did, who has seen it, who is told, and what is kept quiet. */
export function AlertsPage() {
  const alerts = useLive((document) => document.alerts);
  const [isSilencing, setSilencing] = useState(false);
  if (alerts === undefined) {
    return (
      <Page title="Alerts">
        <Loading what="the alerts" />
      </Page>
    );
  }
  const all = Object.values(alerts.alerts);
  const firing = all.filter(({ status }) => status === "firing");
  const pending = all.filter(({ status }) => status === "pending");
  const silences = Object.values(alerts.silences);
  return (
    <Page
      title="Alerts"
      heading={
        firing.length === 0 ? "Nothing is firing" : `${countOf(firing.length, "alert")} firing`
      }
      aside={
        <CommandButton icon="bell" onClick={() => setSilencing(true)}>
          Silence …
        </CommandButton>
      }
    >
      {firing.length > 0 && <AlertList title="Firing" alerts={firing} silences={silences} />}
      {pending.length > 0 && <AlertList title="Pending" alerts={pending} silences={silences} />}
      {alerts.without_room > 0 && (
        <p class="banner banner-warn">
          {countOf(alerts.without_room, "alert")} could not be kept: there is room for no more at
          once.
        </p>
      )}
      <div class="columns">
        <Card title="Silences">
          {silences.length === 0 ? (
            <EmptyState title="Nothing is silenced." />
          ) : (
            <SilenceTable silences={silences} />
          )}
        </Card>
        <Card title="Channels">
          <ChannelTable channels={Object.values(alerts.channels)} />
        </Card>
      </div>
      <div class="columns">
        <Card title="Resolved of late">
          {alerts.resolved.length === 0 ? (
            <EmptyState title="Nothing was resolved since the start." />
          ) : (
            <ResolvedList alerts={alerts.resolved.toReversed()} />
          )}
        </Card>
        <Card title="History">
          <JournalList
            of="History of alerts"
            query={{ scope: "alert" }}
            known={[]}
            seen={JSON.stringify([
              all.map(({ alert, status, acknowledged_by: by }) => [alert, status, by]),
              alerts.resolved.length,
            ])}
            empty="No alert has ever fired."
          />
        </Card>
      </div>
      {isSilencing && <SilenceDialog about={null} onClose={() => setSilencing(false)} />}
    </Page>
  );
}
