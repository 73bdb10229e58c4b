import { err, ok } from "../../src/base/result.ts";
import { runProgram } from "../../src/faces/cli/program.ts";
import { createLoadEnvironment } from "../../src/main/load-environment.ts";
import type { WatchOptions } from "../../src/faces/terminal/watch.ts";
import { migrateStore } from "../../src/control/store/copy/migrate.ts";
import { realTimers } from "../../src/main/system.ts";
import { openStoreToRead } from "../../src/main/store-reader.ts";
import { createRehearseEnvironment } from "../../src/main/rehearse-environment.ts";

/** Runs one command line over files in memory. */
export async function runCommandLine(
  arguments_: readonly string[],
  files: Record<string, string> = {},
  env: Record<string, string> = {},
) {
  let stdout = "";
  let stderr = "";
  const served: string[] = [];
  const watched: WatchOptions[] = [];
  const exitCode = await runProgram(arguments_, {
    version: "1.2.3",
    wallMs: () => Date.now(),
    serve: async ({ configPath }) => {
      served.push(configPath);
      return 1;
    },
    openStore: openStoreToRead,
    migrateStore: (plan) => migrateStore(plan, realTimers),
    load: async () => createLoadEnvironment(),
    watch: async (options) => {
      watched.push(options);
      return 0;
    },
    rehearse: async () => createRehearseEnvironment({}, "1.2.3"),
    io: {
      readFile: (path) => {
        const text = files[path];
        return text === undefined ? err(`${path} cannot be read`) : ok(text);
      },
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      env,
      cores: 4,
    },
  });
  return { exitCode, stdout, stderr, served, watched };
}
