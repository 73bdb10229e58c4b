import { unreachable } from "../../base/result.ts";
import { withoutBreaches } from "./adoption.ts";
import { createGuardrail, judge, startStep, watch } from "./guardrail.ts";
import type { Verdict } from "./guardrail/verdict.ts";
import type { RolloutPolicy, RolloutStep } from "./policy.ts";
import { wordsOf } from "./phase-words.ts";
import type {
  PausablePhase,
  Phase,
  RolloutCommand,
  RolloutEvent,
  RolloutState,
  RolloutStepResult,
} from "./state.ts";

type Journal = Extract<RolloutCommand, { kind: "journal" }>;
/** What a tick may lead to. */
type TickAuthority = "full" | "lower" | "watch";
type CommandEvent = Extract<RolloutEvent, { kind: "command" }>;

/** How long after a webhook said no it is asked again. */
const askAgainMs = 10_000;
/** Who acts when nobody was asked. */
const controller = "controller";

const nobody = { users: 0, requests: 0 } as const;

/** A rollout that was not started. */
export function createRollout(policy: RolloutPolicy): RolloutState {
  const guardrails = policy.guardrails.map((each) => createGuardrail(each, policy.steps.length));
  const phase = { kind: "waiting" } as const;
  return { phase, share: 0, shadow: 0, guardrails, verdicts: [], alerted: [], treated: nobody };
}

/**
 * One event of a rollout. A tick moves it by one step at most, and only with evidence from every guardrail; a breach
 * counts in every phase that has traffic, paused and waiting for approval included. Rollback works in every phase.
 * Who may only `lower` the risk watches on a tick, and rolls back or pauses, but never goes on; who may only `watch`
 * decides nothing.
 */
export function step(
  policy: RolloutPolicy,
  state: RolloutState,
  event: RolloutEvent,
  nowMs: number,
  authority: TickAuthority = "full",
): RolloutStepResult {
  if (event.kind === "tick") return onTick(policy, state, event, nowMs, authority);
  return event.kind === "gate" ? onGate(state, event) : onCommand(policy, state, event, nowMs);
}

function onTick(
  policy: RolloutPolicy,
  state: RolloutState,
  { ticks, treated }: Extract<RolloutEvent, { kind: "tick" }>,
  nowMs: number,
  authority: TickAuthority,
): RolloutStepResult {
  const active = activePhase(state.phase);
  if (active === null) return { next: state, commands: [], refused: null };
  const { minRequests } = stepOf(policy, active);
  const verdicts: Verdict[] = [];
  const guardrails = state.guardrails.map((guardrail) => {
    const tick = ticks.get(guardrail.policy.name);
    const watched = tick === undefined || tick === null ? guardrail : watch(guardrail, tick, nowMs);
    const verdict = judge(watched, minRequests);
    const isBlind = tick === null && verdict.verdict !== "breach";
    verdicts.push(
      isBlind ? { ...verdict, verdict: "error", reason: "the metric cannot be measured" } : verdict,
    );
    return watched;
  });
  const seen: RolloutState = { ...state, guardrails, verdicts, treated };
  if (authority === "watch") return done(seen, []);
  const breached = onBreach(seen, nowMs);
  if (breached !== null) return breached;
  return authority === "lower" ? done(seen, []) : advance(policy, seen, nowMs);
}

/** The gravest consequence of a breach: rollback before pause before alert. Null without a new one. */
function onBreach(state: RolloutState, nowMs: number): RolloutStepResult | null {
  const breaches = state.guardrails.flatMap(({ policy }, at) => {
    const verdict = state.verdicts[at] as Verdict;
    if (verdict.verdict !== "breach" || policy.dryRun) return [];
    const consequence =
      verdict.pausesOnly && policy.onBreach === "rollback" ? "pause" : policy.onBreach;
    return [{ verdict, consequence }];
  });
  const rollback = breaches.find(({ consequence }) => consequence === "rollback");
  if (rollback !== undefined)
    return rollBack(state, controller, rollback.verdict.reason, nowMs, rollback.verdict);
  const pause = breaches.find(({ consequence }) => consequence === "pause");
  if (pause !== undefined && state.phase.kind !== "paused") {
    const before = state.phase as PausablePhase;
    const { reason } = pause.verdict;
    const phase: Phase = { kind: "paused", before, by: "guardrail", reason, sinceMs: nowMs };
    return done({ ...state, phase }, [record("paused", controller, evidenceOf(pause.verdict))]);
  }
  const fresh = breaches.filter(
    ({ verdict, consequence }) =>
      consequence === "alert" && !state.alerted.includes(verdict.guardrail),
  );
  if (fresh.length === 0) return null;
  const alerted = [...state.alerted, ...fresh.map(({ verdict }) => verdict.guardrail)];
  const entries = fresh.map(({ verdict }) => record("alert", controller, evidenceOf(verdict)));
  return done({ ...state, alerted }, entries);
}

