import { formatDurationMs } from "../../../base/units.ts";
import { formatNumber } from "../../statistics/decision/words.ts";
import type { GuardrailPolicy, WindowPolicy } from "../policy.ts";
import {
  addTally,
  limitOf,
  noTally,
  valueOf,
  wordsOf,
  type Tally,
  type Verdict,
} from "./verdict.ts";

/** What a Prometheus server last answered; `serial` rises with every answer, and with every failure to get one. */
export type QueryTick = {
  readonly kind: "query";
  readonly serial: number;
  readonly value: number | null;
  /** Why there is no value. */
  readonly error: string | null;
};

type Slot = { readonly fromMs: number; readonly treatment: Tally; readonly control: Tally };

type Look = {
  readonly outcome: "passed" | "failed" | "inconclusive" | "error";
  readonly value: number | null;
  readonly control: number | null;
  readonly n: number;
  readonly reason: string;
};

/** What a guardrail that looks at plain values has seen. Failed looks are counted over the whole rollout. */
export type WindowState = {
  readonly kind: "window";
  /** Oldest first; at most `slotsMax`. */
  readonly slots: readonly Slot[];
  /** When it looks next; null before the first tick. */
  readonly nextMs: number | null;
  /** The query's last answer that was looked at. */
  readonly serial: number;
  readonly last: Look | null;
  readonly failed: number;
  readonly failedInARow: number;
  readonly inconclusive: number;
  readonly errorsInARow: number;
};

/** A window is kept in this many parts. */
const slotsMax = 32;
/** Errors in a row that are put up with; they count as nothing else. */
const errorsMax = 4;

export function createWindow(): WindowState {
  return {
    kind: "window",
    slots: [],
    nextMs: null,
    serial: 0,
    last: null,
    failed: 0,
    failedInARow: 0,
    inconclusive: 0,
    errorsInARow: 0,
  };
}

/** The share changed: what was seen at another share is no evidence for this one; failed looks stay counted. */
export function startWindowStep(state: WindowState): WindowState {
  return { ...state, slots: [], nextMs: null, last: null };
}

/** Takes in requests, and looks when it is time: once, however long the last look is ago. */
export function watchWindow(
  state: WindowState,
  policy: GuardrailPolicy,
  window: WindowPolicy,
  tick: { readonly treatment: Tally; readonly control: Tally; readonly share: number },
  nowMs: number,
): WindowState {
  const { windowMs, everyMs } = window;
  const slots = addToSlots(state.slots, tick, windowMs, nowMs);
  const nextMs = state.nextMs ?? nowMs + everyMs;
  if (nowMs < nextMs) return { ...state, slots, nextMs };
  const treatment = slots.reduce((sum, slot) => addTally(sum, slot.treatment), noTally);
  const control = slots.reduce((sum, slot) => addTally(sum, slot.control), noTally);
  const look = lookAt(policy, window, treatment, tick.share < 1 ? control : null);
  return count({ ...state, slots, nextMs: nowMs + everyMs }, look);
}

/** Takes in a query's answer; the same answer counts once. */
export function watchQuery(
  state: WindowState,
  policy: GuardrailPolicy,
  { serial, value, error }: QueryTick,
): WindowState {
  if (serial <= state.serial) return state;
  const seen = { value, control: null, n: 0 };
  const look: Look =
    value === null
      ? { ...seen, outcome: "error", reason: error ?? "no value" }
      : judgeValue(policy, { ...seen, value });
  return count({ ...state, serial }, look);
}

function addToSlots(
  slots: readonly Slot[],
  { treatment, control }: { readonly treatment: Tally; readonly control: Tally },
  windowMs: number,
  nowMs: number,
): readonly Slot[] {
  const kept = slots.filter(({ fromMs }) => fromMs > nowMs - windowMs);
  const newest = kept.at(-1);
  if (newest === undefined || nowMs - newest.fromMs >= windowMs / (slotsMax - 1)) {
    return [...kept, { fromMs: nowMs, treatment, control }];
  }
  return [
    ...kept.slice(0, -1),
    {
      ...newest,
      treatment: addTally(newest.treatment, treatment),
      control: addTally(newest.control, control),
    },
  ];
}

