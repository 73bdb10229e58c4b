import { formatDurationMs, formatShare } from "../../base/units.ts";
import type { RolloutCommandName } from "../../core/rollout/state.ts";
import { formatNumber, formatPercent } from "../../core/statistics/decision/words.ts";
import { rolloutSchema, rolloutsSchema, type RolloutStatus } from "../../wire/admin-api.ts";
import { ask, explain, type AdminCall } from "./admin-call.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";

export type RolloutArguments = {
  readonly action: "status" | RolloutCommandName;
  /** Null lists all; only for status. */
  readonly experiment: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
  /** Of start and retry: whatever speaks against it. */
  readonly force: boolean;
  readonly json: boolean;
};

/**
 * `sluice rollout ACTION [EXPERIMENT]`. Exit 0 when it was done (of status: nothing was rolled back), 3 when the rollout
 * shown was rolled back, 2 when it cannot be, 1 when Sluice cannot be reached.
 */
export async function runRollout(
  { action, experiment, reason, actor, force, json }: RolloutArguments,
  call: AdminCall,
  io: CliIo,
): Promise<number> {
  const path = `/v1/rollouts${experiment === null ? "" : `/${encodeURIComponent(experiment)}`}`;
  const body =
    action === "status"
      ? null
      : {
          command: action,
          ...(reason !== null && { reason }),
          ...(actor !== null && { actor }),
          ...(force && { force }),
        };
  const answer = await ask(call, path, body);
  if (answer.kind !== "answered") return explain("rollout", call, answer, io);
  const rollouts =
    experiment === null
      ? rolloutsSchema.parse(answer.body).rollouts
      : [rolloutSchema.parse(answer.body)];
  if (json) io.stdout(`${JSON.stringify(answer.body, null, 2)}\n`);
  else if (rollouts.length === 0) io.stdout("no rollouts with steps\n");
  else io.stdout(rollouts.map(describeRollout).join("\n"));
  const isRolledBack = action === "status" && rollouts.some(({ phase }) => phase === "rolled_back");
  return isRolledBack ? exitCodes.breached : exitCodes.success;
}

/**
 * `sluice rollout watch EXPERIMENT`: prints where it stands whenever that changes, until it is promoted (exit 0) or rolled
 * back (exit 3). `pause` waits between two looks.
 */
export async function watchRollout(
  experiment: string,
  call: AdminCall,
  io: CliIo,
  pause: () => Promise<void>,
): Promise<number> {
  let shown = "";
  for (;;) {
    const answer = await ask(call, `/v1/rollouts/${encodeURIComponent(experiment)}`, null);
    if (answer.kind !== "answered") return explain("rollout", call, answer, io);
    const rollout = rolloutSchema.parse(answer.body);
    const text = describeRollout(rollout);
    if (text !== shown) io.stdout(shown === "" ? text : `\n${text}`);
    shown = text;
    if (rollout.phase === "promoted") return exitCodes.success;
    if (rollout.phase === "rolled_back") return exitCodes.breached;
    await pause();
  }
}

/** A rollout for people: where it stands, what every guardrail says, what happened last. */
export function describeRollout(rollout: RolloutStatus): string {
  const { experiment, phase, step, steps, share, applied_share, verdicts, journal } = rollout;
  const place = step === null ? "" : `, step ${step} of ${steps.length}`;
  const applied = applied_share === share ? "" : ` (${formatShare(applied_share)} in force)`;
  const copies = rollout.shadow > 0 ? `, copies of ${formatShare(rollout.shadow)}` : "";
  const head = `${experiment}: ${phase}${place}, treatment ${formatShare(share)}${applied}${copies}`;
  const lines = [head];
  if (rollout.reason !== null) lines.push(`  ${rollout.reason}`);
  const track = steps.map(describeStep).join(" → ");
  lines.push(`  steps      ${track}`);
  lines.push(...describePreparation(rollout.preparation));
  if (rollout.waits_for !== null) lines.push(`  next       ${rollout.waits_for}`);
  for (const verdict of verdicts) {
    const dry = verdict.dry_run ? " (dry run)" : "";
    lines.push(
      `  ${verdict.verdict.padEnd(9)}  ${verdict.guardrail}${dry}: ${describeVerdict(verdict)}`,
    );
  }
  for (const { at, what, actor } of journal.slice(-5)) {
    lines.push(`  ${at.slice(11, 19)}   ${what} by ${actor}`);
  }
  return `${lines.join("\n")}\n`;
}

function describeStep({ share, shadow }: RolloutStatus["steps"][number]): string {
  return shadow > 0 ? `copies of ${formatShare(shadow)}` : formatShare(share);
}

/** What starting it would come to. */
function describePreparation(preparation: RolloutStatus["preparation"]): string[] {
  if (preparation === null) return [];
  const { findings, expected_seconds: seconds } = preparation;
  const takes = seconds === null ? [] : [formatDurationMs(Math.round(seconds) * 1000)];
  return [
    ...takes.map((time) => `  start      takes about ${time} at the present traffic`),
    ...findings.map(({ level, message }) => `  ${level.padEnd(9)}  ${message}`),
  ];
}

function describeVerdict(verdict: RolloutStatus["verdicts"][number]): string {
  const { value, limit, unit, requests, reason } = verdict;
  if (value === null) return reason;
  const of = requests > 0 ? ` of ${formatNumber(requests)} requests` : "";
  const held = limit === null ? "" : `, limit ${formatValue(limit, unit)}`;
  return `${formatValue(value, unit)}${of}${held}; ${reason}`;
}

function formatValue(value: number, unit: RolloutStatus["verdicts"][number]["unit"]): string {
  if (unit === "share") return formatPercent(value);
  return unit === "ms" ? `${formatNumber(value)} ms` : formatNumber(value);
}
