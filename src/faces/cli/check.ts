import { formatDurationMs, formatShare } from "../../base/units.ts";
import { compileExperiment } from "../../core/assignment/compile.ts";
import type { Config } from "../../core/config/model.ts";
import type { ExperimentPolicy } from "../../core/experiment/policy.ts";
import type { RoutePolicy } from "../../core/traffic/policy.ts";
import { exitCodes, formatIssues, readConfigFile } from "./io.ts";
import type { CliIo } from "./io.ts";

/** `sluice check FILE`: every problem on stderr (exit 2), or what the file would do on stdout (exit 0). */
export function runCheck({ file }: { readonly file: string }, io: CliIo): number {
  const config = readConfigFile(file, io);
  if (!config.ok) {
    const count = config.error.length;
    io.stderr(formatIssues(file, config.error));
    io.stderr(`${file}: ${count} ${count === 1 ? "problem" : "problems"}\n`);
    return exitCodes.invalid;
  }
  io.stdout(`${file} is valid\n\n${describeConfig(config.value)}`);
  return exitCodes.success;
}

/** What a configuration does, for people. */
export function describeConfig(config: Config): string {
  const { listen, admin } = config;
  const workers = `${listen.workers} ${listen.workers === 1 ? "worker" : "workers"}`;
  const scheme = listen.tls === null ? "http" : "https";
  const adminScheme = admin.tls === null ? "http" : "https";
  const proofs = [
    ...(admin.token === null ? [] : ["a token"]),
    ...((admin.tls?.clientCa ?? null) === null ? [] : ["a client certificate"]),
  ];
  const proof = proofs.length === 0 ? "no token" : `with ${proofs.join(" or ")}`;
  const lines = [
    "Listeners",
    `  traffic  ${scheme}://${hostPort(listen)} (${workers})`,
    `  admin    ${adminScheme}://${hostPort(admin)} (${proof})`,
    "",
    "Upstreams",
    ...table(
      Object.values(config.upstreams).map((upstream) => [
        upstream.name,
        upstream.endpoints.map((endpoint) => endpoint.origin + endpoint.basePath).join(", "),
        upstream.health === null ? "no health check" : `health ${upstream.health.path}`,
      ]),
    ),
    "",
    "Routes (the first match counts; anything else gets 404)",
    ...table(describeRoutes(config.routes)),
  ];
  const used = new Set(config.routes.flatMap(experimentsOf));
  for (const experiment of Object.values(config.experiments)) {
    lines.push("", ...describeExperiment(experiment, used.has(experiment.key)));
  }
  return `${lines.join("\n")}\n`;
}

/** A preset's routes in one line: `sluice routes` has them all. */
function describeRoutes(routes: readonly RoutePolicy[]): string[][] {
  const lines: string[][] = [];
  for (const [at, route] of routes.entries()) {
    const { preset, prefix, match } = route;
    const before = routes[at - 1];
    const isSame =
      preset !== null && before?.preset?.name === preset.name && before.prefix === prefix;
    if (isSame) continue;
    const name =
      preset === null ? match : `${preset.name}${prefix === "" ? "" : ` under ${prefix}`}`;
    lines.push([name, `→ ${describeTarget(route)}${preset === null ? "" : "; see sluice routes"}`]);
  }
  return lines;
}

export function describeTarget({ target }: RoutePolicy): string {
  if (target.kind === "upstream") return `upstream ${target.upstream}`;
  const word = target.experiments.length === 1 ? "experiment" : "experiments";
  return `${word} ${target.experiments.join(", ")}`;
}

function experimentsOf({ target }: RoutePolicy): readonly string[] {
  return target.kind === "experiment" ? target.experiments : [];
}

function describeRollout({ rollout }: ExperimentPolicy): string[] {
  if (rollout === null) return [];
  const steps = rollout.steps.map(({ share, shadow, gate }) => {
    if (shadow > 0) return `${formatShare(shadow)} as copies`;
    if (gate === "none") return formatShare(share);
    return `${formatShare(share)} (${gate === "approval" ? "on approval" : "a webhook decides"})`;
  });
  const guardrails = rollout.guardrails.map(({ name, onBreach, dryRun }) => {
    return `${name} (${dryRun ? "dry run" : onBreach})`;
  });
  return [
    `  waits for "sluice rollout start", then ${steps.join(" → ")}`,
    guardrails.length === 0
      ? "  no guardrails: it climbs whatever happens"
      : `  guardrails: ${guardrails.join(", ")}`,
  ];
}

function describeLife({ lifecycle }: ExperimentPolicy): string[] {
  if (lifecycle === null) return [];
  const { initial, analysis, ends, onEnd, autoRollout } = lifecycle;
  const lines: string[] = [];
  if (initial === "draft") lines.push('  a draft: waits for "sluice experiment start"');
  if (analysis !== null) {
    const effect = `changes of ${formatShare(analysis.minEffectSize)} and more count`;
    lines.push(
      `  decides by ${analysis.primary}, ${formatShare(analysis.confidence)} sure; ${effect}`,
    );
  }
  const parts = [
    ends.onDecision ? "a decision" : null,
    ends.users === null ? null : `${ends.users} users in every arm`,
    ends.requests === null ? null : `${ends.requests} requests in every arm`,
    ends.afterMs === null ? null : formatDurationMs(ends.afterMs),
  ].filter((part) => part !== null);
  if (parts.length > 0) lines.push(`  ends with ${parts.join(", or ")}`);
  if (autoRollout !== null) {
    const steps = autoRollout.steps.map(({ share }) => formatShare(share));
    lines.push(`  a winning treatment climbs by itself: ${steps.join(" → ")}`);
  } else if (onEnd === "winner") lines.push("  then everybody gets the winner");
  return lines;
}

function describeExperiment(experiment: ExperimentPolicy, used: boolean): string[] {
  const { assignment, rolloutShare, variants } = experiment;
  const kind = rolloutShare === null ? assignment.strategy : `rollout, ${assignment.strategy}`;
  const state = experiment.disabled ? "; disabled: everybody gets the control" : "";
  const { ranges } = compileExperiment(experiment);
  const shares = ranges.map(([start, end]) => Number((end - start).toPrecision(12)));
  const enrolled = shares.reduce((sum, share) => sum + share, 0);
  const lines = [
    `Experiment ${experiment.key} (${kind}${state})`,
    ...table(
      variants.map((variant, at) => [
        variant.key + (variant.control ? " (control)" : ""),
        formatShare(shares[at] ?? 0),
        `→ upstream ${variant.upstream}`,
      ]),
    ),
  ];
  lines.push(...describeRollout(experiment), ...describeLife(experiment));
  const { namespace } = assignment;
  if (enrolled < 1 - 1e-9) {
    lines.push(
      `  the other ${formatShare(round(1 - enrolled))} of users get the control, unmeasured`,
    );
  }
  if (namespace !== null) {
    const [start, end] = namespace.range;
    lines.push(
      `  of the ${formatShare(round(end - start))} of users in ${formatShare(start)}…${formatShare(end)} of namespace ${namespace.id}`,
    );
  }
  if (!used) lines.push("  no route uses it");
  return lines;
}

function round(share: number): number {
  return Number(share.toPrecision(12));
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Rows in columns, two spaces apart, indented. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd(),
  );
}
