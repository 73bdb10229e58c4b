import type { Clock, Timers } from "../../base/clock.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { LoadReport } from "../../core/load/report.ts";
import type { StageOutcome } from "../../core/rehearsal/stage.ts";
import type { RolloutStatus } from "../../wire/admin-api.ts";

/** Watches a rollout until it is decided, whoever runs it. */

export type WatchedRollout = {
  /** Starts it; the error says why not. */
  readonly start: () => Promise<string | null>;
  /** The error says why it cannot be asked. */
  readonly look: () => Promise<RolloutStatus | string>;
};

export type CanaryDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Resolves when the user wants to end. */
  readonly interrupted: Promise<void>;
  readonly onChange: (status: RolloutStatus) => void;
};

/** Between two looks. */
const lookEveryMs = 250;

/** Starts a rollout and waits for its end, at most `withinMs`. */
export async function watchCanary(
  rollout: WatchedRollout,
  withinMs: number,
  dependencies: CanaryDependencies,
): Promise<StageOutcome> {
  const { clock, timers, onChange } = dependencies;
  let isInterrupted = false;
  void dependencies.interrupted.then(() => (isInterrupted = true));
  const refused = await rollout.start();
  if (refused !== null) return failed(`it could not be started: ${refused}`, null);
  const untilMs = clock.monotonicMs() + withinMs;
  let shown = "";
  for (;;) {
    const status = await rollout.look();
    if (typeof status === "string") return failed(status, null);
    const { phase, reason } = status;
    const now = JSON.stringify([phase, status.step, reason]);
    if (now !== shown) onChange(status);
    shown = now;
    if (phase === "promoted") {
      return { status: "passed", reason: "the treatment was promoted", details: status };
    }
    if (phase === "rolled_back") {
      const why = reason ?? "without a reason";
      return {
        status: "rejected",
        reason: `the treatment was rolled back: ${why}`,
        details: status,
      };
    }
    if (phase === "paused") return failed(`it was paused: ${reason ?? "without a reason"}`, status);
    if (isInterrupted) return failed("it was interrupted", status);
    if (clock.monotonicMs() >= untilMs) {
      const waits = status.waits_for === null ? "" : `; it waits for: ${status.waits_for}`;
      return failed(`it was not decided within ${formatDurationMs(withinMs)}${waits}`, status);
    }
    await new Promise<void>((resolve) => void timers.after(lookEveryMs, resolve));
  }
}

function failed(reason: string, details: unknown): StageOutcome {
  return { status: "failed", reason, details };
}

/** What the generated load saw of the variants, beside what Sluice says. */
export function withLoad(outcome: StageOutcome, load: LoadReport, report: unknown): StageOutcome {
  return { ...outcome, details: { rollout: outcome.details, load, report } };
}
