import { useEffect, useState } from "preact/hooks";
import type { History } from "../../../wire/history-api.ts";
import { ApiError, wordsOf } from "../app/api.ts";
import { useApp } from "../app/context.ts";
import type { Api } from "../app/api.ts";
import { mergeTail } from "../charts/history-columns.ts";
import { rangeAt } from "../charts/time-range.ts";
import type { RangeChoice } from "../charts/time-range.ts";

/** Few enough for calm lines; the server makes stretches of it that people read off a clock. */
const points = 150;
/** The end of a live chart is asked for in so many stretches. */
const tailPoints = 10;
const tailEveryMsMin = 2000;
const tailEveryMsMax = 30_000;

export type HistoryState = {
  readonly history: History | null;
  readonly failure: string | null;
};

/**
 * The history of an experiment over a stretch of time. Where that ends now, only its end is asked for again, and put over what
 * is there.
 */
export function useHistory(experiment: string, choice: RangeChoice): HistoryState {
  const { api, live, clock, timers } = useApp();
  const [state, setState] = useState<HistoryState & { readonly question: string }>({
    history: null,
    failure: null,
    question: "",
  });
  const question = JSON.stringify([experiment, choice]);

  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    const now = () => live.nowMs.peek() ?? clock.wallMs();
    let cancel = () => {};
    let history: History | null = null;
    const run = async () => {
      try {
        if (!document.hidden) {
          history = await askOn(api, experiment, choice, history, now(), signal);
          if (signal.aborted) return;
          setState({ history, failure: null, question });
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status !== null) history = null;
        setState({ history, failure: wordsOf(error), question });
      }
      if (choice.kind === "fixed") return;
      const stepMs = (history?.step_seconds ?? 5) * 1000;
      const everyMs = Math.min(tailEveryMsMax, Math.max(tailEveryMsMin, stepMs));
      cancel = timers.after(everyMs, () => void run());
    };
    void run();
    return () => {
      abort.abort();
      cancel();
    };
  }, [question]);

  return state.question === question ? state : { history: null, failure: null };
}

async function askOn(
  api: Api,
  experiment: string,
  choice: RangeChoice,
  before: History | null,
  nowMs: number,
  signal: AbortSignal,
): Promise<History> {
  const { fromMs, toMs } = rangeAt(choice, nowMs);
  // With many more stretches than were asked for, longer ones are due.
  if (before !== null && choice.kind !== "fixed" && before.at_ms.length < 3 * points) {
    const tailMs = tailPoints * before.step_seconds * 1000;
    const tail = await ask(api, experiment, toMs - tailMs, toMs, tailPoints, signal);
    const merged = mergeTail(before, tail, fromMs);
    if (merged !== null) return merged;
  }
  const whole = await ask(api, experiment, fromMs, toMs, points, signal);
  const firstMs = whole.at_ms[0];
  if (choice.kind !== "all" || firstMs === undefined) return whole;
  // Now that it is known how far back anything is kept, in stretches that fit.
  return ask(api, experiment, firstMs, toMs, points, signal);
}

function ask(
  api: Api,
  experiment: string,
  fromMs: number,
  toMs: number,
  points: number,
  signal: AbortSignal,
): Promise<History> {
  const range = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), points };
  return api.get(`v1/experiments/${encodeURIComponent(experiment)}/history`, range, signal);
}
