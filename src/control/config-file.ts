import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Result } from "../base/result.ts";
import { err, ok } from "../base/result.ts";
import { fileLimits } from "../core/config/defaults.ts";

/** The configuration file and the PEM files that it names. */
export type ConfigFile = {
  readonly path: string;
  /** The text; the error says why it cannot be read. */
  read(): Result<string, string>;
  /** A file named in the configuration, relative to it. */
  readNamed(name: string): Result<string, string>;
  /** Where a named file is, for watching. */
  pathOf(name: string): string;
  /** Replaces the text as a whole or not at all; follows a symbolic link to the real file. */
  write(text: string): Result<null, string>;
};

/** A configuration file on disk. */
export function openConfigFile(path: string): ConfigFile {
  const absolute = resolve(path);
  const pathOf = (name: string) => resolve(dirname(absolute), name);
  return {
    path: absolute,
    read: () => readText(absolute),
    readNamed: (name) => readText(pathOf(name)),
    pathOf,
    write: (text) => replaceText(absolute, text),
  };
}

/** A regular file of at most 1 MiB as UTF-8. */
function readText(path: string): Result<string, string> {
  let descriptor: number | null = null;
  try {
    // Not blocking, so that a named pipe cannot hold up the control plane.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return err(`${path} is not a file`);
    if (stat.size > fileLimits.bytesMax) {
      return err(`${path} has ${stat.size} bytes; at most ${fileLimits.bytesMax} are read`);
    }
    return ok(readFileSync(descriptor, "utf8"));
  } catch (error) {
    return err(`${path} cannot be read: ${reasonOf(error)}`);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function replaceText(path: string, text: string): Result<null, string> {
  let temporary: string | null = null;
  try {
    const target = realpathSync(path);
    const mode = statSync(target).mode & 0o7777;
    temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
    const descriptor = openSync(temporary, "w", mode);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // The mode given to open() is narrowed by the process's umask.
    chmodSync(temporary, mode);
    renameSync(temporary, target);
    return ok(null);
  } catch (error) {
    if (temporary !== null) rmSync(temporary, { force: true });
    return err(`${path} cannot be written: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "EROFS") return "the file system is read-only";
  return message;
}
