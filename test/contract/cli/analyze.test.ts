import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/statistics/random.ts";
import { normalQuantile } from "../../../src/core/statistics/distributions/normal.ts";
import { runCommandLine } from "../../support/command-line.ts";

const random = createRandom(7);
const normal = () => normalQuantile((Math.floor(random() * 1e6) + 0.5) / 1e6);

type Arm = { readonly rows: number; readonly mean: number; readonly success: number };

/** Rows of independent users, one each. */
function csv(arms: Record<string, Arm>): string {
  const lines = ["variant,user,latency_ms,success"];
  for (const [name, { rows, mean, success }] of Object.entries(arms)) {
    for (let at = 0; at < rows; at += 1) {
      const latency = (mean + 10 * normal()).toFixed(3);
      lines.push(`${name},${name}${at},${latency},${random() < success ? 1 : 0}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const clear = csv({
  old: { rows: 600, mean: 100, success: 0.9 },
  new: { rows: 620, mean: 90, success: 0.91 },
});
const base = ["analyze", "d.csv", "--control", "old", "--metric", "latency_ms:lower"];

async function document(text: string, ...more: string[]) {
  const { exitCode, stdout, stderr } = await runCommandLine([...base, ...more, "--json"], {
    "d.csv": text,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
  return JSON.parse(stdout) as Record<string, any>; // eslint-disable-line typescript/no-explicit-any
}

/** What a small file says, on stderr, with exit 2. */
async function refusal(text: string, ...more: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommandLine([...base, ...more], { "d.csv": text });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  return stderr;
}

describe("sluice analyze --json", () => {
  it("has every test in the documented shape", async () => {
    const found = await document(
      clear,
      "--metric",
      "success:higher",
      "--user-column",
      "user",
      "--split",
      "50:50",
    );
    expect(found).toMatchObject({
      arms: { old: { n: 600, users: 600 }, new: { n: 620, users: 620 } },
      srm: { p_value: expect.any(Number), planned: true, unit: "users" },
      decision: { outcome: "treatment_wins", blocked_by: null },
    });
    const interval = [expect.any(Number), expect.any(Number)];
    const effect = { estimate: expect.any(Number), interval };
    expect(found["metrics"]["latency_ms"]).toMatchObject({
      welch_t: {
        statistic: expect.any(Number),
        df: expect.any(Number),
        p_value: expect.any(Number),
        interval,
      },
      mann_whitney: { statistic: expect.any(Number), p_value: expect.any(Number) },
      z: { statistic: expect.any(Number), p_value: expect.any(Number) },
      bootstrap: { ...effect, p_value: expect.any(Number) },
      cohens_d: effect,
      hedges_g: effect,
      cliffs_delta: effect,
      clustered: {
        estimate: expect.any(Number),
        standard_error: expect.any(Number),
        p_value: expect.any(Number),
        interval,
      },
    });
    expect(found["metrics"]["success"]).toMatchObject({ kind: "rate", risk_ratio: effect });
    const gates = found["decision"]["gates"] as { name: string; verdict: string; reason: string }[];
    expect(gates.map(({ name }) => name)).toEqual([
      "sample_ratio",
      "guardrails",
      "primary",
      "power",
    ]);
    expect(gates.every(({ reason }) => reason.length > 10)).toBe(true);
  });

  it("is treatment minus control throughout", async () => {
    const { metrics } = await document(clear);
    const { welch_t, bootstrap, cohens_d, cliffs_delta, lift } = metrics.latency_ms;
    for (const value of [
      welch_t.statistic,
      welch_t.interval[1],
      bootstrap.interval[1],
      cohens_d.estimate,
      cliffs_delta.interval[1],
      lift.estimate,
    ]) {
      expect(value).toBeLessThan(0);
    }
  });

  it("with one request a user, users and rows say the same", async () => {
    const { metrics } = await document(clear, "--user-column", "user");
    const { clustered, welch_t } = metrics.latency_ms;
    expect(clustered.estimate).toBeCloseTo(welch_t.difference, 9);
    expect(clustered.interval[0]).toBeCloseTo(welch_t.interval[0], 9);
    expect(clustered.p_value / welch_t.p_value).toBeCloseTo(1, 6);
  });

  it.each([
    ["semicolons", (text: string) => text.replaceAll(",", ";")],
    ["tabs", (text: string) => text.replaceAll(",", "\t")],
    [
      "CRLF, a byte-order mark and empty lines",
      (text: string) => `\ufeff${text.replaceAll("\n", "\r\n")}\r\n\r\n`,
    ],
    ["quotes", (text: string) => text.replaceAll(/^(\w+),/gm, '"$1",')],
  ])("reads %s", async (_name, change) => {
    expect(await document(change(clear))).toEqual(await document(clear));
  });

  it("gives the same answer twice", async () => {
    expect(await document(clear)).toEqual(await document(clear));
  });

  it("takes a file for each arm", async () => {
    const [header, ...rows] = clear.trim().split("\n");
    const arm = (name: string) =>
      [header, ...rows.filter((row) => row.startsWith(`${name},`))].join("\n");
    const files = { "x/old.csv": arm("old"), "x/new.csv": arm("new") };
    const line = [
      "analyze",
      "x/old.csv",
      "x/new.csv",
      "--control",
      "old",
      "--metric",
      "latency_ms:lower",
      "--json",
    ];
    const { stdout } = await runCommandLine(line, files);
    expect(JSON.parse(stdout)).toEqual(await document(clear));
  });

  it.each([
    ["a split that was not planned", ["--split", "80:20"], "invalid", "sample_ratio"],
    [
      "no split told: equal shares are shown, and not held against the data",
      [],
      "treatment_wins",
      null,
    ],
    [
      "a guardrail that is not ruled out",
      ["--metric", "success:higher", "--guardrail", "success:0.1%"],
      "keep_running",
      "guardrails",
    ],
    [
      "a guardrail that holds",
      ["--metric", "success:higher", "--guardrail", "success:8%"],
      "treatment_wins",
      null,
    ],
    ["a smallest effect that is reached", ["--min-effect", "5%"], "treatment_wins", null],
    ["a smallest effect that may not be", ["--min-effect", "10%"], "keep_running", "primary"],
    ["one that surely is not", ["--min-effect", "15"], "no_difference", "primary"],
  ])("decides: %s", async (_name, more, outcome, blockedBy) => {
    const { decision } = await document(clear, ...more);
    expect(decision).toMatchObject({ outcome, blocked_by: blockedBy });
  });

  it("decides for the control, and for nobody", async () => {
    const worse = csv({
      old: { rows: 600, mean: 90, success: 1 },
      new: { rows: 600, mean: 100, success: 1 },
    });
    expect((await document(worse))["decision"]["outcome"]).toBe("control_wins");
    const alike = csv({
      old: { rows: 500, mean: 100, success: 1 },
      new: { rows: 500, mean: 100, success: 1 },
    });
    expect((await document(alike, "--min-effect", "5%"))["decision"]["outcome"]).toBe(
      "no_difference",
    );
    expect((await document(alike))["decision"]["outcome"]).toBe("keep_running");
  });

  it("says what cannot be computed, and never NaN", async () => {
    const flat = "variant,user,latency_ms\nold,a,1\nold,b,1\nnew,c,1\nnew,d,1\n";
    const { metrics, decision } = await document(flat, "--user-column", "user");
    expect(metrics.latency_ms.welch_t).toMatchObject({ error: { code: "zero_variance" } });
    expect(metrics.latency_ms.clustered).toMatchObject({ error: { code: "zero_variance" } });
    expect(metrics.latency_ms.cohens_d).toMatchObject({ error: { code: "zero_variance" } });
    expect(decision.outcome).toBe("keep_running");
    const single = await document("variant,latency_ms\nold,1\nold,2\nnew,3\n");
    expect(single["metrics"]["latency_ms"]["welch_t"]).toMatchObject({
      error: { code: "too_few" },
    });
    expect(single["metrics"]["latency_ms"]["warnings"]).toContain(
      "new has one row only: no variance, no test",
    );
    expect(single["decision"]).toMatchObject({ outcome: "keep_running", blocked_by: "primary" });
  });

  it("no failure in either arm is evidence for a guardrail", async () => {
    const text = csv({
      old: { rows: 2000, mean: 100, success: 1 },
      new: { rows: 2000, mean: 90, success: 1 },
    });
    const { decision } = await document(
      text,
      "--metric",
      "success:higher",
      "--guardrail",
      "success:1%",
    );
    expect(decision.outcome).toBe("treatment_wins");
  });
});

describe("sluice analyze for people", () => {
  it("puts what leads first, marks what takes rows for independent, and explains the decision", async () => {
    const rows = clear.trim().split("\n");
    const twice = [...rows, ...rows.slice(1)].join("\n");
    const { stdout } = await runCommandLine([...base, "--user-column", "user"], { "d.csv": twice });
    expect(stdout).toMatch(/^ {2}old +control +1,200 rows +600 users$/m);
    expect(stdout).toMatch(/^ {2}over users .*leads$/m);
    expect(stdout).toMatch(/^ {2}Welch's t .*naive: takes rows for independent$/m);
    expect(stdout).toContain("! users have 2 rows each");
    expect(stdout).toMatch(/^Decision: treatment_wins$/m);
    expect(stdout).toMatch(/^ {2}pass {2}primary +latency_ms is [\d.]+ % lower with new/m);
  });

  it("tells of users who saw both sides", async () => {
    const text = "variant,user,latency_ms\nold,a,1\nold,b,2\nnew,a,3\nnew,c,5\n";
    const { stdout } = await runCommandLine([...base, "--user-column", "user"], { "d.csv": text });
    expect(stdout).toContain("! 1 users have rows in several arms");
  });
});

describe("bad data and bad arguments", () => {
  const small = "variant,latency_ms\nold,1\nold,2\nnew,3\nnew,5\n";

  it.each([
    [
      "a cell that is no number",
      small.replace("new,3", "new,fast"),
      [],
      'd.csv:4: latency_ms: expected a finite number, not "fast"',
    ],
    [
      "NaN",
      small.replace("new,3", "new,NaN"),
      [],
      'd.csv:4: latency_ms: expected a finite number, not "NaN"',
    ],
    [
      "infinity",
      small.replace("old,2", "old,Infinity"),
      [],
      'd.csv:3: latency_ms: expected a finite number, not "Infinity"',
    ],
    ["an empty cell", small.replace("new,5", "new,"), [], "d.csv:5: latency_ms: the cell is empty"],
    [
      "an empty variant",
      small.replace("new,5", ",5"),
      [],
      "d.csv:5: the cell in column variant is empty",
    ],
    [
      "a row of another length",
      small.replace("new,5", "new,5,6"),
      [],
      "d.csv: Invalid Record Length",
    ],
    ["no rows", "variant,latency_ms\n", [], "d.csv: there are no rows below the header"],
    ["nothing", "", [], "d.csv: the file is empty"],
    [
      "no such column",
      small,
      ["--metric", "latency_m:lower"],
      'd.csv:1: no column "latency_m" for the metric; did you mean "latency_ms"?',
    ],
    ["no user column", small, ["--user-column", "user"], 'd.csv:1: no column "user" for the user'],
    [
      "one arm only",
      "variant,latency_ms\nold,1\nold,2\n",
      [],
      "there is no variant besides the control old",
    ],
    [
      "three arms",
      `${small}third,3\n`,
      [],
      "--treatment: say which of new, third to compare with old",
    ],
    [
      "no such arm",
      small,
      ["--treatment", "nwe"],
      '--treatment: no variant is named nwe; did you mean "new"?',
    ],
    [
      "itself",
      small,
      ["--treatment", "old"],
      "--treatment: the control cannot be compared with itself",
    ],
    ["no direction", small, ["--metric", "x"], "--metric: expected NAME:lower or NAME:higher"],
    [
      "a guardrail of nothing",
      small,
      ["--guardrail", "success:5%"],
      "--guardrail: success is no --metric",
    ],
    [
      "a negative bound",
      small,
      ["--min-effect", "-5%"],
      "--min-effect: expected 0 or more, not -5%",
    ],
    [
      "a split of the wrong size",
      small,
      ["--split", "1:1:1"],
      "--split: 3 shares for 2 variants (old, new)",
    ],
    ["a split of 0", small, ["--split", "1:0"], "--split: expected shares above 0"],
    [
      "a confidence of 95",
      small,
      ["--confidence", "95"],
      "--confidence: expected a share between 0 and 1, not 95",
    ],
    [
      "values beyond all sums",
      small.replace("old,2", "old,1e308").replace("old,1\n", "old,1e308\n"),
      [],
      "latency_ms: old: the sum of the values is too large",
    ],
  ])("%s", async (_name, text, more, message) => {
    expect(await refusal(text, ...more)).toContain(`sluice analyze: ${message}`);
  });

  it("tells the first problems one by one, and counts the rest", async () => {
    const text = `variant,latency_ms\n${"old,x\n".repeat(25)}`;
    const lines = (await refusal(text)).trim().split("\n");
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe("sluice analyze: and 15 more like these");
  });

  it("a missing file, files of one name, a forgotten option", async () => {
    const missing = await runCommandLine([
      "analyze",
      "no.csv",
      "--control",
      "a",
      "--metric",
      "m:lower",
    ]);
    expect(missing).toMatchObject({
      exitCode: 2,
      stderr: "sluice analyze: no.csv cannot be read\n",
    });
    const line = [
      "analyze",
      "a/x.csv",
      "b/x.csv",
      "--control",
      "x",
      "--metric",
      "latency_ms:lower",
    ];
    const same = await runCommandLine(line, { "a/x.csv": small, "b/x.csv": small });
    expect(same.stderr).toContain("files of the same name (x, x) cannot tell the arms apart");
    expect((await runCommandLine(["analyze", "d.csv"], { "d.csv": small })).exitCode).toBe(2);
  });
});
