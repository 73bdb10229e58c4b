import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { configJsonSchema, sections } from "../../../src/core/config/schema.ts";
import { configurationExamples } from "../../support/configuration-examples.ts";
import { describeConfiguration } from "../../support/configuration-page.ts";

const page = readFileSync("docs/configuration.md", "utf8");

it("docs/configuration.md is what the schema says; `npm run reference` writes it anew", () => {
  expect(page).toBe(describeConfiguration(configJsonSchema()));
});

it("says something of every key", () => {
  const silent = page.split("\n").filter((line) => /^\| `.*\| *\| *\|$/.test(line));
  expect(silent).toEqual([]);
});

it("has every section, with an example", () => {
  const names = Object.keys(sections);
  expect(names.filter((name) => !page.includes(`## \`${name}\``))).toEqual([]);
  expect(names.filter((name) => configurationExamples[name] === undefined)).toEqual([]);
});
