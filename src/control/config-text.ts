import type { Result } from "../base/result.ts";
import { err, ok } from "../base/result.ts";
import type { ConfigFile } from "./config-file.ts";

/** A configuration that lives in memory: for the demonstration and for tests. It names no files. */
export function holdConfigText(initial: string): ConfigFile {
  let text = initial;
  return {
    path: "(configuration)",
    read: () => ok(text),
    readNamed: refuseFile,
    pathOf: (name) => name,
    write(next) {
      text = next;
      return ok(null);
    },
  };
}

function refuseFile(name: string): Result<string, string> {
  return err(`${name}: a configuration without a file cannot name files`);
}
