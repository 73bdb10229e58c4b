import type { ExperimentStatus } from "../../wire/admin-api.ts";
import type { LiveDocument } from "../../wire/live.ts";
import type { AdminSources } from "./sources.ts";

/** What `/v1/live` shows: what the other resources answer, with their lists as maps. */
export function composeLiveDocument(
  sources: Pick<AdminSources, "status" | "system" | "rollouts" | "experiments" | "alerts">,
): LiveDocument {
  const { uptime_seconds: _, workers, endpoints, experiments, ...status } = sources.status();
  const { alerts, silences, channels, ...otherAlerts } = sources.alerts.list();
  return {
    status,
    system: sources.system(),
    workers: byName(workers, ({ index }) => String(index)),
    endpoints: byName(endpoints, ({ upstream, origin }) => `${upstream} ${origin}`),
    traffic: byName(experiments.map(withVariantsByKey), ({ key }) => key),
    experiments: byName(sources.experiments.list(), ({ experiment }) => experiment),
    rollouts: byName(sources.rollouts.list(), ({ experiment }) => experiment),
    alerts: {
      ...otherAlerts,
      alerts: byName(alerts, ({ alert }) => alert),
      silences: byName(silences, ({ silence }) => silence),
      channels: byName(channels, ({ name }) => name),
    },
  };
}

function withVariantsByKey({ variants, ...experiment }: ExperimentStatus) {
  return { ...experiment, variants: byName(variants, ({ key }) => key) };
}

function byName<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
): Record<string, Item> {
  return Object.fromEntries(items.map((item) => [nameOf(item), item]));
}
