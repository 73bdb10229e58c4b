import type { Environment } from "../core/config/environment.ts";
import { runWatch, type Ending, type WatchOptions } from "../faces/terminal/watch.ts";
import { createSluiceClient } from "./client.ts";
import { realClock, realTimers } from "./system.ts";

/** `sluice watch` on this process's terminal. */
export function watch(options: WatchOptions, env: Environment): Promise<number> {
  const { stdin, stdout, stderr } = process;
  return runWatch(options, {
    streams: { stdin, stdout, stderr },
    env,
    clock: realClock,
    timers: realTimers,
    connect: ({ url, token, tls }) =>
      createSluiceClient({
        admin: url,
        ...(token !== null && { token }),
        ...(tls !== null && { tls }),
      }),
    onEnding,
  });
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function onEnding(end: (ending: Ending) => void): () => void {
  const asked = () => end({ kind: "asked" });
  const crashed = (error: unknown) => end({ kind: "crashed", error });
  for (const signal of signals) process.on(signal, asked);
  // What nobody caught ends the watch as well, but only after the terminal was given back.
  process.on("uncaughtException", crashed);
  return () => {
    for (const signal of signals) process.off(signal, asked);
    process.off("uncaughtException", crashed);
  };
}
