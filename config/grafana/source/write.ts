import { writeFileSync } from "node:fs";
import { dashboards, render } from "./dashboards.ts";

/** Writes the dashboards that Grafana imports: `npm run build:grafana`. */
for (const [file, dashboard] of dashboards) {
  writeFileSync(new URL(`../${file}`, import.meta.url), render(dashboard));
}
