import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function AssignPage() {
  return (
    <Page title="Who gets what">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
