import { formatDurationMs } from "../../base/units.ts";
import { unreachable } from "../../base/result.ts";
import type { EndPolicy, LifecyclePolicy } from "./lifecycle-policy.ts";
import type {
  ExperimentEvent,
  ExperimentFacts,
  ExperimentJournal,
  ExperimentState,
  ExperimentStepResult,
} from "./state.ts";

type CommandEvent = Extract<ExperimentEvent, { kind: "command" }>;

/** Who acts when nobody was asked. */
const controller = "controller";

/** An experiment as its configuration wants it at first. */
export function createExperiment({ initial }: LifecyclePolicy, nowMs: number): ExperimentState {
  return initial === "draft"
    ? { phase: { kind: "draft" }, run: 0, assignmentRun: 0, ranMs: 0 }
    : { phase: { kind: "running", sinceMs: nowMs }, run: 1, assignmentRun: 1, ranMs: 0 };
}

/** One event of an A/B experiment: a command, or a look at what was measured, which may end it. */
export function stepExperiment(
  policy: LifecyclePolicy,
  state: ExperimentState,
  event: ExperimentEvent,
  nowMs: number,
): ExperimentStepResult {
  if (event.kind === "command") return onCommand(state, event, nowMs);
  if (state.phase.kind !== "running") return unchanged(state);
  const ending = findEnd(policy.ends, event.facts, ranMs(state, nowMs));
  if (ending === null) return unchanged(state);
  const { decision } = event.facts;
  const winner = decision?.winner ?? null;
  const { users, requests } = event.facts;
  return end(state, controller, ending, winner, nowMs, {
    users,
    requests,
    outcome: decision?.outcome ?? null,
  });
}

/** How long the present run has been running, pauses left out, milliseconds. */
export function ranMs({ phase, ranMs: before }: ExperimentState, nowMs: number): number {
  return before + (phase.kind === "running" ? Math.max(0, nowMs - phase.sinceMs) : 0);
}

function findEnd(ends: EndPolicy, facts: ExperimentFacts, elapsedMs: number): string | null {
  const { decision, users, requests } = facts;
  const isDecided = decision !== null && decision.outcome !== "keep_running";
  if (ends.onDecision && isDecided) return `decided: ${decision.reason}`;
  if (ends.users !== null && users >= ends.users) return `${ends.users} users in every arm`;
  if (ends.requests !== null && requests >= ends.requests) {
    return `${ends.requests} requests in every arm`;
  }
  if (ends.afterMs !== null && elapsedMs >= ends.afterMs) {
    return `${formatDurationMs(ends.afterMs)} are over`;
  }
  return null;
}

function onCommand(
  state: ExperimentState,
  event: CommandEvent,
  nowMs: number,
): ExperimentStepResult {
  const { phase } = state;
  const { actor, name } = event;
  const reason = event.reason ?? null;
  switch (name) {
    case "start":
      return start(state, event, nowMs);
    case "pause":
      if (phase.kind === "paused") return unchanged(state);
      if (phase.kind !== "running") return refuse(state, `it is ${phase.kind}, not running`);
      return done({ ...state, phase: { kind: "paused" }, ranMs: ranMs(state, nowMs) }, [
        { what: "paused", actor, facts: { reason } },
      ]);
    case "resume":
      if (phase.kind === "running") return unchanged(state);
      if (phase.kind !== "paused") return refuse(state, `it is ${phase.kind}, not paused`);
      return done({ ...state, phase: { kind: "running", sinceMs: nowMs } }, [
        { what: "resumed", actor, facts: { reason } },
      ]);
    case "stop":
      if (phase.kind === "ended" || phase.kind === "archived") return unchanged(state);
      if (phase.kind === "draft") return refuse(state, "it was not started");
      return end(state, actor, reason ?? `stopped by ${actor}`, null, nowMs, {});
    case "archive":
      return archive(state, actor, reason);
    default:
      return unreachable(name);
  }
}

function start(
  state: ExperimentState,
  { actor, reason, keepUsers = false }: CommandEvent,
  nowMs: number,
): ExperimentStepResult {
  const { phase, run, assignmentRun } = state;
  if (phase.kind === "running") return unchanged(state);
  if (phase.kind === "paused") return refuse(state, "it is paused: resume continues the run");
  if (phase.kind === "archived")
    return refuse(state, "it is archived: create it under another key");
  const next: ExperimentState = {
    phase: { kind: "running", sinceMs: nowMs },
    run: run + 1,
    assignmentRun: keepUsers && assignmentRun > 0 ? assignmentRun : run + 1,
    ranMs: 0,
  };
  const facts = { run: next.run, assignment_run: next.assignmentRun, reason: reason ?? null };
  return done(next, [{ what: "started", actor, facts }]);
}

function archive(
  state: ExperimentState,
  actor: string,
  reason: string | null,
): ExperimentStepResult {
  const { phase } = state;
  if (phase.kind === "archived") return unchanged(state);
  if (phase.kind === "running" || phase.kind === "paused") {
    return refuse(state, `it is ${phase.kind}: stop it first`);
  }
  const { reason: ended, winner } = phase.kind === "ended" ? phase : notStarted;
  return done({ ...state, phase: { kind: "archived", reason: ended, winner } }, [
    { what: "archived", actor, facts: { reason } },
  ]);
}

const notStarted = { reason: "never started", winner: null } as const;

function end(
  state: ExperimentState,
  actor: string,
  reason: string,
  winner: string | null,
  nowMs: number,
  facts: ExperimentJournal["facts"],
): ExperimentStepResult {
  const next: ExperimentState = {
    ...state,
    phase: { kind: "ended", reason, winner },
    ranMs: ranMs(state, nowMs),
  };
  const told = { reason, winner, ran_ms: Math.round(next.ranMs), ...facts };
  return done(next, [{ what: "ended", actor, facts: told }]);
}

function done(next: ExperimentState, journal: readonly ExperimentJournal[]): ExperimentStepResult {
  return { next, journal, refused: null };
}

function unchanged(state: ExperimentState): ExperimentStepResult {
  return { next: state, journal: [], refused: null };
}

function refuse(state: ExperimentState, refused: string): ExperimentStepResult {
  return { next: state, journal: [], refused };
}
