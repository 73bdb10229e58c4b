import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { experiment } from "./experiment.ts";
import { internals } from "./internals.ts";
import { overview } from "./overview.ts";
import { rollout } from "./rollout.ts";

/** Every dashboard by its file in config/grafana. */
export const dashboards: ReadonlyMap<string, Dashboard> = new Map([
  ["overview.json", overview],
  ["experiment.json", experiment],
  ["rollout.json", rollout],
  ["internals.json", internals],
]);

export function render(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
