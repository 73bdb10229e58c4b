import { describe, expect, it } from "vitest";
import { goodnessOfFit, independence } from "../../../src/core/statistics/chi-square-test.ts";
import { expectClose } from "./closeness.ts";
import { codeOf, valueOf } from "./sample.ts";

describe("χ² tests", () => {
  it.each([
    ["reference case 14", [1000, 1200], [1, 1], 18.181818181818183, 2.007865612426481e-5],
    ["reference case 14, 75:25", [310, 98], [0.75, 0.25], 0.20915032679738563, 0.647434185701797],
    [
      "the scale of the shares is free",
      [310, 98],
      [75, 25],
      0.20915032679738563,
      0.647434185701797,
    ],
  ])("fit: %s (GrowthBook, SciPy)", (_name, observed, shares, statistic, pValue) => {
    const test = valueOf(goodnessOfFit(observed, shares));
    expectClose(test.statistic, statistic, 1e-12);
    expectClose(test.pValue, pValue, 1e-11);
  });

  it("fit: an arm that was to have nothing is left out, and its traffic is no chance", () => {
    expect(valueOf(goodnessOfFit([50, 50, 0], [1, 1, 0]))).toMatchObject({ df: 1, pValue: 1 });
    expect(valueOf(goodnessOfFit([50, 50, 1], [1, 1, 0])).pValue).toBe(0);
    expect(codeOf(goodnessOfFit([50, 0], [1, 0]))).toBe("too_few");
  });

  it.each([
    [
      [
        [10, 20],
        [30, 25],
      ],
      false,
      3.505892255892255,
      0.06115089757606777,
      1,
    ],
    [
      [
        [10, 20],
        [30, 25],
      ],
      true,
      2.706155303030302,
      0.0999616438735349,
      1,
    ],
    [
      [
        [10, 20, 30],
        [6, 9, 17],
      ],
      false,
      0.27157465150403504,
      0.873028283380073,
      2,
    ],
  ])("independence %j, Yates %s (SciPy)", (table, yates, statistic, pValue, df) => {
    const test = valueOf(independence(table, { yates }));
    expectClose(test.statistic, statistic, 1e-12);
    expectClose(test.pValue, pValue, 1e-11);
    expect(test.df).toBe(df);
  });

  it("says what is wrong", () => {
    expect(codeOf(goodnessOfFit([0, 0], [1, 1]))).toBe("empty");
    expect(codeOf(goodnessOfFit([-1, 3], [1, 1]))).toBe("out_of_range");
    expect(codeOf(goodnessOfFit([1, 3], [0, 0]))).toBe("out_of_range");
    expect(codeOf(goodnessOfFit([1, 3], [-1, 2]))).toBe("out_of_range");
    expect(
      codeOf(
        independence([
          [0, 0],
          [1, 2],
        ]),
      ),
    ).toBe("empty");
    expect(() => goodnessOfFit([1], [1])).toThrow(RangeError);
    expect(() => independence([[1, 2]])).toThrow(RangeError);
  });
});
