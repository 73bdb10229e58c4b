import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addErrors,
  createErrorRateTest,
  errorRatePValue,
  errorRateSharesMax,
  type ErrorRateOptions,
  nextEpoch,
} from "../../../../src/core/statistics/sequential/error-rate.ts";
import { rateRatio } from "../../../../src/core/statistics/sequential/rate-ratio.ts";
import { logBeta } from "../../../../src/core/statistics/special/gamma.ts";
import { expectClose } from "../closeness.ts";

const counts = fc.integer({ min: 0, max: 100_000 });
const shares = fc.double({ min: 0.01, max: 0.99, noNaN: true });

describe("createErrorRateTest", () => {
  it.each([
    // GrowthBook's ssrm reference implementation: sequential_p_values, two arms.
    [200, 800, 0.5, 10_000, 8.126155715401769e-8, 1e-10],
    [200, 800, 0.5, 100, 2.253273013435552e-75, 1e-11],
    // mpmath 1.3: B(kρ+s, k(1−ρ)+S−s)/(B(kρ, k(1−ρ))·ρ^s·(1−ρ)^(S−s)), 1/E.
    [50, 40, 0.3, 100, Math.exp(-1.6642832071745384578), 1e-12],
  ])("two-sided: %d and %d errors, share %d", (control, treatment, share, weight, p, relative) => {
    const test = createErrorRateTest({ share, kind: "two_sided", concentration: weight });
    const updated = addErrors(test, control, treatment);
    expectClose(errorRatePValue(updated), p, relative);
    expectClose(updated.logEvidence, -Math.log(p), 1e-10);
  });

  it.each([
    // mpmath 1.3: the same with θ₀ = ρ(1+m)/(ρ(1+m)+1−ρ) in the prior and θ* = θ₀ in the likelihood.
    ["not_worse", 50, 40, 0.3, 0.2, 20, 0.83543142506782579702],
    ["not_worse", 100, 160, 0.5, 0.2, 20, 1.0967002179055068317],
    ["worse", 200, 190, 0.5, 0.5, 20, 8.085714001366459421],
    ["worse", 1000, 60, 0.1, 0.2, 20, 20.763465103130061372],
  ] as const)(
    "%s: %d and %d errors, share %d, margin %d",
    (kind, control, treatment, share, margin, concentration, expected) => {
      const test = createErrorRateTest({ share, kind, margin, concentration });
      expectClose(addErrors(test, control, treatment).logEvidence, expected, 1e-11);
    },
  );

  it("stakes only the prior's mass outside the null", () => {
    for (const kind of ["not_worse", "worse"] as const) {
      const test = createErrorRateTest({ share: 0.5, kind, concentration: 20 });
      const inside = kind === "worse" ? addErrors(test, 3, 900) : addErrors(test, 900, 3);
      expect(inside.logEvidence).toBeCloseTo(Math.log(0.5), 14);
      expect(errorRatePValue(inside)).toBe(1);
      expect(test.logEvidence).toBe(0);
    }
  });

  it("has the same p-value however the errors are cut into updates, and only ever a smaller one", () => {
    fc.assert(
      fc.property(
        shares,
        fc.array(fc.tuple(counts, counts), { minLength: 1, maxLength: 20 }),
        fc.constantFrom("two_sided", "not_worse", "worse"),
        (share, updates, kind) => {
          const start = createErrorRateTest({ share, kind });
          let test = start;
          let before = 1;
          let control = 0;
          let treatment = 0;
          for (const [moreControl, moreTreatment] of updates) {
            test = addErrors(test, moreControl, moreTreatment);
            control += moreControl;
            treatment += moreTreatment;
            const p = errorRatePValue(test);
            expect(p).toBeLessThanOrEqual(before);
            expect(p).toBeGreaterThanOrEqual(0);
            before = p;
          }
          const once = addErrors(start, control, treatment);
          expect(Math.abs(once.logEvidence - test.logEvidence)).toBeLessThan(1e-9);
        },
      ),
      { seed: 3 },
    );
  });

  it("averages to at most 1 in the null, also where the ratio changes", () => {
    // All 2^10 arm sequences of ten errors; the ratio jumps between 0.2 and the boundary 1.5.
    const ratios = [1.5, 0.2, 1.5, 1.5, 0.2, 0.2, 1.5, 1.5, 1.5, 1.5];
    for (const concentration of [1, 20, 300]) {
      const test = createErrorRateTest({
        share: 0.3,
        kind: "not_worse",
        margin: 0.5,
        concentration,
      });
      let mean = 0;
      for (let sequence = 0; sequence < 2 ** 10; sequence += 1) {
        let chance = 1;
        let treatment = 0;
        for (const [at, ratio] of ratios.entries()) {
          const theta = (0.3 * ratio) / (0.3 * ratio + 0.7);
          const isTreatment = ((sequence >> at) & 1) === 1;
          chance *= isTreatment ? theta : 1 - theta;
          if (isTreatment) treatment += 1;
        }
        mean += chance * Math.exp(addErrors(test, 10 - treatment, treatment).logEvidence);
      }
      expect(mean).toBeLessThanOrEqual(1);
      expect(mean).toBeGreaterThan(0.5);
    }
  });

  it.each([
    [{ share: 0, kind: "two_sided" }, "share"],
    [{ share: 1, kind: "two_sided" }, "share"],
    [{ share: NaN, kind: "worse" }, "share"],
    [{ share: 0.5, kind: "two_sided", margin: 0.1 }, "margin"],
    [{ share: 0.5, kind: "worse", margin: -1 }, "margin"],
    [{ share: 0.5, kind: "worse", margin: NaN }, "margin"],
    [{ share: 0.5, kind: "worse", concentration: 0 }, "concentration"],
  ] as [ErrorRateOptions, string][])("refuses %o", (options, name) => {
    expect(() => createErrorRateTest(options)).toThrow(name);
  });

  it("refuses counts that are none", () => {
    const test = createErrorRateTest({ share: 0.5, kind: "worse" });
    for (const count of [-1, NaN, Infinity]) {
      expect(() => addErrors(test, count, 0)).toThrow("errors");
      expect(() => addErrors(test, 0, count)).toThrow("errors");
    }
  });
});

