import { expect } from "vitest";

/** Expects `actual` within a relative distance of `expected`; both infinite or both 0 also agree. */
export function expectClose(actual: number, expected: number, relative = 1e-11): void {
  if (actual === expected) return;
  const distance = Math.abs(actual - expected) / Math.abs(expected);
  expect(distance, `${actual} against ${expected}`).toBeLessThanOrEqual(relative);
}
