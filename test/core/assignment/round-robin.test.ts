import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { startRoundRobin, takeTurn } from "../../../src/core/assignment/round-robin.ts";

function turns(weights: readonly number[], count: number): number[] {
  const robin = startRoundRobin(weights);
  return Array.from({ length: count }, () => takeTurn(robin));
}

describe("smooth weighted round-robin", () => {
  test("nginx's published example: 5, 1, 1", () => {
    expect(turns([5, 1, 1], 7)).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });

  test.each([
    [[50, 50], 2],
    [[1, 0], 1],
    [[0, 7, 21], 4],
    [[0.05, 0.95], 20],
    [[0.1, 0.2, 0.7], 10],
    [[1 - 0.07, 0.07], 100],
    [[12.5, 87.5], 8],
  ])("weights %j have the period %d", (weights, period) => {
    expect(startRoundRobin(weights).period).toBe(period);
  });

  test("any window of the period holds each index exactly as often as its weight", () => {
    const weights = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat(200), (weights, start) => {
        fc.pre(weights.some((weight) => weight > 0));
        const robin = startRoundRobin(weights);
        for (let at = 0; at < start; at += 1) takeTurn(robin);
        const counts = weights.map(() => 0);
        for (let at = 0; at < robin.period; at += 1) {
          const picked = takeTurn(robin);
          counts[picked] = (counts[picked] as number) + 1;
        }
        expect(counts).toEqual(robin.weights);
      }),
    );
  });

  test("weights without a short decimal form are rounded to a millionth", () => {
    const robin = startRoundRobin([1 / 3, Math.PI]);
    const [third, pi] = robin.weights as [number, number];
    expect(third / pi).toBeCloseTo(1 / 3 / Math.PI, 6);
  });
});
