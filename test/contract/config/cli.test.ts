import { describe, expect, it } from "vitest";
import { smallText } from "../../core/config/texts.ts";
import { runCommandLine as run } from "../../support/command-line.ts";

describe("sluice check", () => {
  it("says what a right file would do", async () => {
    const text = smallText.replace("{ upstream: a }", "{ upstream: a, weight: 3 }");
    const { exitCode, stdout, stderr } = await run(["check", "f.yaml"], { "f.yaml": text });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`f.yaml is valid

Listeners
  traffic  http://0.0.0.0:8080 (1 worker)
  admin    http://127.0.0.1:9090 (no token)

Upstreams
  a  http://localhost:1001  no health check
  b  http://localhost:1002  no health check

Routes (the first match counts; anything else gets 404)
  POST /x  → experiment e

Experiment e (hash)
  control (control)  75%  → upstream a
  new                25%  → upstream b
`);
  });

  it("says where a rollout goes, and what watches it", async () => {
    const steps = "{ steps: [ { share: 5% }, { share: 100%, gate: approval } ] }";
    const text = `${smallText}    rollout: ${steps}\n    guardrails: [ { metric: error_rate, max: 5% } ]\n`;
    const { stdout } = await run(["check", "f.yaml"], { "f.yaml": text });
    expect(stdout).toContain('waits for "sluice rollout start", then 5% → 100% (on approval)');
    expect(stdout).toContain("guardrails: error_rate (rollback)");
    const bare = await run(["check", "f.yaml"], {
      "f.yaml": text.replace(/ {4}guardrails.*\n/, ""),
    });
    expect(bare.stdout).toContain("no guardrails: it climbs whatever happens");
  });

  it("says who is left out, and what no route uses", async () => {
    const text = smallText
      .replace("experiment: e", "upstream: a")
      .replace(
        "variants:",
        "rollout: { share: 10% }\n    assignment: { coverage: 50% }\n    variants:",
      );
    const { stdout } = await run(["check", "f.yaml"], { "f.yaml": text });
    expect(stdout).toContain("control (control)  45%");
    expect(stdout).toContain("new                5%");
    expect(stdout).toContain("the other 50% of users get the control, unmeasured");
    expect(stdout).toContain("no route uses it");
  });

  it("prints every problem with its place, and exits 2", async () => {
    const text = smallText.replace("upstream: b", "upstraem: b").replace("POST /x", "POST x");
    const { exitCode, stdout, stderr } = await run(["check", "d/f.yaml"], { "d/f.yaml": text });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toBe(
      [
        "d/f.yaml:5:14 routes[0].match: a pattern starts with /",
        "d/f.yaml:10:12 experiments.e.variants.new.upstream: missing: expected a name",
        'd/f.yaml:10:14 experiments.e.variants.new.upstraem: unknown key; did you mean "upstream"?',
        "d/f.yaml: 3 problems\n",
      ].join("\n"),
    );
  });

  it("exits 2 on a file that is not there", async () => {
    expect(await run(["check", "none"])).toMatchObject({
      exitCode: 2,
      stderr: "none: none cannot be read\nnone: 1 problem\n",
    });
  });
});

describe("sluice assign", () => {
  it("says which variant a user gets, and why, and says it again", async () => {
    const command = ["assign", "f.yaml", "--user", "bob", "--experiment", "e"];
    const first = await run(command, { "f.yaml": smallText });
    expect(first.exitCode).toBe(0);
    expect(first.stdout).toMatch(/^e: (control|new)\n/);
    expect(first.stdout).toMatch(/bucket: 0\.\d+/);
    expect((await run(command, { "f.yaml": smallText })).stdout).toBe(first.stdout);
  });

  it("follows the kill switch", async () => {
    const text = smallText.replace("variants:", "disabled: true\n    variants:");
    const outputs = await Promise.all(
      ["a", "b", "c", "d", "e", "f"].map((user) =>
        run(["assign", "f.yaml", "--user", user], { "f.yaml": text }),
      ),
    );
    for (const { stdout } of outputs) expect(stdout).toMatch(/^e: control\n/);
  });

  it("exits 2 on an unknown experiment, with a suggestion", async () => {
    const command = ["assign", "f.yaml", "--user", "bob", "--experiment", "ee"];
    expect(await run(command, { "f.yaml": smallText })).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: 'f.yaml: no experiment is named ee; did you mean "e"?\n',
    });
  });

  it("exits 2 on a wrong file", async () => {
    expect(await run(["assign", "f.yaml", "--user", "x"], { "f.yaml": "a: 1" })).toMatchObject({
      exitCode: 2,
      stdout: "",
    });
  });
});

describe("sluice", () => {
  it("prints the JSON Schema", async () => {
    const { exitCode, stdout } = await run(["schema"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ title: "Sluice configuration", type: "object" });
  });

  it("serves, and exits as the server says", async () => {
    expect(await run(["serve", "--config", "f.yaml"])).toMatchObject({
      exitCode: 1,
      served: ["f.yaml"],
    });
  });

  it.each([
    [["serve"], 2],
    [["frobnicate"], 2],
    [["check"], 2],
    [["assign", "f.yaml"], 2],
    [["check", "f.yaml", "--frob"], 2],
    [[], 2],
    [["--help"], 0],
    [["--version"], 0],
  ])("%j exits %i", async (arguments_, expected) => {
    expect((await run(arguments_)).exitCode).toBe(expected);
  });
});
