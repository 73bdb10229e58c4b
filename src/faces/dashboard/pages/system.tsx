import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function SystemPage() {
  return (
    <Page title="System">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
