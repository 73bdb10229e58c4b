import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { presets } from "../../../src/core/traffic/presets/presets.ts";
import { runCommandLine } from "../../support/command-line.ts";

const files = {
  "rag.yaml": readFileSync("config/lightrag.yaml", "utf8"),
  "wrong.yaml": "routes: 1",
};

describe("sluice routes", () => {
  it("prints every route of the presets with its class, waits, limit and reason", async () => {
    const { exitCode, stdout } = await runCommandLine(["routes", "rag.yaml"], files);
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(1 + presets.lightrag.length);
    expect(lines[0]).toMatch(/MATCH +CLASS +TO +READ AS +WAITS +BODY +REASON/);
    const upload = lines.find((line) => line.includes("POST /documents/upload"));
    expect(upload).toMatch(/ write +experiment new_rag +lightrag_write +first byte 330s/);
    expect(upload).toContain("101MiB");
    expect(upload).toContain("never split");
  });

  it("as JSON, for machines", async () => {
    const { exitCode, stdout } = await runCommandLine(["routes", "rag.yaml", "--json"], files);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({
        match: "POST /query",
        class: "split",
        target: { kind: "experiment", experiments: ["new_rag"] },
        classify: "lightrag_query",
        preset: "lightrag",
      }),
    );
  });

  it("of a file that is wrong says what is, and ends with 2", async () => {
    const { exitCode, stderr } = await runCommandLine(["routes", "wrong.yaml"], files);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("wrong.yaml:1");
  });

  it("check has a preset in one line, and copies by their name", async () => {
    const { stdout } = await runCommandLine(["check", "rag.yaml"], files);
    expect(stdout).toContain("  lightrag  → experiment new_rag; see sluice routes\n");
    expect(stdout).toContain("20% as copies → 5% → 25% → 100%");
  });
});
