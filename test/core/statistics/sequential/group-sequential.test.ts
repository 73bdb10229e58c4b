import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AlphaSpending } from "../../../../src/core/statistics/sequential/alpha-spending.ts";
import { spentAlpha } from "../../../../src/core/statistics/sequential/alpha-spending.ts";
import {
  type GroupSequentialDesign,
  type SequentialLook,
  groupSequentialBoundaries,
  groupSequentialPower,
  looksMax,
  requiredDrift,
} from "../../../../src/core/statistics/sequential/group-sequential.ts";

const obrienFleming: AlphaSpending = { kind: "obrien_fleming" };
const pocock: AlphaSpending = { kind: "pocock" };
const equal = (count: number): number[] => Array.from({ length: count }, (_, k) => (k + 1) / count);

type Case = {
  readonly source: string;
  readonly design: GroupSequentialDesign;
  readonly upper: readonly number[];
  readonly digits: number;
};

const rpact = "rpact 3.3.4 getDesignGroupSequential, tolerance 1e-10";
const mvtnorm = "R mvtnorm::pmvnorm(Miwa(4096)) solved by uniroot";
const boundaryCases: readonly Case[] = [
  {
    source: "Reboussin et al. 2000, ld98, five looks (also the ldbounds documentation)",
    design: {
      informationFractions: equal(5),
      alpha: 0.05,
      alternative: "two_sided",
      spending: obrienFleming,
    },
    upper: [4.8769, 3.3569, 2.6803, 2.2898, 2.031],
    digits: 3.5,
  },
  {
    source: "SeqBounds.jl README",
    design: {
      informationFractions: [0.25, 0.5, 0.75, 1],
      alpha: 0.05,
      alternative: "greater",
      spending: obrienFleming,
    },
    upper: [3.74955, 2.53993, 2.01604, 1.72014],
    digits: 4,
  },
  {
    source: rpact,
    design: {
      informationFractions: [1 / 3, 2 / 3, 1],
      alpha: 0.025,
      alternative: "greater",
      spending: obrienFleming,
    },
    upper: [3.71030287, 2.51142748, 1.99304748],
    digits: 7.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: equal(5),
      alpha: 0.05,
      alternative: "two_sided",
      spending: obrienFleming,
    },
    upper: [4.87688495, 3.35701192, 2.68028006, 2.28981677, 2.03103204],
    digits: 7.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: equal(5),
      alpha: 0.05,
      alternative: "two_sided",
      spending: pocock,
    },
    upper: [2.43797669, 2.42681386, 2.41019384, 2.3966454, 2.38598457],
    digits: 7.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: equal(4),
      alpha: 0.05,
      alternative: "two_sided",
      spending: { kind: "power", exponent: 1 },
    },
    upper: [2.49770547, 2.40716347, 2.32084452, 2.244814],
    digits: 7.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: equal(4),
      alpha: 0.05,
      alternative: "greater",
      spending: { kind: "power", exponent: 3 },
    },
    upper: [3.16281797, 2.52299843, 2.08139646, 1.70746647],
    digits: 7.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: [0.2, 0.5, 0.9, 1],
      alpha: 0.025,
      alternative: "greater",
      spending: { kind: "hwang_shih_decani", gamma: -4 },
    },
    upper: [3.25266849, 2.80173621, 2.16549181, 2.04272015],
    digits: 6.5,
  },
  {
    source: rpact,
    design: {
      informationFractions: [0.2, 0.5, 0.9, 1],
      alpha: 0.05,
      alternative: "two_sided",
      spending: { kind: "hwang_shih_decani", gamma: 1 },
    },
    upper: [2.44867725, 2.32270222, 2.2670875, 2.40371986],
    digits: 7.5,
  },
  {
    source: mvtnorm,
    design: {
      informationFractions: [0.2, 0.5, 0.9, 1],
      alpha: 0.025,
      alternative: "greater",
      spending: { kind: "hwang_shih_decani", gamma: -4 },
    },
    upper: [3.25266848844, 2.80173621397, 2.1654918106, 2.04271999955],
    digits: 8.5,
  },
  {
    source: mvtnorm,
    design: {
      informationFractions: [0.2, 0.5, 0.9, 1],
      alpha: 0.05,
      alternative: "two_sided",
      spending: { kind: "hwang_shih_decani", gamma: 1 },
    },
    upper: [2.44867724974, 2.32270222242, 2.26708750372, 2.40371985794],
    digits: 8.5,
  },
  {
    source: mvtnorm,
    design: {
      informationFractions: equal(4),
      alpha: 0.05,
      alternative: "two_sided",
      spending: obrienFleming,
    },
    upper: [4.33263364605, 2.96313159768, 2.3590442853, 2.01409014401],
    digits: 8.5,
  },
  {
    source: mvtnorm,
    design: {
      informationFractions: equal(4),
      alpha: 0.025,
      alternative: "greater",
      spending: pocock,
    },
    upper: [2.36832770352, 2.36752429543, 2.35816830118, 2.35003595005],
    digits: 8.5,
  },
];

