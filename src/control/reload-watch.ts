import { realpathSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock, Timers } from "../base/clock.ts";

/** Calls `onChange` when one of the files may have changed; the returned function ends it. */
export type WatchFiles = (paths: readonly string[], onChange: () => void) => () => void;

/**
 * Watches the directories, not the files: an editor that saves by rename and a Kubernetes ConfigMap that
 * swaps its `..data` link replace the file under its name. A path that is a link is watched on both ends.
 */
export function watchDirectories(paths: readonly string[], onChange: () => void): () => void {
  const namesByDirectory = new Map<string, Set<string>>();
  for (const path of paths) {
    for (const end of [path, realPath(path)]) {
      const names = namesByDirectory.get(dirname(end)) ?? new Set();
      namesByDirectory.set(dirname(end), names.add(basename(end)));
    }
  }
  const watchers: FSWatcher[] = [];
  for (const [directory, names] of namesByDirectory) {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, file) => {
        if (file === null || names.has(file) || file.startsWith("..")) onChange();
      });
      // A directory that goes away: whoever watches looks again and finds the new one.
      watcher.on("error", () => {
        watcher.close();
        onChange();
      });
      watchers.push(watcher);
    } catch {
      // No such directory, or no watches left: SIGHUP and the API still reload.
    }
  }
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Gathers bursts: `run` follows the last call by `quietMs`, or the first by `waitMsMax`. */
export function createDebounce(
  { quietMs, waitMsMax }: { readonly quietMs: number; readonly waitMsMax: number },
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  run: () => void,
): { call(): void; cancel(): void } {
  let firstAtMs: number | null = null;
  let cancelTimer: (() => void) | null = null;
  const cancel = () => {
    cancelTimer?.();
    cancelTimer = null;
    firstAtMs = null;
  };
  return {
    call() {
      const nowMs = clock.monotonicMs();
      firstAtMs ??= nowMs;
      cancelTimer?.();
      const delayMs = Math.max(0, Math.min(quietMs, firstAtMs + waitMsMax - nowMs));
      cancelTimer = timers.after(delayMs, () => {
        cancelTimer = null;
        firstAtMs = null;
        run();
      });
    },
    cancel,
  };
}
