import type { ComponentType } from "preact";
import type { IconName } from "../parts/icon.tsx";
import { AlertsPage } from "../pages/alerts.tsx";
import { AssignPage } from "../pages/assign.tsx";
import { ExperimentPage } from "../pages/experiment.tsx";
import { NewExperimentPage } from "../pages/new-experiment.tsx";
import { OverviewPage } from "../pages/overview.tsx";
import { ReportsPage } from "../pages/reports.tsx";
import { RolloutPage } from "../pages/rollout.tsx";
import { SystemPage } from "../pages/system.tsx";

/** What a page is given: the segments of its address after the first. */
export type PageProps = { readonly params: readonly string[] };

export type Route = {
  /** The first segment of the address. */
  readonly path: string;
  /** How many segments follow it. */
  readonly params: number;
  /** In the menu and in the window's title. */
  readonly title: string;
  /** Null keeps it out of the menu. */
  readonly icon: IconName | null;
  readonly page: ComponentType<PageProps>;
};

/** Every page, in the order of the menu. */
export const routes: readonly Route[] = [
  { path: "", params: 0, title: "Overview", icon: "grid", page: OverviewPage },
  { path: "alerts", params: 0, title: "Alerts", icon: "bell", page: AlertsPage },
  { path: "assign", params: 0, title: "Who gets what", icon: "person", page: AssignPage },
  { path: "reports", params: 0, title: "Reports", icon: "file", page: ReportsPage },
  { path: "system", params: 0, title: "System", icon: "pulse", page: SystemPage },
  { path: "new", params: 0, title: "New experiment", icon: "plus", page: NewExperimentPage },
  { path: "experiment", params: 1, title: "Experiment", icon: null, page: ExperimentPage },
  { path: "rollout", params: 1, title: "Rollout", icon: null, page: RolloutPage },
];

/** The page of an address; null where there is none. */
export function findRoute(segments: readonly string[]): Route | null {
  const [path = "", ...params] = segments;
  const route = routes.find((one) => one.path === path && one.params === params.length);
  return route ?? null;
}
