import { execFileSync, spawnSync } from "node:child_process";

/** Whether poppler's tools are here; as root they are fetched from the distribution where they are missing. */
export function hasPoppler(): boolean {
  if (isThere()) return true;
  if (process.getuid?.() !== 0) return false;
  const install = (...arguments_: string[]) =>
    spawnSync("apt-get", arguments_, { stdio: "ignore", timeout: 120_000 }).status === 0;
  const quietly = ["install", "-y", "--no-install-recommends", "poppler-utils"];
  if (!install(...quietly)) install("update");
  return isThere() || (install(...quietly) && isThere());
}

function isThere(): boolean {
  return spawnSync("pdftotext", ["-v"], { stdio: "ignore" }).status === 0;
}

/** What one of its tools says about a file. */
export function poppler(tool: string, ...arguments_: readonly string[]): string {
  return execFileSync(tool, arguments_, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}
