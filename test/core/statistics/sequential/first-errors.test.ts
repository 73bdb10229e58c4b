import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../src/core/statistics/random.ts";
import {
  createFirstErrors,
  noteErringUsers,
  noteError,
} from "../../../../src/core/statistics/sequential/first-errors.ts";
import { DistinctUsers } from "../../../../src/core/telemetry/distinct.ts";

describe("noteError", () => {
  it("counts a user once, in the arm of the first error", () => {
    const state = createFirstErrors(2);
    expect(noteError(state, 0, 17)).toBe(true);
    expect(noteError(state, 0, 17)).toBe(false);
    expect(noteError(state, 1, 17)).toBe(false);
    expect(noteError(state, 1, 18)).toBe(true);
    expect(noteError(state, 1, 4_294_967_295)).toBe(true);
    expect(state.counts).toEqual([1, 2]);
  });

  it("stays within its memory, and goes on with a share of the users that arms do not differ in", () => {
    const random = createRandom(11);
    const state = createFirstErrors(2, 1000);
    const users = Array.from({ length: 100_000 }, () => Math.floor(random() * 2 ** 32));
    for (const [index, user] of users.entries()) {
      noteError(state, index % 4 === 0 ? 1 : 0, user);
      if (index % 97 === 0) expect(state.remembered.size).toBeLessThanOrEqual(1000);
    }
    // 2^-7 of 100,000 is the first power of two below 1000.
    expect(state.sampledBits).toBe(7);
    const before = state.counts[0]! + state.counts[1]!;
    expect(before).toBeGreaterThan(3000);
    const share = state.counts[1]! / before;
    expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / before));
    // Nobody counts again, be they remembered or forgotten.
    for (const user of users) expect(noteError(state, 1, user)).toBe(false);
  });

  it("samples hashes that look alike, too", () => {
    const state = createFirstErrors(1, 100);
    for (let user = 0; user < 10_000; user += 1) noteError(state, 0, user);
    expect(state.remembered.size).toBeGreaterThan(30);
    expect(state.sampledBits).toBeGreaterThanOrEqual(6);
    expect(state.sampledBits).toBeLessThanOrEqual(8);
  });

  it("refuses arms and bounds that are none", () => {
    for (const arms of [0, 1.5, NaN]) expect(() => createFirstErrors(arms)).toThrow("arms");
    for (const max of [0, 1.5, NaN]) expect(() => createFirstErrors(2, max)).toThrow("usersMax");
    for (const arm of [-1, 2, 0.5]) {
      expect(() => noteError(createFirstErrors(2), arm, 1)).toThrow("arm");
    }
  });
});

describe("noteErringUsers", () => {
  it("joins the counters of several workers", () => {
    const state = createFirstErrors(2);
    const workers = [new DistinctUsers(), new DistinctUsers()];
    for (const [worker, users] of [
      [0, [1, 2, 3]],
      [1, [3, 4]],
    ] as const) {
      for (const user of users) workers[worker]!.add(user);
    }
    for (const worker of workers) expect(noteErringUsers(state, 0, worker.takeDelta()!)).toBe(true);
    workers[0]!.add(2);
    workers[0]!.add(5);
    noteErringUsers(state, 0, workers[0]!.takeDelta()!);
    const other = new DistinctUsers();
    other.add(6);
    noteErringUsers(state, 1, other.takeDelta()!);
    expect(state.counts).toEqual([5, 1]);
  });

  it("freezes when a counter no longer knows its users", () => {
    const state = createFirstErrors(2);
    const counter = new DistinctUsers(3);
    for (const user of [1, 2, 3]) counter.add(user);
    noteErringUsers(state, 0, counter.takeDelta()!);
    counter.add(4);
    expect(noteErringUsers(state, 0, counter.takeDelta()!)).toBe(false);
    expect(noteError(state, 1, 9)).toBe(false);
    expect(state.counts).toEqual([3, 0]);
    expect(state.isFrozen).toBe(true);
  });
});
