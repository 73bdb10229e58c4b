import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function AlertsPage() {
  return (
    <Page title="Alerts">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
