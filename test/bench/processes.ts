import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, connect, type AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Child processes of the benchmark, pinned to cores, and their ends. */

const startDeadlineMs = 15_000;
const stopDeadlineMs = 5000;

/** Of util-linux: confines a program to cores. */
const pinCommand = "taskset";

const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Starts a program on the given cores (`taskset -c` syntax); its errors go to ours. */
export function startPinned(
  cores: string,
  command: string,
  args: readonly string[],
  channel: "ipc" | "ignore" = "ignore",
): ChildProcess {
  const child = spawn(pinCommand, ["-c", cores, command, ...args], {
    stdio: ["ignore", "ignore", "inherit", channel],
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

/** Resolves as soon as something accepts connections on the port. */
export async function portOpen(port: number, owner: ChildProcess): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (performance.now() < deadline) {
    if (owner.exitCode !== null) throw new Error(`${owner.spawnargs.join(" ")} ended at its start`);
    const socket = connect(port, "127.0.0.1");
    const opened = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(
        () => false,
        () => false,
      ),
    ]).catch(() => false);
    socket.destroy();
    if (opened) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${owner.spawnargs.join(" ")} did not listen on ${port}`);
}

/** The process and everything it started. */
export function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  return [
    pid,
    ...(children === "" ? [] : children.split(" ").flatMap((id) => familyOf(Number(id)))),
  ];
}

/** First line that the program prints about its version; null when it is not installed. */
export function versionOf(command: string, flag: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(command, [flag], (error, stdout, stderr) => {
      resolve(error === null ? ((stdout || stderr).split("\n", 1)[0] as string) : null);
    });
  });
}
