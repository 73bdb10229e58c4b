import type { Dispatcher } from "undici";
import type { Clock, Timers } from "../base/clock.ts";
import type { JsonValue } from "../core/experiment/policy.ts";
import { askGate, closed } from "./gate-request.ts";
import type { GateAnswer, GateQuestion, GateReply } from "./gate-request.ts";
import type { SupervisorLog } from "./worker-slot.ts";

export type GatesDependencies = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: SupervisorLog;
  /** What sends the requests; without one each question has a connection of its own. */
  readonly dispatcher?: Dispatcher;
};

/** Asks gates. Whoever waits for one asks again every so often: an answer is never remembered for it. */
export type Gates = {
  /**
   * POSTs `{experiment, step, share, facts}`; 200, 201 and 202 open the gate. `answer` is called at most once, never
   * before this returns, and not at all after `cancel`, `stop` or a question for another step of the experiment.
   * While a question for the same step is under way another one is ignored.
   */
  ask(gate: GateQuestion, facts: JsonValue, answer: (answer: GateAnswer) => void): void;
  /** Ends the experiment's question and forgets its last answer. */
  cancel(experiment: string): void;
  /** Ends every question; resolves when their connections are closed. */
  stop(): Promise<void>;
  state(): GatesState;
};

export type GatesState = {
  readonly asking: readonly AskedGate[];
  /** The newest answer of each experiment, at most {@link gateLimits.answersMax}, oldest first. */
  readonly answers: readonly (AskedGate & GateAnswer)[];
  /** Questions sent, and how they ended. */
  readonly asked: number;
  readonly opened: number;
  readonly closed: number;
  /** Ended by `cancel`, `stop` or another step before they were answered. */
  readonly dropped: number;
  /** Not sent, because {@link gateLimits.askingMax} were under way. */
  readonly refused: number;
};

export type AskedGate = {
  readonly experiment: string;
  readonly step: number;
  /** The gate's address without its path and query, which may hold a secret. */
  readonly origin: string;
  /** Wall time of the question, or of the answer, milliseconds. */
  readonly atMs: number;
};

export const gateLimits = {
  askingMax: 64,
  answersMax: 256,
} as const;

type Answered = AskedGate & GateReply;

type Pending = AskedGate & {
  readonly isSent: boolean;
  readonly abort: AbortController;
};

export function createGates(dependencies: GatesDependencies): Gates {
  const { clock, timers, log, dispatcher } = dependencies;
  const questions = new Map<string, Pending>();
  const answers = new Map<string, Answered>();
  const running = new Set<Promise<void>>();
  const counts = { asked: 0, opened: 0, closed: 0, dropped: 0, refused: 0 };
  let stopping: Promise<void> | null = null;

  function drop({ experiment, abort }: Pending): void {
    questions.delete(experiment);
    counts.dropped += 1;
    abort.abort();
  }

  function ask(gate: GateQuestion, facts: JsonValue, answer: (answer: GateAnswer) => void): void {
    const { experiment, step } = gate;
    const present = questions.get(experiment);
    if (stopping !== null || present?.step === step) return;
    if (present !== undefined) drop(present);
    const isSent = sent().length < gateLimits.askingMax;
    const question: Pending = {
      experiment,
      step,
      origin: originOf(gate.url),
      atMs: clock.wallMs(),
      isSent,
      abort: new AbortController(),
    };
    questions.set(experiment, question);
    if (isSent) counts.asked += 1;
    else counts.refused += 1;
    const replied = isSent
      ? askGate(gate, facts, { timers, abort: question.abort, dispatcher })
      : Promise.resolve(notAsked);
    const ended = replied.then((reply) => finish(question, reply, answer));
    running.add(ended);
    void ended.finally(() => running.delete(ended));
  }

  function finish(question: Pending, reply: GateReply, answer: (answer: GateAnswer) => void): void {
    const { experiment, step, origin } = question;
    if (questions.get(experiment) !== question) return;
    questions.delete(experiment);
    const { kind, detail, reason } = reply;
    if (question.isSent) counts[kind === "open" ? "opened" : "closed"] += 1;
    const before = answers.get(experiment);
    answers.delete(experiment);
    answers.set(experiment, { experiment, step, origin, atMs: clock.wallMs(), ...reply });
    for (const oldest of answers.keys()) {
      if (answers.size <= gateLimits.answersMax) break;
      answers.delete(oldest);
    }
    // A closed gate is asked every few seconds: only what is new gets into the log.
    if (before?.step !== step || before.reason !== reason) {
      log("info", `gate ${kind}`, { experiment, step, origin, reason });
    }
    answer({ kind, detail });
  }

  const sent = () => [...questions.values()].filter(({ isSent }) => isSent);

  return {
    ask,
    cancel(experiment) {
      const question = questions.get(experiment);
      if (question !== undefined) drop(question);
      answers.delete(experiment);
    },
    stop() {
      stopping ??= (async () => {
        for (const question of questions.values()) drop(question);
        await Promise.all(running);
      })();
      return stopping;
    },
    state: () => ({
      asking: sent().map(({ experiment, step, origin, atMs }) => {
        return { experiment, step, origin, atMs };
      }),
      answers: Array.from(answers.values(), viewOf),
      ...counts,
    }),
  };
}

const notAsked = closed(
  `not asked: ${gateLimits.askingMax} other gates have not answered yet; it is asked again later`,
);

function viewOf({
  experiment,
  step,
  origin,
  atMs,
  kind,
  detail,
}: Answered): AskedGate & GateAnswer {
  return { experiment, step, origin, atMs, kind, detail };
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "an unreadable URL";
}
