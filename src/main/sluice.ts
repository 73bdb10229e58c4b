#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { err, ok } from "../base/result.ts";
import type { Result } from "../base/result.ts";
import { runProgram } from "../faces/cli/program.ts";
import { realClock } from "./system.ts";

/** The `sluice` command: gives the commands what only an entry point may touch. */

function readFile(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return err(`${path} cannot be read: ${code === "ENOENT" ? "there is no such file" : message}`);
  }
}

const manifest = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { version: string };

// A reader that has seen enough (`sluice schema | head`) is no failure, and neither is a terminal that was closed.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || error.code === "EIO") process.exit();
  throw error;
});

process.exitCode = await runProgram(process.argv.slice(2), {
  io: {
    readFile,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    env: process.env,
    cores: availableParallelism(),
  },
  version: manifest.version,
  wallMs: () => realClock.wallMs(),
  serve: async ({ configPath }) => {
    // Only the proxy needs the data and control planes; the other commands start without them.
    const { runServe } = await import("./serve.ts");
    return runServe({ configPath, env: process.env });
  },
  openStore: async (store) => {
    const { openStoreToRead } = await import("./store-reader.ts");
    return openStoreToRead(store);
  },
  migrateStore: async (plan) => {
    const { migrateStore } = await import("../control/store/copy/migrate.ts");
    const { realTimers } = await import("./system.ts");
    return migrateStore(plan, realTimers);
  },
  load: async () => {
    const { createLoadEnvironment } = await import("./load-environment.ts");
    return createLoadEnvironment();
  },
  watch: async (options) => {
    const { watch } = await import("./watch.ts");
    return watch(options, process.env);
  },
  rehearse: async () => {
    const { createRehearseEnvironment } = await import("./rehearse-environment.ts");
    return createRehearseEnvironment(process.env, manifest.version);
  },
});
