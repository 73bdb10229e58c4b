import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A replica's store in a process of its own. */
export type ReplicaProcess = {
  /** Its epoch after a heartbeat that wants the lead; null when it does not lead. */
  readonly lead: () => Promise<number | null>;
  /** What became of an entry that is fenced with that epoch: `ok` or the fault's code. */
  readonly decide: (epoch: number) => Promise<string>;
  /** Counts a state up so many times, from what it finds, as others do at the same time. */
  readonly count: (times: number) => Promise<number>;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly kill: () => Promise<void>;
};

const childPath = fileURLToPath(new URL("./replica-child.ts", import.meta.url));

/** Starts one; it ends with the test. */
export async function startReplica(url: string, name: string): Promise<ReplicaProcess> {
  const child = spawn(process.execPath, [childPath, url, name], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (line: string) => {
    child.stdin.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the replica ${name} ended`);
    return JSON.parse(value) as unknown;
  };
  return {
    lead: async () => (await ask("lead")) as number | null,
    decide: async (epoch) => (await ask(`decide ${epoch}`)) as string,
    count: async (times) => (await ask(`count ${times}`)) as number,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
