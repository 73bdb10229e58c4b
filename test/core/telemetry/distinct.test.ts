import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mix32 } from "../../../src/core/assignment/hash.ts";
import { distinctExactMax, DistinctUsers } from "../../../src/core/telemetry/distinct.ts";

/** `mix32` is one-to-one, so these are `count` different uniform hashes. */
function counterOf(count: number, from = 0): DistinctUsers {
  const users = new DistinctUsers();
  for (let id = from; id < from + count; id += 1) users.add(mix32(id));
  return users;
}

describe("distinct users", () => {
  test("are exact up to the bound, zero and the largest hash among them", () => {
    const users = new DistinctUsers();
    for (const hash of [0, 0xffffffff, 0x80000000, 0x7fffffff, 0]) users.add(hash);
    expect(users.estimate()).toBe(4);
    expect(counterOf(distinctExactMax).estimate()).toBe(distinctExactMax);
    expect(counterOf(distinctExactMax).isExact).toBe(true);
  });

  test("one more than the bound is a sketch", () => {
    const users = counterOf(distinctExactMax + 1);
    expect(users.isExact).toBe(false);
    expect(relativeError(users.estimate(), distinctExactMax + 1)).toBeLessThan(0.065);
  });

  test.each([25_000, 50_000, 200_000, 1_000_000])(
    "the sketch of %i is within four errors",
    (count) => {
      // The standard error is 1.04/√4096 = 1.625 %.
      expect(relativeError(counterOf(count).estimate(), count)).toBeLessThan(0.065);
    },
  );

  test("the sketch's error over many sets is what the theory says", () => {
    const errors = Array.from({ length: 40 }, (_, set) => {
      const count = 30_000;
      return counterOf(count, set * 1_000_000).estimate() / count - 1;
    });
    const meanSquare = errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
    expect(Math.sqrt(meanSquare)).toBeLessThan(0.025);
    expect(Math.sqrt(meanSquare)).toBeGreaterThan(0.008);
  });

  test("a user who comes again changes nothing, also in a sketch", () => {
    const users = counterOf(30_000);
    const before = users.estimate();
    for (let id = 0; id < 30_000; id += 1) users.add(mix32(id));
    expect(users.estimate()).toBe(before);
  });

  test("deltas say only what is new, and their merge is the union", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(60), { maxLength: 30 }), { maxLength: 6 }),
        fc.integer({ min: 0, max: 50 }),
        (rounds, exactMax) => {
          const [worker, other, totals] = [exactMax, exactMax, exactMax].map(
            (max) => new DistinctUsers(max),
          ) as [DistinctUsers, DistinctUsers, DistinctUsers];
          const union = new DistinctUsers(exactMax);
          for (const [round, ids] of rounds.entries()) {
            const source = round % 2 === 0 ? worker : other;
            for (const id of ids) {
              source.add(mix32(id));
              union.add(mix32(id));
            }
            const delta = source.takeDelta();
            if (delta !== null) totals.merge(structuredClone(delta));
            expect(source.takeDelta()).toBeNull();
          }
          expect(totals.estimate()).toBe(union.estimate());
        },
      ),
    );
  });

  test("an exact set and a sketch merge either way to the same", () => {
    const [small, large] = [counterOf(5000, 20_000), counterOf(24_000)];
    const [smallDelta, largeDelta] = [small.takeDelta(), large.takeDelta()];
    if (smallDelta === null || largeDelta === null) throw new Error("both have users");
    expect([smallDelta.kind, largeDelta.kind]).toEqual(["exact", "sketch"]);
    small.merge(largeDelta);
    large.merge(smallDelta);
    expect(small.estimate()).toBe(large.estimate());
    // Whoever merged has news for others too; who learnt nothing has none.
    expect([small.takeDelta()?.kind, large.takeDelta()?.kind]).toEqual(["sketch", "sketch"]);
    large.merge(largeDelta);
    expect(large.takeDelta()).toBeNull();
    // The same between two sketches.
    const others = counterOf(24_000, 1_000_000);
    others.takeDelta();
    others.merge(largeDelta);
    expect(others.takeDelta()?.kind).toBe("sketch");
    expect(relativeError(small.estimate(), 25_000)).toBeLessThan(0.065);
  });
});

function relativeError(estimate: number, truth: number): number {
  return Math.abs(estimate / truth - 1);
}