describe("nextEpoch", () => {
  it("multiplies the evidence and keeps the smallest p-value", () => {
    const first = addErrors(createErrorRateTest({ share: 0.1, kind: "two_sided" }), 90, 30);
    const alone = addErrors(createErrorRateTest({ share: 0.4, kind: "two_sided" }), 600, 400);
    const both = addErrors(nextEpoch(first, 0.4), 600, 400);
    expectClose(both.logEvidence, first.logEvidence + alone.logEvidence, 1e-12);
    expect(alone.logEvidence).toBeLessThan(0);
    expect(errorRatePValue(both)).toBe(errorRatePValue(first));
  });

  it("does not go on where no error was seen, and joins epochs of one share", () => {
    let test = createErrorRateTest({ share: 0.1, kind: "two_sided" });
    test = nextEpoch(test, 0.2);
    expect(test.past).toEqual([]);
    test = nextEpoch(addErrors(test, 5, 3), 0.3);
    test = nextEpoch(addErrors(test, 1, 2), 0.2);
    test = nextEpoch(addErrors(test, 10, 20), 0.5);
    expect(test.past).toEqual([
      { share: 0.3, control: 1, treatment: 2 },
      { share: 0.2, control: 15, treatment: 23 },
    ]);
  });

  it("bounds the number of different shares", () => {
    const past = Array.from({ length: errorRateSharesMax }, (_, at) => ({
      share: (at + 1) / (errorRateSharesMax + 2),
      control: 1,
      treatment: 1,
    }));
    const start = createErrorRateTest({ share: 0.9999999, kind: "two_sided" });
    const test = addErrors({ ...start, past }, 1, 1);
    expect(() => nextEpoch(test, 0.5)).toThrow("shares");
    expect(nextEpoch({ ...test, past: past.slice(1) }, 0.5).past).toHaveLength(errorRateSharesMax);
  });
});

