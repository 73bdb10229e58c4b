import { formatShare } from "../../base/units.ts";
import type { ExperimentPolicy } from "../experiment/policy.ts";
import { asksForProof } from "./admin-access.ts";
import { isLoopback } from "./address.ts";
import { placeOf } from "./database-place.ts";
import type { AdminPolicy, Config, Issue, StorePolicy } from "./model.ts";
import { movedShare } from "./split-change.ts";

/** What a new configuration would do to a running one. */
export type ReloadPlan = {
  /** What will run: the new configuration, with what only a restart can change left as it is. */
  readonly config: Config;
  /** What changes, in words, without secrets. Empty when nothing does. */
  readonly changes: readonly string[];
  /** What takes a restart, and where users change their variant. */
  readonly warnings: readonly string[];
  /** Why the reload as a whole is refused; empty when it may go on. */
  readonly refusals: readonly Issue[];
  /** Experiments that start a new epoch: new ones, and those whose split or variants changed. */
  readonly epochs: readonly string[];
};

/** Compares two configurations; pure, and symmetric in nothing. */
export function planReload(running: Config, wanted: Config): ReloadPlan {
  const changes: string[] = [];
  const warnings: string[] = [];
  const refusals: Issue[] = [];
  const epochs: string[] = [];
  const config = keepUntilRestart(running, wanted, warnings);
  for (const section of ["listen", "admin", "log"] as const) {
    const fields = changedFields(running[section], config[section]);
    if (fields.length > 0) changes.push(`${section}: ${fields.join(", ")} changed`);
  }
  if (!isSame(running.alerts, config.alerts)) changes.push("alerts: rules or channels changed");
  if (!isSame(running.prometheus, config.prometheus)) changes.push("prometheus changed");
  if (!isSame(running.replica, config.replica)) changes.push("replica: name or admin_url changed");
  if (!isSame(running.insights, config.insights)) changes.push("insights changed");
  if (!isSame(running.tracing, config.tracing)) changes.push("tracing changed");
  describeMap("upstreams", running.upstreams, config.upstreams, changes);
  if (!isSame(running.routes, config.routes)) changes.push(describeRoutes(running, config));
  for (const key of namesOf(running.experiments, config.experiments)) {
    const old = own(running.experiments, key);
    const next = own(config.experiments, key);
    if (old === undefined) {
      changes.push(`experiments.${key} added`);
      epochs.push(key);
    } else if (next === undefined) {
      changes.push(`experiments.${key} removed`);
    } else if (!isSame(old, next)) {
      changes.push(...describeExperiment(old, next));
      refusals.push(...refuseRebucketing(old, next));
      warnings.push(...warnOfMoves(old, next));
      if (!isSame(comparisonOf(old), comparisonOf(next))) epochs.push(key);
    }
  }
  return { config, changes, warnings, refusals, epochs };
}

/** The epoch of each experiment after a plan; a removed one keeps its number, so that it never counts twice. */
export function advanceEpochs(
  epochs: Readonly<Record<string, number>>,
  plan: Pick<ReloadPlan, "epochs">,
): Record<string, number> {
  const next = { ...epochs };
  for (const key of plan.epochs) next[key] = (own(next, key) ?? 0) + 1;
  return next;
}

function keepUntilRestart(running: Config, wanted: Config, warnings: string[]): Config {
  const keep = (field: string, old: unknown, next: unknown) => {
    if (!isSame(old, next)) warnings.push(`${field}: ${String(old)} stays until a restart`);
  };
  keep("listen.host", running.listen.host, wanted.listen.host);
  keep("listen.port", running.listen.port, wanted.listen.port);
  keep("listen.workers", running.listen.workers, wanted.listen.workers);
  // The name alone: the rest of a URL is a secret.
  if (!isSame(running.store, wanted.store)) {
    warnings.push(`store: ${describeStore(running.store)} stays until a restart`);
  }
  keep("admin.host", running.admin.host, wanted.admin.host);
  keep("admin.port", running.admin.port, wanted.admin.port);
  const tlsToggled = (running.listen.tls === null) !== (wanted.listen.tls === null);
  if (tlsToggled) {
    const state = running.listen.tls === null ? "off" : "on";
    warnings.push(`listen.tls: ${state} stays until a restart`);
  }
  const { host, port, workers, tls } = running.listen;
  return {
    ...wanted,
    store: running.store,
    listen: { ...wanted.listen, host, port, workers, ...(tlsToggled && { tls }) },
    admin: keepAdmin(running.admin, wanted.admin, warnings),
  };
}