function lookAt(
  policy: GuardrailPolicy,
  { windowMs, minRequests }: WindowPolicy,
  treatment: Tally,
  /** Null where everybody has the treatment: only an absolute limit can be held against it. */
  control: Tally | null,
): Look {
  const value = valueOf(treatment);
  const ofControl = control === null ? null : valueOf(control);
  const seen = { value, control: ofControl, n: treatment.count };
  const last = `the last ${formatDurationMs(windowMs)}`;
  if (value === null || treatment.count < minRequests) {
    const reason = `${formatNumber(treatment.count)} of at least ${formatNumber(minRequests)} requests in ${last}`;
    return { ...seen, outcome: "inconclusive", reason };
  }
  if (policy.maxRatio !== null && control !== null && control.count < minRequests) {
    const reason = `${formatNumber(control.count)} of at least ${formatNumber(minRequests)} requests of the control in ${last}`;
    return { ...seen, outcome: "inconclusive", reason };
  }
  return judgeValue(policy, { ...seen, value });
}

function judgeValue(
  policy: GuardrailPolicy,
  seen: { readonly value: number; readonly control: number | null; readonly n: number },
): Look {
  const { value, control, n } = seen;
  const words = (of: number) => wordsOf(policy, of);
  const of = n > 0 ? ` of ${formatNumber(n)} requests` : "";
  if (policy.min !== null && value < policy.min) {
    const reason = `${words(value)}${of}, at least ${words(policy.min)} asked`;
    return { ...seen, outcome: "failed", reason };
  }
  const limit = policy.max === null && policy.maxRatio === null ? null : limitOf(policy, control);
  if (limit !== null && value > limit) {
    return { ...seen, outcome: "failed", reason: `${words(value)}${of}, ${words(limit)} allowed` };
  }
  return { ...seen, outcome: "passed", reason: `${words(value)}${of}` };
}

function count(state: WindowState, look: Look): WindowState {
  const { outcome } = look;
  const isError = outcome === "error";
  return {
    ...state,
    last: look,
    failed: state.failed + (outcome === "failed" ? 1 : 0),
    // An error says nothing, so it does not end a row of failures.
    failedInARow: outcome === "failed" ? state.failedInARow + 1 : isError ? state.failedInARow : 0,
    inconclusive: state.inconclusive + (outcome === "inconclusive" ? 1 : 0),
    errorsInARow: isError ? state.errorsInARow + 1 : 0,
  };
}

/** Failed before inconclusive before error: what is known to be bad is not excused by what is unknown. */
export function judgeWindow(
  state: WindowState,
  policy: GuardrailPolicy,
  window: WindowPolicy,
): Verdict {
  const { last, failed, failedInARow, inconclusive, errorsInARow } = state;
  const { failureLimit, consecutive, inconclusiveLimit } = window;
  const control = last?.control ?? null;
  const measured = {
    guardrail: policy.name,
    value: last?.value ?? null,
    control,
    limit: limitOf(policy, control),
    n: last?.n ?? 0,
    interval: null,
    pValue: null,
    pausesOnly: false,
  };
  const reason = last?.reason ?? "not looked at yet";
  const isRow = consecutive !== null && failedInARow >= consecutive;
  if (failed > failureLimit || isRow) {
    const looks = isRow ? `${looksOf(failedInARow, "failed")} in a row` : looksOf(failed, "failed");
    const allowed = isRow ? `${consecutive} are a breach` : `${failureLimit} allowed`;
    const words = `${policy.name}: ${looks}, ${allowed}; the last look: ${reason}`;
    return { ...measured, verdict: "breach", reason: words };
  }
  if (inconclusiveLimit !== null && inconclusive > inconclusiveLimit) {
    const words = `${policy.name}: ${looksOf(inconclusive, "inconclusive")}, ${inconclusiveLimit} allowed; the last look: ${reason}`;
    return { ...measured, verdict: "breach", pausesOnly: true, reason: words };
  }
  if (errorsInARow > errorsMax) {
    const words = `${errorsInARow} errors in a row: ${reason}`;
    return { ...measured, verdict: "error", reason: words };
  }
  if (last?.outcome === "passed") return { ...measured, verdict: "ok", reason };
  return { ...measured, verdict: "wait", reason };
}

function looksOf(count: number, kind: "failed" | "inconclusive"): string {
  return `${count} ${kind} ${count === 1 ? "look" : "looks"}`;
}