/** On to the next step when its time is over, its gate is open and every guardrail that counts is content. */
function advance(policy: RolloutPolicy, state: RolloutState, nowMs: number): RolloutStepResult {
  const { phase } = state;
  if (phase.kind !== "stepping" && phase.kind !== "observing") return done(state, []);
  const isContent = state.guardrails.every(
    (guardrail, at) =>
      guardrail.policy.dryRun ||
      guardrail.policy.onBreach === "alert" ||
      state.verdicts[at]?.verdict === "ok",
  );
  if (!isContent) return done(state, []);
  if (phase.kind === "observing") {
    if (nowMs - phase.sinceMs < policy.observeMs) return done(state, []);
    const facts = { share: state.share };
    const next: RolloutState = { ...state, phase: { kind: "promoted", atMs: nowMs } };
    return done(next, [record("promoted", controller, facts)]);
  }
  const { holdMs, minUsers, minRequests, gate } = stepOf(policy, phase);
  const { users, requests } = state.treated;
  if (nowMs - phase.sinceMs < holdMs) return done(state, []);
  if (users < minUsers || requests < minRequests) return done(state, []);
  if (gate === "none" || phase.approved) {
    return enter(policy, state, phase.step + 1, controller, nowMs);
  }
  if (gate === "approval") return done(state, []);
  const { asked, step: at } = phase;
  if (asked !== null && nowMs - asked.atMs < askAgainMs) return done(state, []);
  const answer = asked?.answer ?? null;
  return done({ ...state, phase: { ...phase, asked: { atMs: nowMs, answer } } }, [
    { kind: "ask_gate", step: at, share: state.share, gate },
  ]);
}

/** An answer of a webhook counts for the step that it was asked about, while that lasts. */
function onGate(
  state: RolloutState,
  { step: at, isOpen, answer }: Extract<RolloutEvent, { kind: "gate" }>,
): RolloutStepResult {
  const { phase } = state;
  if (phase.kind !== "stepping" || phase.step !== at || phase.approved) return done(state, []);
  if (isOpen) {
    const facts = { step: at + 1, answer };
    return done({ ...state, phase: { ...phase, approved: true } }, [
      record("gate_opened", "webhook", facts),
    ]);
  }
  const { asked } = phase;
  if (asked === null || asked.answer === answer) return done(state, []);
  return done({ ...state, phase: { ...phase, asked: { ...asked, answer } } }, [
    record("gate_closed", "webhook", { step: at + 1, answer }),
  ]);
}

/** Begins step `at`, or the last observation behind the last step. */
function enter(
  policy: RolloutPolicy,
  state: RolloutState,
  at: number,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  const step = policy.steps[at];
  if (step === undefined) {
    const phase: Phase = { kind: "observing", sinceMs: nowMs };
    return done({ ...state, phase }, [record("observing", actor, { share: state.share })]);
  }
  const { share, shadow } = step;
  const facts = {
    step: at + 1,
    of: policy.steps.length,
    share,
    ...(shadow > 0 ? { shadow } : {}),
  };
  const next: RolloutState = {
    ...state,
    phase: { kind: "stepping", step: at, sinceMs: nowMs, approved: false, asked: null },
    share,
    shadow,
    treated: nobody,
    guardrails: state.guardrails.map(startStep),
  };
  const commands: RolloutCommand[] = [record("step", actor, facts)];
  if (share !== state.share || shadow !== state.shadow) {
    commands.push({ kind: "set_share", share, shadow });
  }
  return done(next, commands);
}

/** What everybody had a short time ago goes to its last share at once, and is watched there. */
function restore(
  policy: RolloutPolicy,
  state: RolloutState,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  const { share } = policy.steps.at(-1) as RolloutStep;
  const phase: Phase = { kind: "observing", sinceMs: nowMs };
  return done({ ...state, phase, share, shadow: 0, treated: nobody }, [
    record("restored", actor, { share, skipped_steps: policy.steps.length }),
    { kind: "set_share", share, shadow: 0 },
  ]);
}

function rollBack(
  state: RolloutState,
  actor: string,
  reason: string,
  nowMs: number,
  verdict: Verdict | null,
): RolloutStepResult {
  const phase: Phase = { kind: "rolled_back", atMs: nowMs, reason };
  const facts = { reason, share: state.share, ...(verdict === null ? {} : evidenceOf(verdict)) };
  return done({ ...state, phase, share: 0, shadow: 0 }, [
    record("rolled_back", actor, facts),
    { kind: "set_share", share: 0, shadow: 0 },
  ]);
}

