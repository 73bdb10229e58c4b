import { readFileSync } from "node:fs";
import { createLog } from "../control/access-log.ts";
import type { SluiceLog } from "../control/access-log.ts";
import { formatAddress } from "../control/listen-error.ts";
import { openLogOutput } from "../control/log-output.ts";
import type { Environment } from "../core/config/environment.ts";
import { exitCodes, formatIssues } from "../faces/cli/io.ts";
import { StartError, startSluice } from "./sluice-process.ts";
import type { Sluice } from "./running-sluice.ts";
import { realTimers } from "./system.ts";

export type ServeOptions = { readonly configPath: string; readonly env: Environment };

const logLimits = { fd: 1, bytesMax: 16 * 1024 * 1024, closeMsMax: 1000 } as const;

/** `sluice serve`: runs until a signal ends it; the answer is the exit code. */
export async function runServe({ configPath, env }: ServeOptions): Promise<number> {
  const early = noteEarlySignals();
  let log: SluiceLog | null = null;
  const output = openLogOutput(logLimits, {
    timers: realTimers,
    onDropped: (dropped) => log?.app("warn", "log lines dropped", { dropped }),
  });
  try {
    const sluice = await startSluice({
      configPath,
      env,
      version: readVersion(),
      log: (level) => (log = createLog(level, output)),
    });
    announce(sluice);
    return await serveUntilSignal(sluice, early);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const { issues, message } = error;
    process.stderr.write(
      issues.length > 0 ? formatIssues(configPath, issues) : `sluice: ${message}\n`,
    );
    return issues.length > 0 ? exitCodes.invalid : exitCodes.failure;
  } finally {
    early.end();
    await output.close();
  }
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

function announce(sluice: Sluice): void {
  const { log, dataPort, adminPort } = sluice;
  const { listen, admin } = sluice.config();
  log.app("info", "listening", {
    traffic: `${listen.tls === null ? "http" : "https"}://${formatAddress(listen.host, dataPort)}`,
    admin: `http://${formatAddress(admin.host, adminPort)}`,
    workers: listen.workers,
  });
}

/**
 * As PID 1 of a container a process gets no signal that it does not listen to, so Sluice listens before it starts:
 * one that comes meanwhile ends it once it has started, a second one at once.
 */
function noteEarlySignals(): { end(): string | null } {
  let seen: string | null = null;
  const note = (signal: string) => {
    if (seen !== null) process.exit(exitCodes.failure);
    seen = signal;
  };
  process.on("SIGTERM", note).on("SIGINT", note);
  return {
    end() {
      process.off("SIGTERM", note).off("SIGINT", note);
      return seen;
    },
  };
}

/**
 * The first SIGTERM or SIGINT drains (0); one during `listen.drain_delay` ends the delay, a further one ends
 * everything at once (1). SIGHUP reloads.
 */
function serveUntilSignal(sluice: Sluice, early: { end(): string | null }): Promise<number> {
  const { log } = sluice;
  const onReload = (signal: string) => void sluice.reloadFromFile(signal);
  return new Promise((resolve) => {
    let code: number = exitCodes.success;
    let ending = false;
    const finish = () => {
      process.off("SIGHUP", onReload).off("SIGTERM", onEnd).off("SIGINT", onEnd);
      process.off("uncaughtException", onFault);
      resolve(code);
    };
    const drain = () => {
      ending = true;
      const { drainDelayMs, drainDeadlineMs } = sluice.config().listen;
      log.app("info", "draining", { drainDelayMs, drainDeadlineMs });
      void sluice.drain().then((aborted) => {
        log.app("info", "stopped", { aborted });
        finish();
      });
    };
    const onEnd = (signal: string) => {
      if (!ending) return drain();
      if (sluice.hurry()) {
        log.app("info", "second signal: the delay ends", { signal });
        return;
      }
      code = exitCodes.failure;
      log.app("warn", "second signal: ending at once", { signal });
      // The drain under way ends with it.
      void sluice.stop();
    };
    // The threads are sound, so requests in flight may end; whoever runs Sluice starts it again.
    const onFault = (fault: Error) => {
      log.app("error", "a bug in the control plane", { error: fault.stack ?? fault.message });
      code = exitCodes.failure;
      if (!ending) drain();
    };
    process.on("SIGHUP", onReload).on("SIGTERM", onEnd).on("SIGINT", onEnd);
    process.on("uncaughtException", onFault);
    // Only now: while nobody listens to a signal it ends the process, or as PID 1 is lost.
    const signal = early.end();
    if (signal === null) return;
    // Nobody has sent traffic yet, so there is nobody to wait for.
    onEnd(signal);
    sluice.hurry();
  });
}
