import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../support/command-line.ts";

const rate = ["power", "--baseline", "0.10", "--mde", "0.02"];

async function document(...line: string[]) {
  const { exitCode, stdout, stderr } = await runCommandLine([...line, "--json"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("sluice power", () => {
  it.each([
    [
      "a rate (R power.prop.test: 3840.847)",
      rate,
      { per_arm: { control: 3841, treatment: 3841 }, total: 7682 },
    ],
    [
      "the same, relative",
      ["power", "--baseline", "10%", "--mde", "20%"],
      { total: 7682, difference: 0.020000000000000004 },
    ],
    [
      "a mean (statsmodels tt_ind_solve_power(0.5): 63.77)",
      ["power", "--baseline", "100", "--mde", "5", "--sd", "10"],
      { per_arm: { control: 64, treatment: 64 } },
    ],
    ["95:5", [...rate, "--split", "95:5"], { per_arm: { control: 37245, treatment: 1961 } }],
    ["days", [...rate, "--traffic", "1000"], { days: 8 }],
    ["no days without traffic", rate, { days: null, users: null, design_effect: 1 }],
  ])("%s", async (_name, line, expected) => {
    expect(await document(...line)).toMatchObject(expected);
  });

  it("asks for more where a user's requests are alike", async () => {
    const users = ["--users-icc", "0.3", "--requests-per-user", "100"];
    const found = await document(
      "power",
      "--baseline",
      "120",
      "--mde",
      "5%",
      "--sd",
      "36",
      ...users,
    );
    expect(found["design_effect"]).toBeCloseTo(1 + 99 * 0.3, 10);
    expect(found).toMatchObject({ users: { total: 350 }, total: 35000 });
  });

  it("prints it for people", async () => {
    const { stdout } = await runCommandLine([...rate, "--traffic", "10000"]);
    expect(stdout).toBe(
      "7,682 requests: 3,841 control, 3,841 treatment\n1 day at 10000 requests a day\nto find a change from 0.1 to 0.12 (20 % of it)\nwith power 0.8 at alpha 0.05, looking once at the end\n",
    );
  });

  it.each([
    [
      ["power", "--baseline", "x", "--mde", "1"],
      '--baseline: expected a number such as 0.05 or 5%, not "x"',
    ],
    [
      ["power", "--baseline", "1.5", "--mde", "0.1"],
      "the baseline of a proportion must lie between 0 and 1, got 1.5",
    ],
    [
      ["power", "--baseline", "0.5", "--mde", "0"],
      "the smallest effect worth finding must be finite and not 0",
    ],
    [[...rate, "--split", "1"], "--split: expected at least two shares"],
    [[...rate, "--split", "1:1:1"], "--split: two shares, control:treatment"],
    [[...rate, "--alternative", "both"], "--alternative: two_sided, greater or less, not both"],
    [[...rate, "--requests-per-user", "3"], "--users-icc: needed"],
    [[...rate, "--users-icc", "0.1"], "--requests-per-user: needed"],
    [[...rate, "--power", "1"], "power must lie between alpha (0.05) and 1, got 1"],
  ])("%j is refused", async (line, message) => {
    const { exitCode, stdout, stderr } = await runCommandLine(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(`sluice power: ${message}`);
  });
});
