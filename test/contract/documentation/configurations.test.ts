import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/core/config/parse.ts";
import {
  completeFragment,
  environmentOf,
  fileOf,
  listPages,
  yamlBlocksOf,
} from "../../support/documentation.ts";

const blocks = listPages().flatMap(yamlBlocksOf);
const pem = "-----BEGIN CERTIFICATE-----\n";
const named = (block: (typeof blocks)[number]) => [`${block.page}:${block.line}`, block] as const;

/** What Sluice itself has to say against a configuration. */
function issuesOf(text: string, env: Record<string, string>): readonly unknown[] {
  const files = () => ({ ok: true, value: pem }) as const;
  const parsed = parseConfig(text, { env, cores: 2, files });
  return parsed.ok ? [] : parsed.error;
}

describe("configurations that people copy", () => {
  it.each(blocks.filter((block) => fileOf(block) === "sluice.yaml").map(named))(
    "%s is right as it stands",
    (_place, { text }) => {
      expect(issuesOf(text, environmentOf(text))).toEqual([]);
    },
  );

  it.each(blocks.filter((block) => fileOf(block) === null).map(named))(
    "%s is right inside a whole file",
    (_place, { text }) => {
      expect(issuesOf(completeFragment(text), environmentOf(text))).toEqual([]);
    },
  );

  it("are there, whole ones too", () => {
    const whole = blocks.filter((block) => fileOf(block) === "sluice.yaml");
    expect(whole.length).toBeGreaterThan(3);
    expect(blocks.length).toBeGreaterThan(20);
  });

  it("a fragment with a mistake is found out", () => {
    expect(issuesOf(completeFragment("listen: { prot: 1 }"), {})).toHaveLength(1);
    expect(() => completeFragment("listn: {}")).toThrow("listn");
  });
});
