import { compileExperiment, type CompiledExperiment } from "../core/assignment/compile.ts";
import { compileUserKey, type UserKeyFinder } from "../core/assignment/user-key.ts";
import type { VariantProof } from "../core/assignment/signed-variant.ts";
import type { AssignmentPolicy } from "../core/assignment/policy.ts";
import type { ExperimentPolicy, VariantPolicy } from "../core/experiment/policy.ts";
import { watchOf } from "../core/rollout/series-watch.ts";
import { compileHeaderEdits, type HeaderEdits } from "../core/traffic/forward.ts";
import type { RoutePolicy, Timeouts } from "../core/traffic/policy.ts";
import { compileRoutes, type RouteMatcher } from "../core/traffic/route.ts";
import { compileTrust, type Trust } from "../core/traffic/trust.ts";
import type { Recorder, Series, SeriesKey } from "../core/telemetry/recorder.ts";
import type { RoutingTable } from "../wire/messages.ts";
import { createVariantProof } from "../wire/signed-variant.ts";
import { planCopies, type CopyPlan } from "./copies/copy-plan.ts";
import {
  compileObservation,
  type ArmMemories,
  type Observation,
} from "./observation/observation.ts";
import { compileHandle, type HandleFinder } from "./handles.ts";
import { planMirror, type MirrorPlan } from "./writes/mirror-plan.ts";
import type { Upstream, UpstreamSet } from "./upstream/upstream.ts";

/** Where an exchange goes, with everything that its arm decides precomputed. */
export type Arm = {
  readonly experiment: string | null;
  readonly variant: VariantPolicy | null;
  /** Of the route, taken off the path. */
  readonly prefix: string;
  /** What clients see of it; null when they are not to see it. */
  readonly shownVariant: string | null;
  readonly upstream: Upstream;
  readonly edits: HeaderEdits | null;
  readonly timeouts: Timeouts;
  readonly series: Series;
  /** What its exchanges are looked at for; null where nothing is. */
  readonly observation: Observation | null;
  /** Whether and where its requests are copied to; null where they are not. */
  copies: CopyPlan | null;
  /** Which other variants get the writes that it answers; null where they do not. */
  mirror: MirrorPlan | null;
};

export type RouteEntry = {
  readonly policy: RoutePolicy;
  readonly bodyBytesMax: number;
  /** Empty on a pinned route. */
  readonly experiments: readonly CompiledExperiment[];
  /** By experiment and variant index. */
  readonly arms: readonly (readonly Arm[])[];
  /** The arm of a pinned route. */
  readonly pin: Arm | null;
  /** The user key and cookie of the route's first experiment: experiments on one route share their users. */
  readonly finder: UserKeyFinder | null;
  /** Finds the handle that leads a request back to its variant; null on routes without. */
  readonly findHandle: HandleFinder | null;
  readonly cookie: AssignmentPolicy["cookie"];
};

/** A routing table ready for the request path; immutable, swapped as a whole. */
export type CompiledRouting = {
  readonly table: RoutingTable;
  readonly matcher: RouteMatcher;
  readonly routes: readonly RouteEntry[];
  readonly trust: Trust;
  /** Checks signed variants; null without a secret to check them by. */
  readonly proof: VariantProof | null;
  /** For requests that no route took, or that were refused before one was looked for. */
  readonly unrouted: Series;
  /** Compiled experiments by key, so that an unchanged one keeps its round-robin state through a reload. */
  readonly experiments: ReadonlyMap<string, CompiledExperiment>;
  readonly memories: ArmMemories;
};

/** The route label of requests that were answered before a route was found. */
export const unroutedLabel = "_unrouted";

