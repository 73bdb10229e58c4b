import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function ReportsPage() {
  return (
    <Page title="Reports">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