function describeStore(store: StorePolicy | null): string {
  if (store === null) return "none";
  return store.kind === "sqlite" ? store.path : placeOf(store.url).name;
}

function keepAdmin(running: AdminPolicy, wanted: AdminPolicy, warnings: string[]): AdminPolicy {
  const { host, port } = running;
  const tlsToggled = speech(running) !== speech(wanted);
  if (tlsToggled) warnings.push(`admin.tls: ${speech(running)} stays until a restart`);
  const tls = tlsToggled ? running.tls : wanted.tls;
  // The old address may be open to the world while the new one, on loopback, needs no token; and who wants
  // certificates instead of a token must not be left with neither.
  const isBare =
    !asksForProof({ ...wanted, tls }) &&
    (!isLoopback(host) || (asksForProof(wanted) && asksForProof(running)));
  const cause = isLoopback(host) ? "admin.tls" : "admin.host";
  if (isBare) warnings.push(`admin.token: stays until a restart, because ${cause} does`);
  const { token, viewerToken } = isBare ? running : wanted;
  return { host, port, token, viewerToken, readOnly: wanted.readOnly, tls };
}

function speech({ tls }: AdminPolicy): string {
  return tls === null ? "off" : `on${tls.clientCa === null ? "" : ", with client certificates"}`;
}

function describeMap(
  section: string,
  running: Readonly<Record<string, object>>,
  wanted: Readonly<Record<string, object>>,
  changes: string[],
): void {
  for (const name of namesOf(running, wanted)) {
    const old = own(running, name);
    const next = own(wanted, name);
    if (old === undefined) changes.push(`${section}.${name} added`);
    else if (next === undefined) changes.push(`${section}.${name} removed`);
    else if (!isSame(old, next)) {
      changes.push(`${section}.${name}: ${changedFields(old, next).join(", ")} changed`);
    }
  }
}

function describeRoutes(running: Config, wanted: Config): string {
  const before = new Map(running.routes.map((route) => [route.match, route]));
  const after = new Map(wanted.routes.map((route) => [route.match, route]));
  const added = [...after.keys()].filter((match) => !before.has(match));
  const removed = [...before.keys()].filter((match) => !after.has(match));
  const changed = [...after].filter(
    ([match, route]) => before.has(match) && !isSame(before.get(match), route),
  );
  const parts = [
    ...added.map((match) => `${match} added`),
    ...removed.map((match) => `${match} removed`),
    ...changed.map(([match]) => `${match} changed`),
  ];
  return `routes: ${parts.length === 0 ? "order changed" : parts.join(", ")}`;
}

function describeExperiment(old: ExperimentPolicy, next: ExperimentPolicy): string[] {
  const at = `experiments.${next.key}`;
  const words: string[] = [];
  if (old.disabled !== next.disabled) {
    words.push(next.disabled ? `${at} disabled: everybody gets the control` : `${at} enabled`);
  }
  if (old.rolloutShare !== next.rolloutShare) {
    words.push(`${at}: share ${shareWord(old)} → ${shareWord(next)}`);
  }
  if (!isSame(planOf(old), planOf(next))) {
    words.push(`${at}: the rollout's plan changed: it starts anew`);
  }
  if (next.rollout !== null && old.rollout?.desired !== next.rollout.desired) {
    words.push(`${at}.rollout: state ${old.rollout?.desired ?? "none"} → ${next.rollout.desired}`);
  }
  if (old.lifecycle !== null && next.lifecycle !== null) {
    const parts = changedFields(old.lifecycle, next.lifecycle).map((field) =>
      field === "initial" ? "state" : field,
    );
    if (parts.length > 0) words.push(`${at}: ${parts.join(", ")} changed`);
  }
  const measured = changedFields(old.measure, next.measure);
  if (measured.length > 0) words.push(`${at}: ${measured.join(", ")} changed`);
  if (old.onUnavailable !== next.onUnavailable) {
    words.push(`${at}: on_unavailable ${old.onUnavailable} → ${next.onUnavailable}`);
  }
  const fields = changedFields(old.assignment, next.assignment);
  if (fields.length > 0) words.push(`${at}.assignment: ${fields.join(", ")} changed`);
  const before = Object.fromEntries(old.variants.map((variant) => [variant.key, variant]));
  const after = Object.fromEntries(next.variants.map((variant) => [variant.key, variant]));
  for (const key of namesOf(before, after)) {
    const [was, is] = [own(before, key), own(after, key)];
    if (was === undefined) words.push(`${at}.variants.${key} added`);
    else if (is === undefined) words.push(`${at}.variants.${key} removed`);
    else {
      if (was.weight !== is.weight && next.rolloutShare === null && old.rolloutShare === null) {
        words.push(`${at}.variants.${key}: weight ${was.weight} → ${is.weight}`);
      }
      const others = changedFields(was, is).filter((field) => field !== "weight");
      if (others.length > 0) words.push(`${at}.variants.${key}: ${others.join(", ")} changed`);
    }
  }
  return words.length === 0 ? [`${at}.variants: order changed`] : words;
}

