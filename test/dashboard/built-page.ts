import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";

/** The page as `npm run build` makes it, in a folder of its own. */
export async function buildPage(): Promise<{ readonly folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dashboard-"));
  const configFile = resolve(import.meta.dirname, "../../src/faces/dashboard/vite.config.ts");
  await build({ configFile, logLevel: "silent", build: { outDir: folder } });
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
