import { closeSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { err, ok, type Result } from "../base/result.ts";
import type { LoadEnvironment, WriteFile } from "../faces/cli/load.ts";
import { realLoadTime } from "./load-time.ts";
import { realClock, realRandom } from "./system.ts";

/** How long the first connection may take. */
const reachMsMax = 5000;

/** npm passes a Ctrl-C on that the terminal has sent already; only a later one means hurry. */
const doubledSignalMs = 500;

/** What `sluice load` needs of this machine. */
export function createLoadEnvironment(): LoadEnvironment {
  return {
    time: realLoadTime,
    seed: Math.floor(realRandom.next() * 2 ** 32),
    // Some pseudo-terminals say that they are 0 columns wide.
    terminalColumns: () => (process.stderr.isTTY ? process.stderr.columns || 80 : null),
    onInterrupt: listenForInterrupts,
    reach,
    prepareFile,
  };
}

function listenForInterrupts(run: () => void): () => void {
  let firstMs: number | null = null;
  const take = () => {
    const nowMs = realClock.monotonicMs();
    if (firstMs === null) {
      firstMs = nowMs;
      run();
    } else if (nowMs - firstMs > doubledSignalMs) {
      process.exit(130);
    }
  };
  process.on("SIGINT", take).on("SIGTERM", take);
  return () => void process.off("SIGINT", take).off("SIGTERM", take);
}

function reach(origin: string): Promise<Result<null, string>> {
  const { hostname, port, protocol } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const fail = (why: string) => resolve(err(`${origin} cannot be reached: ${why}`));
    const socket = connect({ host, port: Number(port) || (protocol === "https:" ? 443 : 80) });
    socket.setTimeout(reachMsMax, () => {
      socket.destroy();
      fail(`no connection within ${reachMsMax} ms`);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const { code, errors } = error as { code?: string; errors?: Error[] };
      const reasons = errors?.map(({ message }) => message).join(", ");
      fail(reasons ?? (error.message || (code ?? "")));
    });
    socket.once("connect", () => {
      socket.destroy();
      resolve(ok(null));
    });
  });
}

function prepareFile(path: string): Result<WriteFile, string> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      return err("it is a directory");
    }
    closeSync(openSync(partial, "w"));
    rmSync(partial);
  } catch (error) {
    return err((error as Error).message);
  }
  return ok((text) => {
    try {
      writeFileSync(partial, text);
      renameSync(partial, path);
      return ok(null);
    } catch (error) {
      rmSync(partial, { force: true });
      return err((error as Error).message);
    }
  });
}