export function compileRouting(
  table: RoutingTable,
  upstreams: UpstreamSet,
  recorder: Recorder,
  previous: CompiledRouting | null,
  wallMs: () => number,
): CompiledRouting {
  const { config } = table;
  const matcher = compileRoutes(config.routes);
  const trust = compileTrust(config.listen.trustedProxies);
  const experiments = new Map<string, CompiledExperiment>();
  for (const policy of Object.values(config.experiments)) {
    experiments.set(policy.key, reuseExperiment(policy, previous) ?? compileExperiment(policy));
  }
  checkReferences(table);
  // From here on nothing fails: a table that cannot be used has changed nothing.
  upstreams.apply(config.upstreams);
  recorder.beginTable();
  const memories: Parameters<typeof compileObservation>[4] = new Map();
  const upstreamOf = (name: string) => upstreams.byName.get(name) as Upstream;
  const armOf = (
    route: RoutePolicy,
    upstreamName: string,
    experiment: ExperimentPolicy | null,
    variant: VariantPolicy | null,
  ): Arm => {
    const upstream = upstreamOf(upstreamName);
    const key = keyOf(route, upstreamName, experiment, variant);
    return {
      experiment: experiment?.key ?? null,
      variant,
      prefix: route.prefix,
      shownVariant: config.listen.variantHeader ? (variant?.key ?? null) : null,
      upstream,
      edits: variant === null ? null : compileHeaderEdits(variant.headers),
      timeouts: { ...upstream.policy.timeouts, ...route.timeouts },
      series: recorder.series(key, watchOf(experiment?.rollout ?? null)),
      observation: compileObservation(route, experiment, key, previous?.memories ?? null, memories),
      copies: null,
      mirror: null,
    };
  };
  const keyOf = (
    route: RoutePolicy,
    upstream: string,
    experiment: ExperimentPolicy | null,
    variant: VariantPolicy | null,
  ): SeriesKey => ({
    experiment: experiment?.key ?? null,
    variant: variant?.key ?? null,
    upstream,
    route: route.match,
    epoch: experiment === null ? 0 : (table.epochs[experiment.key] ?? 0),
    randomised: experiment !== null && experiment.assignment.strategy !== "hash",
    shadow: false,
  });
  const armsOf = (route: RoutePolicy, policy: ExperimentPolicy): readonly Arm[] => {
    const arms = policy.variants.map((variant) => armOf(route, variant.upstream, policy, variant));
    if (route.class === "write" && policy.measure.writes === "mirror") {
      for (const [at, plan] of planMirror(policy, arms).entries()) (arms[at] as Arm).mirror = plan;
    }
    if (route.class !== "split") return arms;
    const plans = planCopies(policy, arms, ({ series }) =>
      recorder.series({ ...series.key, shadow: true }, watchOf(policy.rollout)),
    );
    for (const [at, arm] of arms.entries()) arm.copies = plans[at] ?? null;
    return arms;
  };
  const routes = config.routes.map((route): RouteEntry => {
    const bodyBytesMax = route.bodyBytesMax ?? config.listen.limits.bodyBytesMax;
    if (route.target.kind === "upstream") {
      const pin = armOf(route, route.target.upstream, null, null);
      return {
        policy: route,
        bodyBytesMax,
        experiments: [],
        arms: [],
        pin,
        finder: null,
        findHandle: null,
        cookie: null,
      };
    }
    const compiled = route.target.experiments.map((key) => {
      return experiments.get(key) as CompiledExperiment;
    });
    const { assignment } = (compiled[0] as CompiledExperiment).policy;
    return {
      policy: route,
      bodyBytesMax,
      experiments: compiled,
      arms: compiled.map(({ policy }) => armsOf(route, policy)),
      pin: null,
      finder: compileUserKey(assignment.user, assignment.cookie),
      findHandle: route.handle === null ? null : compileHandle(route.handle, route.pattern),
      cookie: assignment.cookie,
    };
  });
  return {
    table,
    matcher,
    routes,
    trust,
    proof: createVariantProof(config.listen.signingSecrets, wallMs),
    unrouted: recorder.series({
      experiment: null,
      variant: null,
      upstream: null,
      route: unroutedLabel,
      epoch: 0,
      randomised: false,
      shadow: false,
    }),
    experiments,
    memories,
  };
}

function reuseExperiment(
  policy: ExperimentPolicy,
  previous: CompiledRouting | null,
): CompiledExperiment | undefined {
  const existing = previous?.experiments.get(policy.key);
  return existing !== undefined && JSON.stringify(existing.policy) === JSON.stringify(policy)
    ? existing
    : undefined;
}

/** The configuration has checked these; a table that breaks them is a bug, and must not be half applied. */
function checkReferences({ config }: RoutingTable): void {
  const names = config.routes.flatMap(({ target }) =>
    target.kind === "upstream"
      ? [target.upstream]
      : target.experiments.flatMap((key) => {
          const experiment = config.experiments[key];
          if (experiment === undefined)
            throw new Error(`the routing table names the unknown experiment ${key}`);
          return experiment.variants.map(({ upstream }) => upstream);
        }),
  );
  for (const name of names) {
    if (config.upstreams[name] === undefined) {
      throw new Error(`the routing table names the unknown upstream ${name}`);
    }
  }
}