function shareWord(experiment: ExperimentPolicy): string {
  return experiment.rolloutShare === null ? "by weight" : formatShare(experiment.rolloutShare);
}

/** A reload never re-buckets users: another seed is another experiment and takes another key. */
function refuseRebucketing(old: ExperimentPolicy, next: ExperimentPolicy): Issue[] {
  if (old.disabled) return [];
  const refused: Issue[] = [];
  for (const [field, written] of [
    ["seed", "seed"],
    ["hashVersion", "hash_version"],
  ] as const) {
    if (old.assignment[field] === next.assignment[field]) continue;
    refused.push({
      path: `experiments.${next.key}.assignment.${written}`,
      line: null,
      column: null,
      code: "rebucketing",
      message:
        `another ${written} would move the users of a running experiment; ` +
        "give the experiment another key, or disable it first",
    });
  }
  return refused;
}

function warnOfMoves(old: ExperimentPolicy, next: ExperimentPolicy): string[] {
  const at = `experiments.${next.key}`;
  const warnings: string[] = [];
  const [was, is] = [old.assignment, next.assignment];
  if (was.strategy === "hash" && is.strategy === "hash") {
    const staysRollout = old.rolloutShare !== null && next.rolloutShare !== null;
    const moved = movedShare(old, next);
    // A rollout's share is there to move users, and moves each at most once.
    if (moved > 0 && !staysRollout) {
      const percent = (moved * 100).toFixed(1).replace(/\.0$/, "");
      warnings.push(`${at}: ${percent}% of its users change variant`);
    }
  }
  if (was.strategy !== is.strategy) {
    warnings.push(`${at}: strategy ${was.strategy} → ${is.strategy}; users change variant`);
  }
  const may = (word: string) => `${at}: ${word} changed; users may change variant`;
  if (!isSame(was.user, is.user)) warnings.push(may("user key sources"));
  if (was.cookie?.name !== is.cookie?.name) warnings.push(may("cookie"));
  if (!isSame(was.namespace, is.namespace)) warnings.push(may("namespace"));
  return warnings;
}

/** What a measurement depends on; where it changes, the numbers before and after must not be pooled. */
function comparisonOf(experiment: ExperimentPolicy): object {
  return {
    ...experiment,
    onUnavailable: null,
    lifecycle: null,
    measure: null,
    primary: null,
    rollout: planOf(experiment),
  };
}

/** What a rollout is, without what the file wants done with it. */
function planOf({ rollout }: ExperimentPolicy): object | null {
  return rollout === null ? null : { ...rollout, desired: null };
}

function namesOf(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function changedFields(old: object, next: object): string[] {
  const [before, after] = [new Map(Object.entries(old)), new Map(Object.entries(next))];
  return namesOf(old, next)
    .filter((field) => !isSame(before.get(field), after.get(field)))
    .map((field) =>
      field.replace(/(Ms|Bytes)$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    );
}

/** Deep equality of plain data, the order of keys apart. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return false;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [Object.entries(one), new Map(Object.entries(other))];
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && isSame(value, right.get(key)))
  );
}
