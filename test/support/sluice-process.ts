import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** `sluice serve` as a process of its own, as people run it. */
export type SluiceProcess = {
  /** `http://HOST:PORT` of the traffic port. */
  readonly url: string;
  readonly adminUrl: string;
  /** Log lines so far, parsed. */
  readonly logs: readonly Record<string, unknown>[];
  /** kill -9; resolves when nothing is left of it. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT, to stand still and go on. */
  pause(): void;
  resume(): void;
  /** SIGTERM; resolves with the exit code. */
  end(): Promise<number | null>;
};

const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;

/** Resolves once it listens; the configuration says `port: 0` ({@link freePorts} does). */
export async function startSluiceProcess(configPath: string): Promise<SluiceProcess> {
  const child = spawn(process.execPath, [script, "serve", "--config", configPath], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const closed = ended.then(() => {});
  const logs: Record<string, unknown>[] = [];
  const listening = new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      logs.push(line);
      if (line["msg"] === "listening") resolve(line);
    });
    void closed.then(() => reject(new Error("Sluice ended before it listened")));
  });
  const { traffic, admin } = await listening;
  return {
    url: String(traffic),
    adminUrl: String(admin),
    logs,
    kill() {
      child.kill("SIGKILL");
      return closed;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    end() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
