/** The stages of a rehearsal, in their order, and what follows from them. */

export const stageNames = [
  "preflight",
  "load_control",
  "load_treatment",
  "canary",
  "decision",
  "report",
] as const;
export type StageName = (typeof stageNames)[number];

/**
 * `failed`: the rehearsal itself could not be done, and says nothing about the treatment; `rejected`: the treatment is
 * not fit; `skipped`: not part of this rehearsal; `not_run`: an earlier stage ended it.
 */
export type StageStatus = "passed" | "failed" | "rejected" | "skipped" | "not_run";

export type StageResult = {
  readonly stage: StageName;
  readonly status: StageStatus;
  /** One sentence for people. */
  readonly reason: string;
  /** ISO 8601; null for what was not run. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Taken over from an earlier rehearsal with the same inputs. */
  readonly isReused: boolean;
  /** What the stage found, for machines. */
  readonly details: unknown;
};

export type Verdict = "promoted" | "rejected" | "failed";

/** What a stage came to, before it has its times. */
export type StageOutcome = Pick<StageResult, "status" | "reason" | "details">;

/** Whether the rehearsal goes on after a stage. */
export function goesOn({ status }: Pick<StageResult, "status">): boolean {
  return status === "passed" || status === "skipped";
}

/** The verdict over finished stages: the first that did not pass decides. */
export function conclude(results: readonly Pick<StageResult, "stage" | "status" | "reason">[]): {
  readonly verdict: Verdict;
  readonly reason: string;
} {
  const stopped = results.find((result) => !goesOn(result));
  if (stopped !== undefined) {
    const verdict = stopped.status === "rejected" ? "rejected" : "failed";
    return { verdict, reason: `${stageTitles[stopped.stage]}: ${stopped.reason}` };
  }
  const canary = results.find(({ stage }) => stage === "canary");
  if (canary?.status === "passed") return { verdict: "promoted", reason: canary.reason };
  return { verdict: "failed", reason: "no canary was run" };
}

export const stageTitles: Readonly<Record<StageName, string>> = {
  preflight: "preflight",
  load_control: "load on the control",
  load_treatment: "load on the treatment",
  canary: "canary",
  decision: "decision",
  report: "report",
};
