import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adjust,
  adjustByRole,
  type Correction,
} from "../../../src/core/statistics/multiplicity.ts";
import { expectClose } from "./closeness.ts";

const eight = [0.005, 0.009, 0.019, 0.022, 0.051, 0.101, 0.361, 0.387];
const five = [0.01, 0.04, 0.03, 0.005, 0.04];

describe("corrected p-values", () => {
  it.each<[string, Correction, number[], number[]]>([
    [
      "reference case 12, SciPy",
      "benjamini_hochberg",
      eight,
      [0.036, 0.036, 0.044, 0.044, 0.0816, 0.13466666666666668, 0.387, 0.387],
    ],
    ["statsmodels", "holm", eight, [0.04, 0.063, 0.114, 0.114, 0.204, 0.303, 0.722, 0.722]],
    ["statsmodels", "bonferroni", eight, [0.04, 0.072, 0.152, 0.176, 0.408, 0.808, 1, 1]],
    ["statsmodels, ties", "benjamini_hochberg", five, [0.025, 0.04, 0.04, 0.025, 0.04]],
    ["statsmodels, ties", "holm", five, [0.04, 0.09, 0.09, 0.025, 0.09]],
    ["nothing", "none", five, five],
    ["the ends", "holm", [0, 1], [0, 1]],
    ["none at all", "benjamini_hochberg", [], []],
  ])("%s: %s", (_source, correction, pValues, expected) => {
    const adjusted = adjust(pValues, correction);
    expect(adjusted).toHaveLength(expected.length);
    for (const [at, value] of adjusted.entries()) expectClose(value, expected[at] as number, 1e-12);
  });

  it("never shrink, keep their order, and do not depend on where they stand", () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        values,
        fc.constantFrom<Correction>("bonferroni", "holm", "benjamini_hochberg"),
        (pValues, correction) => {
          const adjusted = adjust(pValues, correction);
          for (const [at, p] of pValues.entries()) {
            expect(adjusted[at]).toBeGreaterThanOrEqual(p);
            expect(adjusted[at]).toBeLessThanOrEqual(1);
          }
          expect(adjust(pValues.toReversed(), correction)).toEqual(adjusted.toReversed());
        },
      ),
      { seed: 1 },
    );
  });

  it("refuses what is no probability", () => {
    expect(() => adjust([1.1], "holm")).toThrow(RangeError);
    expect(() => adjust([Number.NaN], "none")).toThrow(RangeError);
  });

  it("corrects guardrails among themselves, successes among themselves, the primary metric not", () => {
    const found = adjustByRole([
      { name: "latency", role: "primary", pValue: 0.04 },
      { name: "errors", role: "guardrail", pValue: 0.02 },
      { name: "timeouts", role: "guardrail", pValue: 0.5 },
      { name: "tokens", role: "success", pValue: 0.03 },
      { name: "clicks", role: "success", pValue: 0.03 },
    ]);
    expect(found.map(({ name, adjusted }) => [name, adjusted])).toEqual([
      ["latency", 0.04],
      ["errors", 0.04],
      ["timeouts", 0.5],
      ["tokens", 0.03],
      ["clicks", 0.03],
    ]);
  });
});
