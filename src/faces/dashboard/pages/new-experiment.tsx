import { Page } from "../app/page.tsx";
import { EmptyState } from "../parts/card.tsx";

export function NewExperimentPage() {
  return (
    <Page title="New experiment">
      <EmptyState title="This page is being built." />
    </Page>
  );
}
