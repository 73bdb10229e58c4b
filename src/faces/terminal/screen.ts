import { render } from "ink";
import { createElement } from "react";
import { App } from "./app.ts";
import type { Dashboard } from "./dashboard.ts";
import type { ColourDepth } from "./paint.ts";

/** The terminal that is drawn on. */
export type TerminalStreams = {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
};

/** A terminal that was taken, to be given back. */
export type Screen = {
  /** Rejects when drawing fails; resolves when the terminal was given back. */
  readonly ended: Promise<unknown>;
  /** Gives the terminal back as it was: its former screen, cursor and echo. Does nothing the second time. */
  restore(): Promise<void>;
};

/** Ten frames a second are more than anybody reads, and little for a slow line. */
const framesPerSecondMax = 10;

/** Takes the terminal: its alternate screen, so that what was there before comes back, and its keys one by one. */
export function takeScreen(
  dashboard: Dashboard,
  { stdin, stdout, stderr }: TerminalStreams,
  depth: ColourDepth,
): Screen {
  const app = render(createElement(App, { dashboard, depth }), {
    stdin,
    stdout,
    stderr,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: framesPerSecondMax,
    incrementalRendering: true,
    alternateScreen: true,
    // It is a terminal that people look at, even on a machine that says it is for CI.
    interactive: true,
    isScreenReaderEnabled: false,
  });
  let restored: Promise<void> | null = null;
  const ended = app.waitUntilExit();
  return {
    ended,
    restore() {
      restored ??= (async () => {
        app.unmount();
        await ended.catch(() => {});
        // Ink leaves raw mode in a microtask of its own; whoever exits next must not be faster.
        if (stdin.isTTY) stdin.setRawMode(false);
        stdin.pause();
      })();
      return restored;
    },
  };
}
