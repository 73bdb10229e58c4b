import { dirname, resolve } from "node:path";
import type { Result } from "../../base/result.ts";
import { err } from "../../base/result.ts";
import type { Environment } from "../../core/config/environment.ts";
import type { Config, Issue } from "../../core/config/model.ts";
import { parseConfig } from "../../core/config/parse.ts";

/** What a command may touch; tests give their own. */
export type CliIo = {
  /** The text of a file; the error says why it cannot be read. */
  readonly readFile: (path: string) => Result<string, string>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Environment;
  /** What `workers: auto` means. */
  readonly cores: number;
};

/** Exit codes of every command. */
export const exitCodes = { success: 0, failure: 1, invalid: 2, breached: 3 } as const;

/** Reads and checks a configuration file. */
export function readConfigFile(path: string, io: CliIo): Result<Config, readonly Issue[]> {
  const text = io.readFile(path);
  if (!text.ok) {
    const issue = { path: "", line: null, column: null, code: "file_unreadable" };
    return err([{ ...issue, message: text.error }]);
  }
  const files = (name: string) => io.readFile(resolve(dirname(path), name));
  return parseConfig(text.value, { env: io.env, cores: io.cores, files });
}

/** One line per problem, as compilers write them: `file:line:column path: message`. */
export function formatIssues(file: string, issues: readonly Issue[]): string {
  return issues
    .map(({ line, column, path, message }) => {
      const place = line === null ? file : `${file}:${line}:${column ?? 1}`;
      return `${place}${line === null ? ":" : ""} ${path === "" ? "" : `${path}: `}${message}\n`;
    })
    .join("");
}