describe("groupSequentialBoundaries", () => {
  it.each(boundaryCases)("$source: $design.spending $design.alternative", (row) => {
    const looks = groupSequentialBoundaries(row.design);
    expect(looks).toHaveLength(row.upper.length);
    for (const [index, expected] of row.upper.entries()) {
      expect(Math.abs(looks[index]!.upper - expected)).toBeLessThan(10 ** -row.digits);
    }
  });

  it("matches the nominal alphas of spotify/confidence test_bounds.py (run over, power 2)", () => {
    const looks = groupSequentialBoundaries({
      informationFractions: [250 / 810, 450 / 810, 630 / 810, 1],
      alpha: 0.01,
      alternative: "two_sided",
      spending: { kind: "power", exponent: 2 },
    });
    for (const [index, expected] of [0.00095, 0.00241, 0.0041, 0.00636].entries()) {
      expect(Math.abs(looks[index]!.nominalAlpha - expected)).toBeLessThan(1e-5);
    }
  });

  it("mirrors for the alternative less, and has no boundary on the other side", () => {
    const design = { informationFractions: [0.3, 1], alpha: 0.05, spending: pocock } as const;
    const greater = groupSequentialBoundaries({ ...design, alternative: "greater" });
    const less = groupSequentialBoundaries({ ...design, alternative: "less" });
    expect(less.map((look) => -look.lower)).toEqual(greater.map((look) => look.upper));
    expect(less.every((look) => look.upper === Infinity)).toBe(true);
    expect(greater.every((look) => look.lower === -Infinity)).toBe(true);
  });

  it("gives a first look that may spend almost nothing no boundary, and its share to the next", () => {
    const design = { alpha: 0.01, alternative: "two_sided", spending: obrienFleming } as const;
    const looks = groupSequentialBoundaries({ ...design, informationFractions: [0.01, 0.5, 1] });
    const without = groupSequentialBoundaries({ ...design, informationFractions: [0.5, 1] });
    expect(looks[0]).toMatchObject({
      lower: -Infinity,
      upper: Infinity,
      spent: 0,
      nominalAlpha: 0,
    });
    expect(looks[1]!.upper).toBeCloseTo(without[0]!.upper, 8);
    expect(looks[2]!.upper).toBeCloseTo(without[1]!.upper, 8);
  });

  it("keeps earlier boundaries when looks are added, and spends all alpha in an overrun", () => {
    const design = { alpha: 0.05, alternative: "two_sided", spending: pocock } as const;
    const early = groupSequentialBoundaries({ ...design, informationFractions: [0.13, 0.4] });
    const whole = groupSequentialBoundaries({ ...design, informationFractions: [0.13, 0.4, 1.2] });
    expect(whole[0]!.upper).toBeCloseTo(early[0]!.upper, 9);
    expect(whole[1]!.upper).toBeCloseTo(early[1]!.upper, 9);
    expect(whole[2]!.spent).toBeCloseTo(0.05, 12);
    expect(groupSequentialPower(whole, 0).power).toBeCloseTo(0.05, 9);
  });

  it("is a fixed-sample test when there is one look", () => {
    const [look] = groupSequentialBoundaries({
      informationFractions: [1],
      alpha: 0.05,
      alternative: "two_sided",
      spending: pocock,
    });
    expect(look!.upper).toBeCloseTo(1.959963984540054, 12);
    expect(look!.nominalAlpha).toBeCloseTo(0.05, 14);
  });

  it("spends exactly alpha for any looks, sides and spending function", () => {
    const spending = fc.oneof(
      fc.constant(obrienFleming),
      fc.constant(pocock),
      fc
        .double({ min: 0.3, max: 4, noNaN: true })
        .map((exponent) => ({ kind: "power" as const, exponent })),
      fc
        .double({ min: -8, max: 4, noNaN: true })
        .map((gamma) => ({ kind: "hwang_shih_decani" as const, gamma })),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0.0005, max: 0.2, noNaN: true }),
        fc.constantFrom("two_sided", "greater", "less"),
        spending,
        (percents, alpha, alternative, spending) => {
          const informationFractions = [
            ...percents.toSorted((a, b) => a - b).map((p) => p / 100),
            1,
          ];
          const looks = groupSequentialBoundaries({
            informationFractions,
            alpha,
            alternative,
            spending,
          });
          expect(looks.at(-1)!.spent).toBeCloseTo(alpha, 12);
          expect(Math.abs(groupSequentialPower(looks, 0).power - alpha)).toBeLessThan(1e-8);
        },
      ),
      { numRuns: 25, seed: 3 },
    );
  });

  it.each([
    { informationFractions: [], message: "informationFractions" },
    { informationFractions: [0, 1], message: "ascend" },
    { informationFractions: [0.5, 0.5], message: "ascend" },
    { informationFractions: [0.5, NaN], message: "ascend" },
    { informationFractions: [1.1, 1.2], message: "may exceed 1" },
    { informationFractions: equal(looksMax + 1), message: "looks" },
  ])(
    "refuses $informationFractions.length looks: $message",
    ({ informationFractions, message }) => {
      expect(() =>
        groupSequentialBoundaries({
          informationFractions,
          alpha: 0.05,
          alternative: "greater",
          spending: pocock,
        }),
      ).toThrow(message);
    },
  );

  it.each([0, 1, NaN])("refuses alpha %d", (alpha) => {
    expect(() =>
      groupSequentialBoundaries({
        informationFractions: [1],
        alpha,
        alternative: "greater",
        spending: pocock,
      }),
    ).toThrow(RangeError);
  });
});

