import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";

/** Files that are there as a whole or not at all. */

export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Writes each file beside its place and then moves it there, so that a reader never sees half of one and a failure leaves
 * what was there before. Answers the paths, or why the first that failed could not be written.
 */
export function writeFiles(
  files: readonly { readonly path: string; readonly body: Uint8Array }[],
): Result<readonly string[], string> {
  const waiting: { readonly from: string; readonly to: string }[] = [];
  let at = "";
  try {
    for (const { path, body } of files) {
      at = path;
      if (isDirectory(path)) throw new Error("it is a folder");
      if (files.length > 1) mkdirSync(dirname(path), { recursive: true });
      const from = `${path}.${process.pid}.part`;
      const file = openSync(from, "wx");
      // From here on it is ours to remove.
      waiting.push({ from, to: path });
      try {
        writeFileSync(file, body);
      } finally {
        closeSync(file);
      }
    }
    for (const { from, to } of waiting) renameSync(from, to);
    return ok(files.map(({ path }) => path));
  } catch (error) {
    for (const { from } of waiting) rmSync(from, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    return err(
      `${at} cannot be written: ${code === undefined ? message : (reasons[code] ?? message)}`,
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is a file",
};
