import { parse } from "yaml";
import { err, ok, type Result } from "../../base/result.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { ExperimentCommandName } from "../../core/experiment/state.ts";
import { formatNumber, formatPercent } from "../../core/statistics/decision/words.ts";
import {
  experimentLifecycleSchema,
  experimentsSchema,
  type ExperimentLifecycleStatus,
} from "../../wire/experiments-api.ts";
import { ask, explain, type AdminCall } from "./admin-call.ts";
import { exitCodes, type CliIo } from "./io.ts";

export type ExperimentArguments = {
  readonly action: "list" | "show" | "create" | ExperimentCommandName;
  /** Empty for list. */
  readonly experiment: string;
  /** Of create: a file with the experiment; `-` is standard input. */
  readonly from: string | null;
  readonly routes: readonly string[];
  readonly keepUsers: boolean;
  readonly reason: string | null;
  readonly actor: string | null;
  readonly json: boolean;
};

/** `sluice experiment ACTION [EXPERIMENT]`. Exit 0 when it was done, 2 when it cannot be, 1 when Sluice cannot be reached. */
export async function runExperiment(
  arguments_: ExperimentArguments,
  call: AdminCall,
  io: CliIo,
): Promise<number> {
  const { action, experiment, json } = arguments_;
  if (action === "create") return create(arguments_, call, io);
  const isList = action === "list";
  const path = `/v1/experiments${isList ? "" : `/${encodeURIComponent(experiment)}`}`;
  const body = isList || action === "show" ? null : commandOf(action, arguments_);
  const answer = await ask(call, path, body);
  if (answer.kind !== "answered") return explain("experiment", call, answer, io);
  if (json) io.stdout(`${JSON.stringify(answer.body, null, 2)}\n`);
  else if (isList) io.stdout(describeList(experimentsSchema.parse(answer.body).experiments));
  else io.stdout(describeExperiment(experimentLifecycleSchema.parse(answer.body)));
  return exitCodes.success;
}

function commandOf(
  command: ExperimentCommandName,
  { reason, actor, keepUsers }: ExperimentArguments,
) {
  return {
    command,
    ...(reason !== null && { reason }),
    ...(actor !== null && { actor }),
    ...(keepUsers && { keep_users: true }),
  };
}

async function create(
  { experiment: key, from, routes, actor, json }: ExperimentArguments,
  call: AdminCall,
  io: CliIo,
): Promise<number> {
  if (from === null) {
    io.stderr("sluice experiment: create needs --from FILE, the experiment as YAML or JSON\n");
    return exitCodes.invalid;
  }
  const written = readExperiment(from, io);
  if (!written.ok) {
    io.stderr(`sluice experiment: ${written.error}\n`);
    return exitCodes.invalid;
  }
  const body = { key, experiment: written.value, routes, ...(actor !== null && { actor }) };
  const answer = await ask(call, "/v1/experiments", body);
  if (answer.kind !== "answered") return explain("experiment", call, answer, io);
  if (json) {
    io.stdout(`${JSON.stringify(answer.body, null, 2)}\n`);
    return exitCodes.success;
  }
  const shown = await ask(call, `/v1/experiments/${encodeURIComponent(key)}`, null);
  if (shown.kind === "answered") {
    io.stdout(describeExperiment(experimentLifecycleSchema.parse(shown.body)));
  } else io.stdout(`${key} was added to the configuration\n`);
  return exitCodes.success;
}

function readExperiment(from: string, io: CliIo): Result<unknown, string> {
  const text = io.readFile(from === "-" ? "/dev/stdin" : from);
  if (!text.ok) return text;
  try {
    const value: unknown = parse(text.value);
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMap ? ok(value) : err(`${from}: expected a map: variants, assignment, analysis …`);
  } catch (error) {
    return err(`${from}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function describeList(experiments: readonly ExperimentLifecycleStatus[]): string {
  if (experiments.length === 0) return "no A/B experiments; rollouts: sluice rollout status\n";
  const rows = [
    ["experiment", "phase", "run", "users", "requests", "decision"],
    ...experiments.map(({ experiment, phase, run, users, requests, decision, winner }) => [
      experiment,
      phase,
      String(run),
      formatNumber(users),
      formatNumber(requests),
      winner ?? decision?.outcome.replaceAll("_", " ") ?? "–",
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}

/** An experiment for people: where it stands, what was found, what ends it, what happened last. */
function describeExperiment(status: ExperimentLifecycleStatus): string {
  const { experiment, phase, run, users, requests, decision, arms, journal } = status;
  const winner = status.winner === null ? "" : `, ${status.winner} won`;
  const lines = [`${experiment}: ${phase}${run === 0 ? "" : `, run ${run}`}${winner}`];
  if (status.reason !== null) lines.push(`  ${status.reason}`);
  const ran = formatDurationMs(Math.round(status.ran_seconds) * 1000);
  lines.push(
    `  measured   ${ran}, ${formatNumber(users)} users and ${formatNumber(requests)} requests in the smallest arm`,
  );
  lines.push(`  ends       ${describeEnds(status)}`);
  for (const arm of arms) lines.push(`  ${arm.variant}: ${describeArm(arm, status.primary)}`);
  const ratio = status.sample_ratio_p_value;
  if (ratio !== null && ratio < 0.01) {
    lines.push(
      `  the arms do not have the users that the split promises (p = ${formatNumber(ratio)})`,
    );
  }
  if (decision !== null)
    lines.push(`  decision   ${decision.outcome.replaceAll("_", " ")}: ${decision.reason}`);
  for (const { at, what, actor } of journal.slice(-5)) {
    lines.push(`  ${at.slice(11, 19)}   ${what} by ${actor}`);
  }
  return `${lines.join("\n")}\n`;
}

function describeEnds({ ends }: ExperimentLifecycleStatus): string {
  const parts = [
    ends.after_seconds === null ? null : `after ${formatDurationMs(ends.after_seconds * 1000)}`,
    ends.users === null ? null : `with ${formatNumber(ends.users)} users in every arm`,
    ends.requests === null ? null : `with ${formatNumber(ends.requests)} requests in every arm`,
    ends.decision ? "with a decision" : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "when somebody stops it" : parts.join(" or ");
}

function describeArm(
  { unit, estimate, interval, reason }: ExperimentLifecycleStatus["arms"][number],
  primary: string | null,
): string {
  if (estimate === null || interval === null || unit === null) return reason;
  const words = (value: number) =>
    unit === "share" ? `${value > 0 ? "+" : ""}${formatPercent(value)}` : formatNumber(value);
  return `${primary ?? ""} ${words(estimate)} (${words(interval[0])} to ${words(interval[1])}); ${reason}`;
}
