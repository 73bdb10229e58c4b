import type { Clock, Timers } from "../../base/clock.ts";
import type { Environment } from "../../core/config/environment.ts";
import { exitCodes } from "../cli/io.ts";
import type { Client, LiveUpdate } from "../client/client.ts";
import type { ClientTls } from "../client/client-tls.ts";
import { SluiceError } from "../client/error.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { changesOf, factsOf, type Facts } from "./changes.ts";
import { Dashboard } from "./dashboard.ts";
import { paintFrame } from "./frame.ts";
import type { Model, Size } from "./model.ts";
import { sampleEveryMs } from "./samples.ts";
import type { TerminalStreams } from "./screen.ts";
import { neutralise, toAscii } from "./text.ts";

export type WatchOptions = {
  /** Of the admin port. */
  readonly url: string;
  readonly token: string | null;
  readonly tls: ClientTls | null;
  /** Who acts, for the journal; the address where it is null. */
  readonly actor: string | null;
  /** The one to begin with; without a terminal, the only one. */
  readonly experiment: string | null;
  /** Prints one frame and ends. */
  readonly once: boolean;
  /** With once: the live document. */
  readonly json: boolean;
  readonly colour: boolean;
  /** Null looks at the locale. */
  readonly ascii: boolean | null;
  /** Lines instead of a screen, even on a terminal: for screen readers. */
  readonly lines: boolean;
  /** Ends after this long without a connection, milliseconds. */
  readonly giveUpMs: number;
};

/** What ends a watch from outside. */
export type Ending =
  | { readonly kind: "asked" }
  | { readonly kind: "crashed"; readonly error: unknown };

export type WatchDependencies = {
  readonly streams: TerminalStreams;
  readonly env: Environment;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly connect: (options: Pick<WatchOptions, "url" | "token" | "tls">) => Client;
  /** Calls `end` for SIGINT, SIGTERM, SIGHUP, a closed pipe and whatever nobody caught; the answer stops that. */
  readonly onEnding: (end: (ending: Ending) => void) => () => void;
};

/** How long the first document may take. */
const firstMsMax = 10_000;
/** The width of a frame that goes nowhere in particular. */
const plainSize = { columns: 80, rows: 24 } as const;

/**
 * `sluice watch`. Exit 0 when it was ended, 3 with `once` when the experiment watched was rolled back, 2 when the
 * request was wrong, 1 when Sluice cannot be reached, or not any more.
 */
export async function runWatch(
  options: WatchOptions,
  dependencies: WatchDependencies,
): Promise<number> {
  const { streams, env, connect, onEnding } = dependencies;
  const fail = (words: string, code: number = exitCodes.failure) => {
    streams.stderr.write(`sluice watch: ${neutralise(words)}\n`);
    return code;
  };
  const leaving = new AbortController();
  const ending = Promise.withResolvers<
    Ending | { readonly kind: "lost"; readonly error: unknown }
  >();
  const end = ending.resolve;
  const stopListening = onEnding(end);
  try {
    const client = connect(options);
    const { role } = await client.session();
    const feed: Feed = { listener: () => {} };
    const coming = firstOf(feed, ending.promise, dependencies.timers);
    client
      .live((update) => feed.listener(update), { signal: leaving.signal })
      .catch((error: unknown) => end({ kind: "lost", error }));
    const first = await coming;
    if (first.kind === "asked") return exitCodes.success;
    if (first.kind !== "document") throw first.error;
    if (options.experiment !== null && !isKnown(first, options.experiment)) {
      return fail(`there is no experiment ${options.experiment}`, exitCodes.invalid);
    }
    const look = capabilitiesOf(env, {
      isTerminal: streams.stdout.isTTY,
      colour: options.colour,
      ascii: options.ascii,
    });
    const session: Session = { client, role, feed, first, look, end, ended: ending.promise };
    if (options.once) return printOnce(session, options, dependencies);
    const isScreen = look.canMove && streams.stdin.isTTY && !options.lines;
    const last = isScreen
      ? await watchOnScreen(session, options, dependencies)
      : await watchInLines(session, options, dependencies);
    if (last.kind === "asked") return exitCodes.success;
    throw last.error;
  } catch (error) {
    const [words, code] = explain(error, options.url);
    return fail(words, code);
  } finally {
    leaving.abort();
    stopListening();
  }
}

type First = Extract<LiveUpdate, { kind: "document" }>;
type Last = Ending | { readonly kind: "lost"; readonly error: unknown };

type Session = {
  readonly client: Client;
  readonly role: Model["role"];
  readonly feed: Feed;
  readonly first: First;
  readonly look: Capabilities;
  readonly end: (last: Last) => void;
  readonly ended: Promise<Last>;
};

/** The live document goes to whoever listens at the time. */
type Feed = { listener: (update: LiveUpdate) => void };

/** The first document, or what came instead. */
function firstOf(feed: Feed, ended: Promise<Last>, timers: Timers): Promise<First | Last> {
  return new Promise((resolve) => {
    let why: unknown = new SluiceError("timed_out", "the live document did not come");
    const cancel = timers.after(firstMsMax, () => settle({ kind: "lost", error: why }));
    const settle = (result: First | Last) => {
      cancel();
      feed.listener = () => {};
      resolve(result);
    };
    feed.listener = (update) => {
      if (update.kind === "document") settle(update);
      else why = update.error;
    };
    void ended.then(settle);
  });
}

function isKnown({ document }: First, experiment: string): boolean {
  const { traffic, rollouts, experiments } = document;
  return [traffic, rollouts, experiments].some((record) => Object.hasOwn(record, experiment));
}