function onCommand(
  policy: RolloutPolicy,
  state: RolloutState,
  event: CommandEvent,
  nowMs: number,
): RolloutStepResult {
  const { phase } = state;
  const { actor, name } = event;
  const reason = event.reason ?? `${name} by ${actor}`;
  switch (name) {
    case "rollback":
    case "abort":
      return phase.kind === "rolled_back"
        ? done(state, [])
        : rollBack(state, actor, reason, nowMs, null);
    case "start":
      if (phase.kind === "waiting") {
        return event.isProven === true
          ? restore(policy, state, actor, nowMs)
          : enter(policy, state, 0, actor, nowMs);
      }
      if (phase.kind === "rolled_back")
        return refuse(state, "it was rolled back: retry starts it anew");
      return done(state, []);
    case "retry":
      if (phase.kind === "rolled_back")
        return enter(policy, createRollout(policy), 0, actor, nowMs);
      return refuse(
        state,
        `only a rollout that was rolled back can be retried, this one is ${wordsOf(phase)}`,
      );
    case "pause":
      return pause(state, actor, reason, nowMs);
    case "resume":
      return resume(policy, state, actor, nowMs);
    case "promote":
      return promote(policy, state, actor, nowMs);
    case "skip":
      return skip(policy, state, actor, nowMs);
    case "promote_all":
      return promoteAll(policy, state, actor, nowMs);
    default:
      return unreachable(name);
  }
}

function pause(
  state: RolloutState,
  actor: string,
  reason: string,
  nowMs: number,
): RolloutStepResult {
  const { phase } = state;
  if (phase.kind === "paused") {
    // An operator's pause is not ended by what a guardrail would allow.
    return done({ ...state, phase: { ...phase, by: "operator" } }, []);
  }
  if (phase.kind !== "stepping" && phase.kind !== "observing") {
    return refuse(state, `nothing is under way: the rollout is ${wordsOf(phase)}`);
  }
  const next: Phase = { kind: "paused", before: phase, by: "operator", reason, sinceMs: nowMs };
  return done({ ...state, phase: next }, [record("paused", actor, { reason })]);
}

/** Goes on where it stood: the time of the pause does not count. Suspicions that caused the pause are dropped. */
function resume(
  policy: RolloutPolicy,
  state: RolloutState,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  const { phase } = state;
  if (phase.kind === "stepping" || phase.kind === "observing") return done(state, []);
  if (phase.kind !== "paused")
    return refuse(state, `nothing is paused: the rollout is ${wordsOf(phase)}`);
  const { before, sinceMs } = phase;
  const resumed = { ...before, sinceMs: before.sinceMs + (nowMs - sinceMs) };
  const guardrails = withoutBreaches(policy, state);
  return done({ ...state, phase: resumed, guardrails }, [record("resumed", actor, {})]);
}

/** Opens the gate of the present step and goes on to the next at once, whatever the evidence: somebody decided. */
function promote(
  policy: RolloutPolicy,
  state: RolloutState,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  const { phase } = state;
  const active = activePhase(phase);
  if (phase.kind === "promoted") return done(state, []);
  if (active === null)
    return refuse(state, `nothing is under way: the rollout is ${wordsOf(phase)}`);
  if (active.kind === "observing") return promoteAll(policy, state, actor, nowMs);
  return enter(policy, { ...state, phase: active }, active.step + 1, actor, nowMs);
}

/** Leaves the present step for the next without its hold, its requests or its gate. */
function skip(
  policy: RolloutPolicy,
  state: RolloutState,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  const active = activePhase(state.phase);
  if (active?.kind !== "stepping") {
    return refuse(state, `no step is under way: the rollout is ${wordsOf(state.phase)}`);
  }
  const entered = enter(policy, { ...state, phase: active }, active.step + 1, actor, nowMs);
  const skipped = record("skipped", actor, { step: active.step + 1 });
  return { ...entered, commands: [skipped, ...entered.commands] };
}

function promoteAll(
  policy: RolloutPolicy,
  state: RolloutState,
  actor: string,
  nowMs: number,
): RolloutStepResult {
  if (state.phase.kind === "promoted") return done(state, []);
  if (state.phase.kind === "rolled_back")
    return refuse(state, "it was rolled back: retry starts it anew");
  const { share } = policy.steps.at(-1) as RolloutStep;
  const commands: RolloutCommand[] = [record("promoted", actor, { share })];
  if (share !== state.share || state.shadow > 0) {
    commands.push({ kind: "set_share", share, shadow: 0 });
  }
  return done({ ...state, phase: { kind: "promoted", atMs: nowMs }, share, shadow: 0 }, commands);
}

/** The phase that has traffic to judge; null when there is nothing to judge. */
function activePhase(phase: Phase): PausablePhase | null {
  if (phase.kind === "paused") return phase.before;
  return phase.kind === "stepping" || phase.kind === "observing" ? phase : null;
}

function stepOf(policy: RolloutPolicy, phase: PausablePhase): RolloutStep {
  const at = phase.kind === "stepping" ? phase.step : policy.steps.length - 1;
  return policy.steps[at] as RolloutStep;
}

function evidenceOf(verdict: Verdict): Journal["facts"] {
  const { guardrail, value, control, limit, n, pValue, reason } = verdict;
  return { guardrail, value, control, limit, n, p_value: pValue, evidence: reason };
}

function record(what: string, actor: string, facts: Journal["facts"]): Journal {
  return { kind: "journal", what, actor, facts };
}

function done(next: RolloutState, commands: readonly RolloutCommand[]): RolloutStepResult {
  return { next, commands, refused: null };
}

function refuse(state: RolloutState, reason: string): RolloutStepResult {
  return { next: state, commands: [], refused: reason };
}
