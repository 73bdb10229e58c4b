import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function RolloutPage() {
  return (
    <Page title="Rollout">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
