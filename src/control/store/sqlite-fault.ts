import type { StoreFault } from "./store.ts";

/** An exception's meaning for the store at `path`; null when it is not about the store, but a bug. */
export function faultOf(path: string, error: unknown): StoreFault | null {
  if (!(error instanceof Error)) return null;
  const code = codeOf(error);
  return code === null ? null : { code, message: `${sentences[code](path)} (${error.message})` };
}

type Code = Exclude<
  StoreFault["code"],
  "newer" | "too_large" | "unreachable" | "fenced" | "conflict"
>;

const sentences: Readonly<Record<Code, (path: string) => string>> = {
  full: (path) => `no room on the disk for the store ${path}`,
  read_only: (path) => `the store ${path} cannot be written`,
  locked: (path) => `another process holds the store ${path}`,
  corrupt: (path) => `the store ${path} is damaged`,
  unreadable: (path) => `the store ${path} cannot be opened`,
  io: (path) => `the disk failed under the store ${path}`,
};

/** SQLite's result codes, https://sqlite.org/rescode.html. */
const primaryCodes: Readonly<Record<number, Code>> = {
  3: "read_only",
  5: "locked",
  6: "locked",
  8: "read_only",
  10: "io",
  11: "corrupt",
  13: "full",
  14: "unreadable",
  15: "locked",
  26: "corrupt",
};

/** SQLITE_IOERR_SHMSIZE: the file beside the database that its readers share could not grow. */
const sharedMemorySize = 4874;

const systemCodes: Readonly<Record<string, Code>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EACCES: "read_only",
  EPERM: "read_only",
  EROFS: "read_only",
  ENOTDIR: "unreadable",
  EEXIST: "unreadable",
  ENOENT: "unreadable",
  EIO: "io",
};

function codeOf(error: Error): Code | null {
  // The JSON that was stored is none any more.
  if (error instanceof SyntaxError) return "corrupt";
  if ("errcode" in error && typeof error.errcode === "number") {
    if (error.errcode === sharedMemorySize) return "full";
    // SQLite's general error, with no code of its own: the header's byte for the format is none that there is.
    if (error.message.includes("unsupported file format")) return "corrupt";
    return primaryCodes[error.errcode % 256] ?? null;
  }
  if ("code" in error && typeof error.code === "string") return systemCodes[error.code] ?? null;
  return null;
}