describe("spentAlpha", () => {
  it.each([
    ["Lan-DeMets OBF, ldbounds documentation", obrienFleming, 0.25, 0.05, 8.857543832e-5],
    ["Lan-DeMets OBF", obrienFleming, 0.5, 0.05, 0.005574596681],
    ["Pocock: alpha ln(1 + (e-1)/2)", pocock, 0.5, 0.05, 0.031005725347],
    ["power", { kind: "power", exponent: 2 }, 0.5, 0.05, 0.0125],
    [
      "Hwang-Shih-DeCani -4, gsDesign manual",
      { kind: "hwang_shih_decani", gamma: -4 },
      0.5,
      0.025,
      0.002980073,
    ],
    ["Hwang-Shih-DeCani 0", { kind: "hwang_shih_decani", gamma: 0 }, 0.3, 0.05, 0.015],
  ] as const)("%s", (_source, spending, time, alpha, expected) => {
    expect(Math.abs(spentAlpha(spending, time, alpha) / expected - 1)).toBeLessThan(1e-6);
    expect(spentAlpha(spending, 1, alpha)).toBeCloseTo(alpha, 14);
    expect(spentAlpha(spending, 1.5, alpha)).toBeCloseTo(alpha, 14);
  });

  it("refuses parameters outside their range", () => {
    expect(() => spentAlpha({ kind: "power", exponent: 0 }, 0.5, 0.05)).toThrow("exponent");
    expect(() => spentAlpha({ kind: "hwang_shih_decani", gamma: NaN }, 0.5, 0.05)).toThrow("gamma");
    expect(() => spentAlpha(pocock, 0, 0.05)).toThrow("time");
  });
});