describe("rateRatio", () => {
  it.each([
    // mpmath 1.3, findroot on ln E(θ) = ln(1/alpha); R = θ/(1−θ)·(1−ρ)/ρ.
    [50, 40, 0.3, 0.05, 0.90861838253252996194, 3.7644000792394286085],
    [1000, 1100, 0.5, 0.01, 0.94253337205737203348, 1.2842616423483361125],
    [5_000_000_000, 5_000_000_000, 0.5, 0.05, 0.99990117746758280457, 1.0000988322992752944],
  ])("mpmath: %d and %d errors, share %d", (control, treatment, share, alpha, low, high) => {
    const test = createErrorRateTest({ share, kind: "two_sided" });
    const { estimate, interval } = rateRatio(addErrors(test, control, treatment), alpha);
    expectClose(estimate!, (treatment / control) * ((1 - share) / share), 1e-13);
    expectClose(interval!.low, low, 1e-11);
    expectClose(interval!.high, high, 1e-11);
  });

  it("holds the null's ratio as long as the mixture does not reject it, in one epoch and in two", () => {
    fc.assert(
      fc.property(
        shares,
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        fc.boolean(),
        fc.constantFrom("two_sided", "not_worse", "worse"),
        (share, control, treatment, isRamped, kind) => {
          const margin = kind === "two_sided" ? 0 : 0.2;
          let test = addErrors(
            createErrorRateTest({ share, kind, margin, concentration: 30 }),
            control,
            treatment,
          );
          if (isRamped) test = addErrors(nextEpoch(test, 0.5), control, treatment);
          const { interval } = rateRatio(test, 0.05);
          if (interval === null) return;
          const isHeld = interval.low <= 1 + margin && 1 + margin <= interval.high;
          if (!isRamped) expect(isHeld).toBe(test.logEvidence < Math.log(20));
          expect(interval.low).toBeLessThanOrEqual(interval.high);
        },
      ),
      { seed: 4, numRuns: 400 },
    );
  });

  it("ends where the evidence of all epochs together reaches 1/alpha", () => {
    const epochs = [
      [0.1, 90, 12],
      [0.3, 60, 35],
      [0.1, 80, 9],
      [0.5, 40, 50],
    ] as const;
    const prior = 100;
    let test = createErrorRateTest({ share: 0.1, kind: "two_sided" });
    for (const [share, control, treatment] of epochs) {
      test = addErrors(nextEpoch(test, share), control, treatment);
    }
    const { low, high } = rateRatio(test, 0.05).interval!;
    for (const ratio of [low, high]) {
      let evidence = 0;
      for (const [share, control, treatment] of epochs) {
        const theta = (share * ratio) / (share * ratio + 1 - share);
        evidence +=
          logBeta(prior * share + treatment, prior * (1 - share) + control) -
          logBeta(prior * share, prior * (1 - share)) -
          treatment * Math.log(theta) -
          control * Math.log1p(-theta);
      }
      expectClose(evidence, Math.log(20), 1e-10);
    }
    expect(low).toBeLessThan(high);
  });

  it("keeps its digits far out (mpmath)", () => {
    const test = createErrorRateTest({ share: 0.3, kind: "two_sided" });
    const { interval } = rateRatio(addErrors(test, 0, 1e10), 0.05);
    expectClose(interval!.low, 17584472.913621440402, 4e-9);
  });

  it("finds a ratio far from the one tested (mpmath)", () => {
    const test = createErrorRateTest({ share: 0.5, kind: "not_worse", margin: 1e6 });
    const { interval } = rateRatio(addErrors(test, 1000, 1000), 0.05);
    expectClose(interval!.low, 0.70754697062871572335, 1e-11);
    const { estimate, interval: none } = rateRatio(addErrors(test, 1e11, 0), 0.4);
    expect(estimate).toBe(0);
    expect(none).toEqual({ low: 0, high: Infinity });
  });

  it("is everything before the first error, and one-sided where the errors are of one arm", () => {
    const test = createErrorRateTest({ share: 0.3, kind: "two_sided" });
    expect(rateRatio(test, 0.05)).toEqual({
      estimate: null,
      interval: { low: 0, high: Infinity },
    });
    const treatmentOnly = rateRatio(addErrors(test, 0, 10), 0.05);
    expect(treatmentOnly.estimate).toBe(Infinity);
    expect(treatmentOnly.interval!.high).toBe(Infinity);
    expect(treatmentOnly.interval!.low).toBeGreaterThan(0.5);
    const controlOnly = rateRatio(addErrors(test, 100, 0), 0.05);
    expect(controlOnly.estimate).toBe(0);
    expect(controlOnly.interval!.low).toBe(0);
    expect(controlOnly.interval!.high).toBeLessThan(1);
  });

  it("narrows over epochs that agree, and says when no ratio explains them", () => {
    const first = addErrors(createErrorRateTest({ share: 0.1, kind: "two_sided" }), 900, 200);
    const agreeing = rateRatio(addErrors(nextEpoch(first, 0.5), 1000, 2000), 0.05);
    expectClose(agreeing.estimate!, 2, 1e-12);
    expect(agreeing.interval!.low).toBeGreaterThan(rateRatio(first, 0.05).interval!.low);
    expect(agreeing.interval!.high).toBeLessThan(rateRatio(first, 0.05).interval!.high);
    const contrary = rateRatio(addErrors(nextEpoch(first, 0.5), 2000, 1000), 0.05);
    expect(contrary.interval).toBe(null);
  });

  it("refuses alpha outside its range", () => {
    const test = createErrorRateTest({ share: 0.3, kind: "two_sided" });
    for (const alpha of [0, 1, NaN]) expect(() => rateRatio(test, alpha)).toThrow("alpha");
  });
});
