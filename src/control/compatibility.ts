import type { Clock, Timers } from "../base/clock.ts";
import {
  compareVariants,
  isLightrag,
  type CompatibilityFinding,
} from "../core/compatibility/compare.ts";
import { isEmbeddingRoute } from "../core/compatibility/embedding-probe.ts";
import type { VariantFacts } from "../core/compatibility/facts.ts";
import type { Config } from "../core/config/model.ts";
import type { ExperimentPolicy } from "../core/experiment/policy.ts";
import type { RoutePolicy, UpstreamPolicy } from "../core/traffic/policy.ts";
import { VariantProbe, type ProbeTarget } from "./variant-probe.ts";
import type { SupervisorLog } from "./worker-slot.ts";

export type CompatibilityDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: SupervisorLog;
};

/** What is known about the variants of one experiment, and what follows. */
export type CompatibilityStatus = {
  readonly experiment: string;
  /** Milliseconds since the epoch when the newest answer came; null before the first. */
  readonly checkedAt: number | null;
  readonly findings: readonly CompatibilityFinding[];
  /** Of the variants that were asked, as far as they are known. */
  readonly facts: readonly VariantFacts[];
};

/** Asks the variants of every experiment about themselves, until they answer, and compares them. */
export type Compatibility = {
  /** Asks whoever is new or changed; findings about the others stay. */
  apply(config: CompatibilityConfig): void;
  /** Asks the variants of this upstream again; what was known stays until they answer. */
  recheck(upstream: string): void;
  /** In the configuration's order. */
  status(): readonly CompatibilityStatus[];
  /** False, too, for what is unknown. */
  isRefused(experiment: string): boolean;
  /** Calls the listener after each change of a status. */
  onChange(listener: () => void): void;
  /** Ends everything under way; resolves when connections are closed. */
  stop(): Promise<void>;
};

export type CompatibilityConfig = Pick<Config, "upstreams" | "routes" | "experiments">;

type Entry = {
  readonly policy: ExperimentPolicy;
  readonly routes: readonly RoutePolicy[];
  /** By variant, the control first. */
  readonly probes: readonly VariantProbe[];
  /** Findings as they were logged last. */
  logged: string;
};

export function createCompatibility(dependencies: CompatibilityDependencies): Compatibility {
  const entries = new Map<string, Entry>();
  const listeners: (() => void)[] = [];
  const ending = new Set<Promise<void>>();

  const end = (probe: VariantProbe) => {
    const ended = probe.stop();
    ending.add(ended);
    void ended.then(() => ending.delete(ended));
  };
  const changed = () => {
    for (const [key, entry] of entries) tell(key, entry, dependencies.log);
    for (const listener of listeners) listener();
  };

  function apply({ upstreams, routes, experiments }: CompatibilityConfig): void {
    const before = new Map(entries);
    const kept = new Set<VariantProbe>();
    entries.clear();
    for (const [key, policy] of Object.entries(experiments)) {
      const own = routes.filter(({ target }) => leadsTo(target, key));
      // Nothing of these routes depends on a model or a build.
      if (!own.some((route) => isEmbeddingRoute(route) || isLightrag(route))) continue;
      const old = before.get(key);
      const probes = targetsOf(policy, own, upstreams).map((target) => {
        const present = old?.probes.find((probe) => sameTarget(probe.target, target));
        const probe = present ?? new VariantProbe(target, dependencies, changed);
        kept.add(probe);
        return probe;
      });
      entries.set(key, { policy, routes: own, probes, logged: old?.logged ?? "[]" });
    }
    for (const { probes } of before.values()) {
      for (const probe of probes) if (!kept.has(probe)) end(probe);
    }
    changed();
  }

  return {
    apply,
    recheck(upstream) {
      for (const { probes } of entries.values()) {
        for (const probe of probes) if (probe.target.upstream.name === upstream) probe.again();
      }
    },
    status: () => Array.from(entries, ([key, entry]) => statusOf(key, entry)),
    isRefused(experiment) {
      const entry = entries.get(experiment);
      if (entry === undefined) return false;
      return findingsOf(entry).some(({ severity }) => severity === "refuse");
    },
    onChange: (listener) => void listeners.push(listener),
    async stop() {
      for (const { probes } of entries.values()) probes.forEach(end);
      entries.clear();
      await Promise.all(ending);
    },
  };
}

function leadsTo(target: RoutePolicy["target"], experiment: string): boolean {
  return target.kind === "experiment" && target.experiments.includes(experiment);
}

function targetsOf(
  { variants }: ExperimentPolicy,
  routes: readonly RoutePolicy[],
  upstreams: Readonly<Record<string, UpstreamPolicy>>,
): ProbeTarget[] {
  return variants
    .toSorted((one, other) => Number(other.control) - Number(one.control))
    .flatMap((variant) => {
      const upstream = upstreams[variant.upstream];
      return upstream === undefined ? [] : [{ variant, upstream, routes }];
    });
}

/** Weights are no part of what is asked; whatever else changes makes the old answers another's. */
function sameTarget(one: ProbeTarget, other: ProbeTarget): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ variant, upstream, routes }: ProbeTarget): string {
  const { weight: _, ...asked } = variant;
  const { name, endpoints, tls } = upstream;
  return JSON.stringify([asked, name, endpoints, tls, routes]);
}

function findingsOf({ policy, routes, probes }: Entry): CompatibilityFinding[] {
  const [control, ...others] = probes.map(({ facts }) => facts);
  if (control === undefined || control === null) return [];
  return others.flatMap((other) => {
    return other === null ? [] : compareVariants(control, other, routes, policy.measure);
  });
}

function statusOf(experiment: string, entry: Entry): CompatibilityStatus {
  const times = entry.probes.flatMap(({ checkedAt }) => (checkedAt === null ? [] : [checkedAt]));
  return {
    experiment,
    checkedAt: times.length === 0 ? null : Math.max(...times),
    findings: findingsOf(entry),
    facts: entry.probes.flatMap(({ facts }) => (facts === null ? [] : [facts])),
  };
}

/** Logs findings that were not logged before. */
function tell(experiment: string, entry: Entry, log: SupervisorLog): void {
  const findings = findingsOf(entry);
  const text = JSON.stringify(findings);
  if (text === entry.logged) return;
  entry.logged = text;
  if (findings.length === 0) log("info", "variants are compatible again", { experiment });
  for (const { code, severity, message, variant } of findings) {
    const facts = { experiment, variant, code, finding: message };
    if (severity === "refuse") log("error", "split refused", facts);
    else log("warn", "variants differ", facts);
  }
}
