import { useCallback, useEffect, useState } from "preact/hooks";
import { wordsOf } from "../app/api.ts";
import { useApp } from "../app/context.ts";
import type { Api } from "../app/api.ts";

export type Requested<Body> = {
  /** The last good answer to the present question; null before the first. */
  readonly body: Body | null;
  /** Why the last try failed; null when it did not. */
  readonly failure: string | null;
  readonly reload: () => void;
};

/**
 * Asks at once, again whenever `inputs` change, and every `everyMs` where it is given; while the page is hidden it waits.
 * An answer that comes too late for its question is dropped.
 */
export function useRequest<Body>(
  ask: (api: Api, signal: AbortSignal) => Promise<Body>,
  inputs: readonly unknown[],
  everyMs: number | null = null,
): Requested<Body> {
  const { api, timers } = useApp();
  const [answer, setAnswer] = useState<{ question: string; body: Body } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const question = JSON.stringify(inputs);

  useEffect(() => {
    const abort = new AbortController();
    let cancel = () => {};
    const run = async () => {
      try {
        if (!document.hidden) {
          const body = await ask(api, abort.signal);
          if (abort.signal.aborted) return;
          setAnswer({ question, body });
          setFailure(null);
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        setFailure(wordsOf(error));
      }
      if (everyMs !== null) cancel = timers.after(everyMs, () => void run());
    };
    void run();
    return () => {
      abort.abort();
      cancel();
    };
  }, [question, everyMs, round]);

  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { body: answer?.question === question ? answer.body : null, failure, reload };
}
