import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Child processes of the benchmark, pinned to cores, and their ends. */

const startDeadlineMs = 15_000;
const stopDeadlineMs = 5000;

/** Of util-linux: confines a program to cores. */
const pinCommand = "taskset";

const alive = new Set<ChildProcess>();
const folders = new Set<string>();

// However this process ends: a master that is killed leaves its workers (nginx), so each goes by its own id.
process.on("exit", () => {
  const pids = [...alive].flatMap(({ pid }) => (pid === undefined ? [] : familyOf(pid)));
  for (const pid of pids) kill(pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A new folder, which is removed at the end of this process at the latest. */
export function openFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  folders.add(path);
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true });
    folders.delete(path);
  };
  return { path, remove };
}

/** Where a child's messages come from: an IPC channel, or what it prints. */
export type ChildOutput = "none" | "ipc" | "stdout";

/** Starts a program on the given cores (`taskset -c` syntax); its errors go to ours. */
export function startPinned(
  cores: string,
  command: string,
  args: readonly string[],
  output: ChildOutput = "none",
): ChildProcess {
  const child = spawn(pinCommand, ["-c", cores, command, ...args], {
    stdio: [
      "ignore",
      output === "stdout" ? "pipe" : "ignore",
      "inherit",
      output === "ipc" ? "ipc" : "ignore",
    ],
  });
  alive.add(child);
  child.on("exit", () => alive.delete(child));
  return child;
}

/** Starts a script, with a channel for messages. */
export function startNode(cores: string, script: URL, args: readonly string[]): ChildProcess {
  return startPinned(cores, process.execPath, [fileURLToPath(script), ...args], "ipc");
}

/** The child's next message; rejects when it ends or takes too long first. */
export async function nextMessage<Message>(
  child: ChildProcess,
  deadlineMs = startDeadlineMs,
): Promise<Message> {
  const waiting = new AbortController();
  const timeout = AbortSignal.any([waiting.signal, AbortSignal.timeout(deadlineMs)]);
  try {
    const [message] = (await Promise.race([
      once(child, "message", { signal: timeout }),
      once(child, "exit", { signal: timeout }).then(([code]) => {
        throw new Error(`${child.spawnargs.join(" ")} ended with ${String(code)}`);
      }),
    ])) as [Message];
    return message;
  } finally {
    waiting.abort();
  }
}

/** Asks the child to end, and makes it when it does not. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopDeadlineMs);
  await ended;
  clearTimeout(timer);
}

/** A port that was free just now, for programs that cannot say which one they got. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Resolves as soon as a request through the port is answered with 200. That it accepts connections is not
 * enough: Sluice listens for a moment at its start, to see whether the port is free.
 */
export async function portServes(port: number, owner: ChildProcess): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    if (owner.exitCode !== null) throw new Error(`${owner.spawnargs.join(" ")} ended at its start`);
    if ((await tryRequest(port)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${owner.spawnargs.join(" ")} did not serve on ${port}`);
}

/** The status of one request on a connection of its own; null when there is no answer. */
function tryRequest(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const options = {
      host: "127.0.0.1",
      port,
      method: "POST",
      path: "/embeddings?bytes=1",
      headers: { "x-user-id": "first" },
      agent: false,
      timeout: 1000,
    };
    const tried = request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    tried.on("timeout", () => tried.destroy());
    tried.on("error", () => resolve(null));
    tried.end();
  });
}

/** The process and everything it started; empty when it has ended. */
export function familyOf(pid: number): number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
  return [
    pid,
    ...(children === "" ? [] : children.split(" ").flatMap((id) => familyOf(Number(id)))),
  ];
}

/** First line that the program prints about its version; null when it is not installed. */
export function versionOf(command: string, flag: string): Promise<string | null> {
  return new Promise((resolve) => {
    // The exit code says nothing: wrk ends with 1 after its version.
    execFile(command, [flag], (error, stdout, stderr) => {
      resolve(error?.code === "ENOENT" ? null : ((stdout || stderr).split("\n", 1)[0] as string));
    });
  });
}
