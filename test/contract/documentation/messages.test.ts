import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { refusals } from "../../../src/core/traffic/refusal.ts";

/** Every source file in one text, with … for what is filled in and pieces of a text put together. */
const source = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(join("src", name), "utf8"))
  .join("\n")
  .replaceAll(/["`] \+\s*["`]/g, "")
  .replaceAll(/\$\{[^{}]*\}/g, "…");

const page = readFileSync("docs/operations.md", "utf8");
const [, table = ""] = page.split("## Troubleshooting");
/** The first column: a message in backquotes. */
const messages = Array.from(table.matchAll(/^\| `([^`]+)` \|/gm), ([, message = ""]) => message);

function isPrinted(message: string): boolean {
  return source.includes(message) || Object.hasOwn(refusals, message);
}

it.each(messages)("Sluice says: %s", (message) => {
  expect(isPrinted(message)).toBe(true);
});

it("are many, and every refusal is among them", () => {
  expect(messages.length).toBeGreaterThan(40);
  const mentioned = Object.keys(refusals).filter((code) => page.includes(`\`${code}\``));
  expect(mentioned).toEqual(Object.keys(refusals));
});

it("a message that nobody prints is found out", () => {
  expect(isPrinted("… is in use: stop what listens here, or choose another ….port")).toBe(false);
});
