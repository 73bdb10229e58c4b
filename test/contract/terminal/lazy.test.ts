import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { expect, it } from "vitest";

/** Modules that a file loads before it does anything, itself included; packages by their names. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  const imports = text.matchAll(/^(?:import|export)(?!\s+type)\s[^;"']*?from\s+["']([^"']+)["']/gm);
  for (const [, name = ""] of imports) {
    if (name.startsWith(".")) loadedBy(resolve(dirname(file), name), seen);
    else seen.add(name);
  }
  return seen;
}

const source = (path: string) => resolve(import.meta.dirname, "../../../src", path);

it("other commands do not wait for what draws", () => {
  const loaded = loadedBy(source("main/sluice.ts"));
  expect(loaded).toContain("commander");
  for (const name of ["ink", "react", "string-width"]) expect(loaded).not.toContain(name);
});

it("neither ink nor react is loaded for one frame, or for lines", () => {
  const loaded = loadedBy(source("main/watch.ts"));
  expect(loaded).toContain("string-width");
  for (const name of ["ink", "react"]) expect(loaded).not.toContain(name);
  expect(loadedBy(source("faces/terminal/screen.ts"))).toContain("ink");
});
