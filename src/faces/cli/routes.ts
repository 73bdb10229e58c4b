import { formatDurationMs, formatBytes } from "../../base/units.ts";
import type { RoutePolicy, Timeouts } from "../../core/traffic/policy.ts";
import { describeTarget, table } from "./check.ts";
import { exitCodes, formatIssues, readConfigFile, type CliIo } from "./io.ts";

/** `sluice routes FILE`: the routes that a configuration comes to, presets written out, each with its reason. */
export function runRoutes(
  { file, json }: { readonly file: string; readonly json: boolean },
  io: CliIo,
): number {
  const config = readConfigFile(file, io);
  if (!config.ok) {
    io.stderr(formatIssues(file, config.error));
    return exitCodes.invalid;
  }
  const { routes } = config.value;
  if (json) io.stdout(`${JSON.stringify(routes.map(describeAsJson), null, 2)}\n`);
  else {
    const head = ["MATCH", "CLASS", "TO", "READ AS", "WAITS", "BODY", "REASON"];
    io.stdout(`${table([head, ...routes.map(describeAsRow)]).join("\n")}\n`);
  }
  return exitCodes.success;
}

const ownReason = "written in the file";

function describeAsRow(route: RoutePolicy): string[] {
  const { match, bodyBytesMax, classify, timeouts, preset } = route;
  return [
    match,
    route.class,
    describeTarget(route),
    classify ?? "-",
    describeWaits(timeouts),
    bodyBytesMax === null ? "-" : formatBytes(bodyBytesMax),
    preset === null ? ownReason : preset.reason,
  ];
}

const waits: readonly (readonly [name: keyof Timeouts, shown: string])[] = [
  ["connectMs", "connect"],
  ["firstByteMs", "first byte"],
  ["idleMs", "idle"],
  ["totalMs", "total"],
];

function describeWaits(timeouts: Partial<Timeouts>): string {
  const shown = waits.flatMap(([name, text]) => {
    const value = timeouts[name];
    if (value === undefined) return [];
    return [`${text} ${value === null ? "unlimited" : formatDurationMs(value)}`];
  });
  return shown.length === 0 ? "-" : shown.join(", ");
}

function describeAsJson({ preset, methods, pattern, bodyBytesMax, ...route }: RoutePolicy) {
  return {
    match: route.match,
    methods,
    pattern,
    class: route.class,
    target: route.target,
    classify: route.classify,
    handle: route.handle,
    prefix: route.prefix,
    timeouts: route.timeouts,
    body_bytes_max: bodyBytesMax,
    preset: preset?.name ?? null,
    reason: preset?.reason ?? ownReason,
  };
}