describe("groupSequentialPower", () => {
  /** Classic boundaries are given, not spent: C at each look (Pocock) or C·√(K/k) (O'Brien-Fleming). */
  const classic = (boundary: (k: number) => number): SequentialLook[] =>
    equal(5).map((informationFraction, index) => ({
      informationFraction,
      lower: -boundary(index + 1),
      upper: boundary(index + 1),
      spent: 0.05,
      nominalAlpha: 0,
    }));
  const jt = [
    ["Pocock C_P(5, .05) = 2.413, R_P", classic(() => 2.413), 1.229, 1.207],
    [
      "O'Brien-Fleming C_B(5, .05) = 2.040, R_B",
      classic((k) => 2.04 * Math.sqrt(5 / k)),
      1.028,
      1.026,
    ],
  ] as const;
  it.each(jt)("Jennison & Turnbull 2000, tables 2.1-2.4: %s", (_name, looks, at80, at90) => {
    expect(Math.abs(groupSequentialPower(looks, 0).power - 0.05)).toBeLessThan(1e-4);
    expect(Math.abs(requiredDrift(looks, 0.8).inflation - at80)).toBeLessThan(1e-3);
    expect(Math.abs(requiredDrift(looks, 0.9).inflation - at90)).toBeLessThan(1e-3);
  });

  it("matches rpact: exit probabilities, drift and expected sample at 90 % power", () => {
    const looks = groupSequentialBoundaries({
      informationFractions: equal(5),
      alpha: 0.05,
      alternative: "two_sided",
      spending: obrienFleming,
    });
    const result = groupSequentialPower(looks, Math.sqrt(10.74991677));
    const expected = [0.0003241, 0.09936757, 0.34658692, 0.29966068, 0.15406073];
    for (const [index, exit] of result.exits.entries()) {
      expect(Math.abs(exit.upper - expected[index]!)).toBeLessThan(1e-7);
    }
    const fixedDrift = (1.959963984540054 + 1.2815515655446004) ** 2;
    expect(result.expectedInformation * (10.74991677 / fixedDrift)).toBeCloseTo(0.75866701, 5);
    expect(result.power).toBeCloseTo(0.9, 6);
  });

  it("matches rpact one-sided: Hwang-Shih-DeCani, unequal looks", () => {
    const looks = groupSequentialBoundaries({
      informationFractions: [0.2, 0.5, 0.9, 1],
      alpha: 0.025,
      alternative: "greater",
      spending: { kind: "hwang_shih_decani", gamma: -4 },
    });
    const { drift, inflation } = requiredDrift(looks, 0.9);
    expect(drift * drift).toBeCloseTo(10.75747497, 5);
    expect(inflation).toBeCloseTo(10.75747497 / 10.507423, 5);
    const exits = groupSequentialPower(looks, drift).exits;
    for (const [index, expected] of [0.03706008, 0.28254786, 0.51118584, 0.06920623].entries()) {
      expect(exits[index]!.upper).toBeCloseTo(expected, 6);
    }
  });

  it("mirrors with the sign of the drift, and finds a negative drift for the alternative less", () => {
    const design = {
      informationFractions: [0.4, 1],
      alpha: 0.05,
      spending: obrienFleming,
    } as const;
    const both = groupSequentialBoundaries({ ...design, alternative: "two_sided" });
    const up = groupSequentialPower(both, 2.5);
    const down = groupSequentialPower(both, -2.5);
    expect(down.power).toBeCloseTo(up.power, 12);
    expect(down.exits[1]!.lower).toBeCloseTo(up.exits[1]!.upper, 12);
    const less = groupSequentialBoundaries({ ...design, alternative: "less" });
    const greater = groupSequentialBoundaries({ ...design, alternative: "greater" });
    expect(requiredDrift(less, 0.8).drift).toBeCloseTo(-requiredDrift(greater, 0.8).drift, 9);
  });

  it("refuses a power that no drift gives", () => {
    const looks = groupSequentialBoundaries({
      informationFractions: [1],
      alpha: 0.05,
      alternative: "greater",
      spending: pocock,
    });
    for (const power of [0.05, 1, NaN]) expect(() => requiredDrift(looks, power)).toThrow("power");
    expect(() => groupSequentialPower(looks, Infinity)).toThrow("drift");
  });
});
