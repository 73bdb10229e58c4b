import { parseDocument } from "yaml";

/**
 * The configuration that a rehearsal runs: the file as it is, but on loopback ports of its own, with a store of its own,
 * without alerts, and with a rollout that waits for nobody.
 */

export type RehearsalChanges = {
  readonly experiment: string;
  readonly storePath: string;
  /** Instead of each step's hold and the observation; null leaves them. */
  readonly hold: string | null;
  /** From a file's name in the configuration to where it is. */
  readonly pathOf: (name: string) => string;
};

type Fields = Record<string, unknown>;

/** JSON, which is YAML; environment references stay as they are written. The text is valid YAML. */
export function rehearsalConfig(text: string, changes: RehearsalChanges): string {
  const written = fieldsOf(parseDocument(text).toJS());
  const { tls: _, ...listen } = fieldsOf(written["listen"]);
  const { alerts: _alerts, ...kept } = written;
  const experiments = fieldsOf(written["experiments"]);
  const experiment = fieldsOf(experiments[changes.experiment]);
  return JSON.stringify({
    ...kept,
    listen: { ...listen, host: "127.0.0.1", port: 0, workers: 1, variant_header: true },
    admin: { host: "127.0.0.1", port: 0 },
    store: { sqlite: changes.storePath },
    upstreams: mapFields(fieldsOf(written["upstreams"]), (upstream) =>
      withAbsoluteFiles(upstream, changes.pathOf),
    ),
    experiments: {
      ...experiments,
      [changes.experiment]: {
        ...experiment,
        rollout: rehearsedRollout(fieldsOf(experiment["rollout"]), changes.hold),
      },
    },
  });
}

function rehearsedRollout(rollout: Fields, hold: string | null): Fields {
  // What the file wants of it is said to another Sluice.
  const { state: _, ...kept } = rollout;
  const steps = Array.isArray(rollout["steps"]) ? rollout["steps"] : [];
  return {
    ...kept,
    ...(hold !== null && { observe: hold }),
    steps: steps.map((step) => rehearsedStep(fieldsOf(step), hold)),
  };
}

function rehearsedStep(step: Fields, hold: string | null): Fields {
  const { gate: _, ...kept } = step;
  return hold === null ? kept : { ...kept, hold };
}

function withAbsoluteFiles(upstream: unknown, pathOf: (name: string) => string): unknown {
  const { tls } = fieldsOf(upstream);
  if (tls === undefined) return upstream;
  const files = mapFields(fieldsOf(tls), (value, key) =>
    ["ca", "cert", "key"].includes(key) && typeof value === "string" ? pathOf(value) : value,
  );
  return { ...fieldsOf(upstream), tls: files };
}

function mapFields(fields: Fields, change: (value: unknown, key: string) => unknown): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, change(value, key)]),
  );
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}
