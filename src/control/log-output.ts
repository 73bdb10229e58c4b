import pino from "pino";
import type { DestinationStream } from "pino";
import type { Timers } from "../base/clock.ts";

/** Where log lines leave the process. Whatever happens there, Sluice goes on: lines are dropped and counted. */
export type LogOutput = DestinationStream & {
  /** Writes what waits, within `closeMsMax`; later lines are dropped. */
  close(): Promise<void>;
};

export type LogOutputOptions = {
  readonly fd: number;
  /** Lines that wait while whoever reads them is slow or the disk is full; more are dropped. */
  readonly bytesMax: number;
  readonly closeMsMax: number;
};

export type LogOutputDependencies = {
  readonly timers: Timers;
  /** Lines get out again; `dropped` did not since the last call. */
  readonly onDropped: (dropped: number) => void;
};

export function openLogOutput(
  { fd, bytesMax, closeMsMax }: LogOutputOptions,
  { timers, onDropped }: LogOutputDependencies,
): LogOutput {
  let dropped = 0;
  let closed: Promise<void> | null = null;
  let over = false;
  let readerGone = false;
  let finish: (() => void) | null = null;
  const stream = pino.destination({
    dest: fd,
    sync: false,
    maxLength: bytesMax,
    // A full pipe is tried again until nobody waits for it any more.
    retryEAGAIN: () => !over,
  });
  stream.on("drop", () => (dropped += 1));
  stream.on("drain", () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    onDropped(count);
  });
  // With no space left, what waits stays in the buffer and goes with the next line.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") readerGone = true;
    finish?.();
  });

  function closeStream(): Promise<void> {
    if (readerGone) return Promise.resolve();
    return new Promise((resolve) => {
      finish = () => {
        if (over) return;
        over = true;
        cancel();
        // Not `flushSync`, also not by pino at the exit: it waits for a reader without limit.
        stream.destroy();
        resolve();
      };
      const cancel = timers.after(closeMsMax, finish);
      stream.once("close", finish);
      stream.end();
    });
  }

  return {
    write(line) {
      if (closed === null) stream.write(line);
    },
    close: () => (closed ??= closeStream()),
  };
}
