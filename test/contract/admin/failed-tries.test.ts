import { describe, expect, it } from "vitest";
import { FailedTries } from "../../../src/faces/admin/failed-tries.ts";

const limits = { failuresMax: 2, failureWindowMs: 1000, failureAddressesMax: 3 };

describe("failed tries", () => {
  it("waits for the end of the window that the first try opened", () => {
    const tries = new FailedTries(limits);
    tries.add("10.0.0.1", 0);
    expect(tries.waitMs("10.0.0.1", 1)).toBe(0);
    tries.add("10.0.0.1", 400);
    expect(tries.waitMs("10.0.0.1", 400)).toBe(600);
    expect(tries.waitMs("10.0.0.2", 400)).toBe(0);
    expect(tries.waitMs("10.0.0.1", 1000)).toBe(0);
    tries.add("10.0.0.1", 1000);
    expect(tries.waitMs("10.0.0.1", 1000)).toBe(0);
  });

  it.each([
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["2001:db8::1", "2001:db8::ffff", true],
    ["2001:db8::1", "2001:db8:0:1::1", false],
    ["10.0.0.1", "10.0.0.2", false],
  ])("%s and %s count together: %s", (one, other, together) => {
    const tries = new FailedTries(limits);
    tries.add(one, 0);
    tries.add(one, 0);
    expect(tries.waitMs(other, 0) > 0).toBe(together);
  });

  it("forgets the oldest address at the limit, and only that one", () => {
    const tries = new FailedTries(limits);
    for (const [at, address] of ["10.0.0.1", "10.0.0.2", "10.0.0.3"].entries()) {
      tries.add(address, at);
      tries.add(address, at);
    }
    tries.add("10.0.0.4", 10);
    expect(tries.waitMs("10.0.0.1", 10)).toBe(0);
    expect(tries.waitMs("10.0.0.2", 10)).toBeGreaterThan(0);
    expect(tries.waitMs("10.0.0.3", 10)).toBeGreaterThan(0);
  });
});
