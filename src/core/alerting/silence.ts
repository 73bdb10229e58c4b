import { formatDurationMs } from "../../base/units.ts";
import {
  alertLimits,
  type AlertCommand,
  type AlertCondition,
  type AlertEvent,
  type AlertsState,
  type AlertStepResult,
  type AlertTime,
  type Silence,
  type SilenceMatcher,
} from "./state.ts";

type Named = Pick<AlertCondition, "kind" | "experiment" | "subject">;

/** Whether any silence holds this alert's notices back. Silences that ended must have been taken out. */
export function isSilenced({ silences }: AlertsState, alert: Named): boolean {
  for (const { matcher } of silences.values()) if (matches(matcher, alert)) return true;
  return false;
}

function matches(matcher: SilenceMatcher, alert: Named): boolean {
  return (["kind", "experiment", "subject"] as const).every(
    (field) => matcher[field] === undefined || matcher[field] === alert[field],
  );
}

/** Takes out the silences whose time is over. */
export function expireSilences(
  state: AlertsState,
  nowMs: number,
): Pick<AlertStepResult, "next" | "commands"> {
  const over = [...state.silences.values()].filter(({ endsMs }) => endsMs <= nowMs);
  if (over.length === 0) return { next: state, commands: [] };
  const silences = new Map(state.silences);
  for (const { id } of over) silences.delete(id);
  const commands = over.map((silence) => journalOf("silence_ended", silence, "controller"));
  return { next: { ...state, silences }, commands };
}

/** Holds back the notices of what it matches, from now on. */
export function onSilence(
  state: AlertsState,
  event: Extract<AlertEvent, { kind: "silence" }>,
  { nowMs, atMs }: AlertTime,
): AlertStepResult {
  const { id, matcher, untilMs, actor, reason } = event;
  const lastsMs = untilMs - atMs;
  const { silencesMax, silenceMsMax } = alertLimits;
  const refuse = (refused: string) => ({ next: state, commands: [], refused });
  const before = state.silences.get(id);
  if (before !== undefined && isSame(before, event)) {
    return { next: state, commands: [], refused: null };
  }
  if (!(lastsMs > 0)) return refuse("a silence has to end in the future");
  if (lastsMs > silenceMsMax) {
    return refuse(`a silence lasts ${formatDurationMs(silenceMsMax)} at most`);
  }
  if (before === undefined && state.silences.size >= silencesMax) {
    return refuse(`there are ${silencesMax} silences already: end one before adding another`);
  }
  const silence: Silence = { id, matcher, untilMs, endsMs: nowMs + lastsMs, actor, reason };
  const silences = new Map(state.silences).set(id, silence);
  const commands = [journalOf("silenced", silence, actor)];
  return { next: { ...state, silences }, commands, refused: null };
}

/** Ends a silence before its time; what it held back is told if it still holds. */
export function onUnsilence(
  state: AlertsState,
  { id, actor }: Extract<AlertEvent, { kind: "unsilence" }>,
): AlertStepResult {
  const silence = state.silences.get(id);
  if (silence === undefined) {
    return { next: state, commands: [], refused: `no silence ${id} is in force: nothing to end` };
  }
  const silences = new Map(state.silences);
  silences.delete(id);
  const commands = [journalOf("unsilenced", silence, actor)];
  return { next: { ...state, silences }, commands, refused: null };
}

function isSame(
  { matcher, untilMs, actor, reason }: Silence,
  event: Extract<AlertEvent, { kind: "silence" }>,
): boolean {
  return (
    matcher.kind === event.matcher.kind &&
    matcher.experiment === event.matcher.experiment &&
    matcher.subject === event.matcher.subject &&
    untilMs === event.untilMs &&
    actor === event.actor &&
    reason === event.reason
  );
}

function journalOf(
  what: "silenced" | "unsilenced" | "silence_ended",
  { id, matcher, untilMs, reason }: Silence,
  actor: string,
): AlertCommand {
  const { kind = null, experiment = null, subject = null } = matcher;
  const facts = { kind, experiment, subject, untilMs, reason };
  return { kind: "journal", what, actor, subject: `silence/${id}`, facts };
}
