import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../src/core/statistics/random.ts";
import {
  type GroupSequentialDesign,
  groupSequentialBoundaries,
  groupSequentialPower,
} from "../../../../src/core/statistics/sequential/group-sequential.ts";
import {
  simulateGroupSequential,
  simulateMeanSequence,
} from "../../../sim/statistics/group-sequential.ts";

describe("the confidence sequence for means, looked at every 100 observations", () => {
  it.each(["two_sided", "greater", "less"] as const)(
    "%s: false alarms stay below alpha",
    (alternative) => {
      const rates = simulateMeanSequence(300, createRandom(2103_06476), { lift: 0, alternative });
      expect(rates.sequence).toBeLessThanOrEqual(0.05);
      // The same looks make a z-test reject far too often.
      expect(rates.naive).toBeGreaterThan(0.15);
    },
  );

  it("finds a lift of 20 %, and before the end", () => {
    const rates = simulateMeanSequence(100, createRandom(7), {
      lift: 0.2,
      alternative: "two_sided",
    });
    expect(rates.sequence).toBeGreaterThan(0.9);
    expect(rates.observations).toBeLessThan(3000);
  });
});

describe("group-sequential boundaries against simulated Brownian motion", () => {
  const runs = 20_000;
  const designs: readonly (GroupSequentialDesign & { readonly drift: number })[] = [
    {
      informationFractions: [0.1, 0.35, 0.4, 0.9, 1],
      alpha: 0.05,
      alternative: "two_sided",
      spending: { kind: "pocock" },
      drift: 3,
    },
    {
      informationFractions: [0.2, 0.5, 1],
      alpha: 0.025,
      alternative: "less",
      spending: { kind: "obrien_fleming" },
      drift: -2.5,
    },
    {
      informationFractions: [0.3, 0.6, 1.3],
      alpha: 0.1,
      alternative: "greater",
      spending: { kind: "power", exponent: 2 },
      drift: 2,
    },
  ];
  it.each(designs)("$spending.kind $alternative", ({ drift, ...design }) => {
    const looks = groupSequentialBoundaries(design);
    for (const [index, mean] of [0, drift].entries()) {
      const expected = groupSequentialPower(looks, mean);
      const rates = simulateGroupSequential(runs, createRandom(index + 1), design, mean);
      const noise = Math.sqrt((expected.power * (1 - expected.power)) / runs);
      expect(Math.abs(rates.crossed - expected.power)).toBeLessThan(3.5 * noise);
      expect(Math.abs(rates.information - expected.expectedInformation)).toBeLessThan(0.01);
    }
  });
});
