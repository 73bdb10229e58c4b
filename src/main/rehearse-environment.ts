import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { err, ok } from "../base/result.ts";
import type { RehearseEnvironment } from "../faces/cli/rehearse.ts";
import type { StateFileIo } from "../faces/rehearsal/state-file.ts";
import { createLoadEnvironment } from "./load-environment.ts";
import { startSluice } from "./sluice-process.ts";

/** What `sluice rehearse` needs of this machine. */
export function createRehearseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): RehearseEnvironment {
  const { time, seed, onInterrupt } = createLoadEnvironment();
  return {
    time,
    seed,
    onInterrupt,
    openFolder,
    stateFile,
    startSluice: (configPath) => startSluice({ configPath, env, version }),
  };
}

function openFolder(): ReturnType<RehearseEnvironment["openFolder"]> {
  const path = mkdtempSync(join(tmpdir(), "sluice-rehearsal-"));
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once("exit", remove);
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      // The configuration may hold what only its owner should read.
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    },
    remove() {
      process.off("exit", remove);
      remove();
    },
  };
}

function stateFile(path: string): StateFileIo {
  return {
    read() {
      try {
        return ok(readFileSync(path, "utf8"));
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return code === "ENOENT" ? ok(null) : err(`cannot be read: ${message}`);
      }
    },
    write(text) {
      const partial = `${path}.${process.pid}.partial`;
      try {
        writeFileSync(partial, text, { mode: 0o600 });
        renameSync(partial, path);
        return ok(null);
      } catch (error) {
        rmSync(partial, { force: true });
        return err(`cannot be written: ${(error as Error).message}`);
      }
    },
    remove: () => rmSync(path, { force: true }),
  };
}
