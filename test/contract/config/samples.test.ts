import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { ok } from "../../../src/base/result.ts";
import { parseScenario } from "../../../src/core/load/scenario.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { configJsonSchema } from "../../../src/core/config/schema.ts";

const samples = readdirSync("config").filter((name) => name.endsWith(".yaml"));
const schema = configJsonSchema();
const validator = z.fromJSONSchema(schema);

const noFiles = () => ({ ok: false, error: "samples name no files" }) as const;

describe("the sample configurations", () => {
  it("are there", () => {
    expect(samples).toEqual(
      expect.arrayContaining(["canary.yaml", "embeddings.yaml", "sluice.yaml"]),
    );
  });

  it.each(samples)("%s is right without any environment", (name) => {
    const text = readFileSync(`config/${name}`, "utf8");
    const parsed = parseConfig(text, { env: {}, cores: 1, files: noFiles });
    expect(parsed.ok ? [] : parsed.error).toEqual([]);
  });

  it("experiment.yaml is right with the language model that it suggests", () => {
    const text = readFileSync("config/experiment.yaml", "utf8");
    const suggested = text.replaceAll(/^# (?=insights:| {2}\w+: )/gm, "");
    expect(suggested).toMatch(/^insights:\n {2}url: /m);
    const parsed = parseConfig(suggested, { env: {}, cores: 1, files: noFiles });
    expect(parsed.ok && parsed.value.insights).toMatchObject({
      url: "http://localhost:11434/v1",
      apiKey: null,
    });
  });

  it.each(samples)("%s satisfies the JSON Schema", (name) => {
    const value: unknown = parseYaml(readFileSync(`config/${name}`, "utf8"));
    expect(validator.safeParse(value).error?.issues ?? []).toEqual([]);
  });
});

describe("the sample load", () => {
  it.each(readdirSync("config/load").filter((name) => name.endsWith(".yaml")))(
    "%s is right, from wherever it is run",
    (name) => {
      const parsed = parseScenario(
        readFileSync(`config/load/${name}`, "utf8"),
        {},
        {
          env: {},
          readFile: (file) => ok(readFileSync(`config/load/${file}`, "utf8")),
          seed: 1,
        },
      );
      expect(parsed.ok ? [] : parsed.error).toEqual([]);
      const plan = parsed.ok ? parsed.value : null;
      expect(plan?.endpoints.map(({ weight }) => weight)).toEqual([6, 3, 1]);
    },
  );
});

describe("the JSON Schema", () => {
  it("refuses what the parser refuses by form", () => {
    const right = {
      upstreams: { a: { url: "http://a" } },
      routes: [{ match: "/**", upstream: "a" }],
    };
    expect(validator.safeParse(right).success).toBe(true);
    expect(validator.safeParse({ ...right, lisen: {} }).success).toBe(false);
    expect(validator.safeParse({ routes: right.routes }).success).toBe(false);
    expect(validator.safeParse({ ...right, listen: { drain_deadline: "5" } }).success).toBe(false);
  });

  it("shows descriptions and defaults", () => {
    expect(schema).toMatchObject({
      additionalProperties: false,
      properties: {
        listen: {
          description: "the data port",
          properties: {
            drain_deadline: { default: "30s" },
            limits: { properties: { body: { default: "101MiB", description: "request body" } } },
          },
        },
      },
    });
  });
});
