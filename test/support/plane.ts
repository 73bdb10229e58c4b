import { parseConfig } from "../../src/core/config/parse.ts";
import type { Config } from "../../src/core/config/model.ts";
import { createDataPlane, type DataPlane } from "../../src/data/plane.ts";
import type { IssuedHandle } from "../../src/wire/messages.ts";
import { outcomes, type Outcome } from "../../src/core/traffic/outcome.ts";

/** A data plane in this process, on a free port, over real sockets and the real clock. */
export type TestPlane = {
  readonly port: number;
  readonly plane: DataPlane;
  /** Handles that the variants gave out. */
  readonly handles: IssuedHandle[];
  readonly logs: { level: string; message: string; facts: unknown }[];
  /** Applies a configuration as the next routing table. */
  apply(text: string, files?: TestFiles): void;
  /** Counts by outcome since the start, over all series. */
  outcomes(): Record<Outcome, number>;
  counters(): ReturnType<DataPlane["snapshot"]>["counters"];
  endpoints(): ReturnType<DataPlane["snapshot"]>["endpoints"];
  stop(): Promise<void>;
};

/** PEM texts by the file names that a configuration uses. */
export type TestFiles = Readonly<Record<string, string>>;

export function configOf(text: string, given: TestFiles = {}): Config {
  const parsed = parseConfig(text, {
    env: {},
    cores: 1,
    files: (name) => {
      const value = given[name];
      return value === undefined
        ? { ok: false, error: `no file ${name} in this test` }
        : { ok: true, value };
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, null, 2));
  return parsed.value;
}

export async function startPlane(text: string, files: TestFiles = {}): Promise<TestPlane> {
  let version = 1;
  const logs: TestPlane["logs"] = [];
  const handles: IssuedHandle[] = [];
  let drawn = 0;
  const plane = createDataPlane(
    {
      index: 0,
      table: { version, config: configOf(text, files), epochs: {} },
      port: 0,
      health: [],
      handles: [],
    },
    {
      clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
      timers: {
        after(delayMs, run) {
          const timer = setTimeout(run, delayMs);
          return () => clearTimeout(timer);
        },
        every(periodMs, run) {
          const timer = setInterval(run, periodMs);
          return () => clearInterval(timer);
        },
      },
      random: { next: Math.random, hex32: () => (++drawn).toString(16).padStart(32, "0") },
      log: (level, message, facts) => logs.push({ level, message, facts }),
      onHandle: (handle) => handles.push(handle),
      onWrite: () => {},
      onUrgent: () => {},
    },
  );
  const port = await plane.listen();
  const total = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<
    Outcome,
    number
  >;
  let counters: ReturnType<TestPlane["counters"]>;
  let endpoints: ReturnType<TestPlane["endpoints"]>;
  const collect = () => {
    const snapshot = plane.snapshot();
    ({ counters, endpoints } = snapshot);
    for (const series of snapshot.telemetry.series) {
      for (const [at, outcome] of outcomes.entries())
        total[outcome] += series.outcomes[at] as number;
    }
  };
  return {
    port,
    plane,
    handles,
    logs,
    apply(next, nextFiles = files) {
      version += 1;
      plane.applyRouting({ version, config: configOf(next, nextFiles), epochs: {} });
    },
    outcomes() {
      collect();
      return { ...total };
    },
    counters() {
      collect();
      return counters;
    },
    endpoints() {
      collect();
      return endpoints;
    },
    stop: () => plane.stop(),
  };
}

/** The least configuration: everything goes to one upstream. */
export function pinnedTo(port: number, extra = "", upstream = ""): string {
  return `
listen: { host: 127.0.0.1, port: 0 ${extra} }
upstreams:
  only: { url: "http://127.0.0.1:${port}" ${upstream} }
routes:
  - { match: "/**", upstream: only }
`;
}