function createDashboard(
  { client, role, first, look, end }: Session,
  { url, actor, experiment }: WatchOptions,
  { clock }: WatchDependencies,
): Dashboard {
  return new Dashboard(
    first,
    { url, actor: actor ?? undefined, experiment, role, glyphs: look.glyphs },
    { clock, client, quit: () => end({ kind: "asked" }) },
  );
}

function printOnce(
  session: Session,
  options: WatchOptions,
  dependencies: WatchDependencies,
): number {
  const { stdout } = dependencies.streams;
  const { document } = session.first;
  if (options.json) {
    stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const model = createDashboard(session, options, dependencies).model();
    // Keys do nothing here; when it was is worth more.
    const message = { text: `As of ${session.first.at}`, tone: "dim" } as const;
    const size = stdout.isTTY ? stdout : plainSizeOf(dependencies.env);
    const lines = paintFrame({ ...model, ui: { ...model.ui, message } }, size, session.look.depth);
    stdout.write(`${lines.map((text) => text.trimEnd()).join("\n")}\n`);
  }
  const rollout = options.experiment === null ? undefined : document.rollouts[options.experiment];
  return rollout?.phase === "rolled_back" ? exitCodes.breached : exitCodes.success;
}

/** A pipe has no size, but who made it may have said one. */
function plainSizeOf(env: Environment): Size {
  const read = (name: string, least: number, otherwise: number) => {
    const value = Number(env[name]);
    return Number.isInteger(value) && value >= least && value <= 1000 ? value : otherwise;
  };
  return {
    columns: read("COLUMNS", 20, plainSize.columns),
    rows: read("LINES", 5, plainSize.rows),
  };
}

async function watchOnScreen(
  session: Session,
  options: WatchOptions,
  dependencies: WatchDependencies,
): Promise<Last> {
  const { streams, timers } = dependencies;
  const { feed, end, ended, look } = session;
  const dashboard = createDashboard(session, options, dependencies);
  // Ink and React are what takes longest to load, and nothing else needs them.
  const { takeScreen } = await import("./screen.ts");
  feed.listener = (update) => dashboard.take(update);
  const cancelTick = timers.every(sampleEveryMs, () => {
    dashboard.tick();
    if (dashboard.staleForMs() >= options.giveUpMs) end({ kind: "lost", error: gone(options) });
  });
  const screen = takeScreen(dashboard, streams, look.depth);
  screen.ended.catch((error: unknown) => end({ kind: "crashed", error }));
  // A terminal that went away says nothing more.
  const hangUp = () => end({ kind: "asked" });
  streams.stdin.once("end", hangUp).once("error", hangUp);
  try {
    return await ended;
  } finally {
    cancelTick();
    feed.listener = () => {};
    streams.stdin.off("end", hangUp).off("error", hangUp);
    await screen.restore();
  }
}

/** One line for each change, with the server's time: for pipes, logs and screen readers. */
async function watchInLines(
  session: Session,
  { experiment, giveUpMs }: WatchOptions,
  { streams, clock, timers }: WatchDependencies,
): Promise<Last> {
  const { feed, first, end, ended, look } = session;
  const print = (at: string, text: string) => {
    const line = `${at}  ${text}`;
    streams.stdout.write(`${look.glyphs.isAscii ? toAscii(line) : line}\n`);
  };
  let facts: Facts | null = null;
  let staleAtMs: number | null = null;
  const take = (update: LiveUpdate) => {
    const nowMs = clock.monotonicMs();
    if (update.kind === "stale") {
      staleAtMs = nowMs;
      const { detail, message } = update.error;
      print(new Date(clock.wallMs()).toISOString(), `sluice: stale, ${detail || message}`);
      return;
    }
    if (staleAtMs !== null) {
      const seconds = Math.round((nowMs - staleAtMs) / 1000);
      print(update.at, `sluice: live again after ${seconds}s`);
      staleAtMs = null;
    }
    const next = factsOf(update.document, experiment);
    for (const text of changesOf(facts, next)) print(update.at, text);
    facts = next;
  };
  take(first);
  feed.listener = take;
  const cancelTick = timers.every(sampleEveryMs, () => {
    if (staleAtMs !== null && clock.monotonicMs() - staleAtMs >= giveUpMs) {
      end({ kind: "lost", error: gone({ giveUpMs }) });
    }
  });
  try {
    return await ended;
  } finally {
    cancelTick();
    feed.listener = () => {};
  }
}

function gone({ giveUpMs }: Pick<WatchOptions, "giveUpMs">): SluiceError {
  return new SluiceError(
    "unreachable",
    `gave up after ${Math.round(giveUpMs / 1000)} s without it`,
  );
}

/** One line for what went wrong, and the exit code: 2 when the request was wrong, 1 when Sluice was. */
function explain(error: unknown, url: string): readonly [string, number] {
  if (!(error instanceof SluiceError)) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`crashed: ${words}`, exitCodes.failure];
  }
  const { code, status, detail, message } = error;
  if (code === "unreachable" || code === "timed_out") {
    return [`${url} cannot be reached: ${detail === "" ? message : detail}`, exitCodes.failure];
  }
  if (code === "bad_request") return [message, exitCodes.invalid];
  if (code === "bad_answer") {
    return [`${url} does not answer as Sluice's admin port does: ${message}`, exitCodes.failure];
  }
  if (status === 404) return [`${url} is no admin port: ${detail}`, exitCodes.invalid];
  const isOurs = status !== null && status < 500;
  return [detail === "" ? message : detail, isOurs ? exitCodes.invalid : exitCodes.failure];
}
