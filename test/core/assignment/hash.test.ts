import { describe, expect, test } from "vitest";
import {
  bucketOf,
  clusterOf,
  telemetryHash,
  digest64,
  endpointHash,
  fnv32a,
} from "../../../src/core/assignment/hash.ts";
import { userIds } from "./policies.ts";

describe("fnv32a", () => {
  // Published vectors of the 32-bit FNV-1a (Landon Curt Noll's test suite).
  test.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["b", 0xe70c2de5],
    ["foobar", 0xbf9cf968],
    ["chongo was here!\n", 0xd49930d5],
  ])("of %j", (text, expected) => {
    expect(fnv32a(text)).toBe(expected);
  });
});

describe("bucketOf", () => {
  // GrowthBook's shared SDK test cases (`cases.json`, hash).
  test.each([
    ["", "a", 1, 0.22],
    ["", "b", 1, 0.077],
    ["b", "a", 1, 0.946],
    ["ef", "d", 1, 0.652],
    ["asdf", "8952klfjas09ujk", 1, 0.549],
    ["", "123", 1, 0.011],
    ["", '___)((*":&', 1, 0.563],
    ["seed", "a", 2, 0.0505],
    ["seed", "b", 2, 0.2696],
    ["foo", "ab", 2, 0.2575],
    ["foo", "def", 2, 0.2019],
    ["89123klj", "8952klfjas09ujkasdf", 2, 0.124],
    ["90850943850283058242805", "123", 2, 0.7516],
    ["()**(%$##$%#$#", '___)((*":&', 2, 0.0128],
  ] as const)("seed %j, user %j, version %i", (seed, user, version, expected) => {
    expect(bucketOf(user, seed, version)).toBe(expected);
  });
});

function decile(user: string): number {
  return Math.floor(bucketOf(user, "exp", 2) * 10);
}

function decileV1(user: string): number {
  return Math.floor(bucketOf(user, "exp", 1) * 10);
}

function cluster(user: string): number {
  return clusterOf(telemetryHash(user)) >> 4;
}

function clusterLow(user: string): number {
  return clusterOf(telemetryHash(user)) & 15;
}

function endpointLow(user: string): number {
  return endpointHash(user) & 1;
}

function endpointHigh(user: string): number {
  return endpointHash(user) >>> 28;
}

function endpointThird(user: string): number {
  return endpointHash(user) % 3;
}

function lowBitA(user: string): number {
  return fnv32a(`a${user}`) & 1;
}

function lowBitB(user: string): number {
  return fnv32a(`b${user}`) & 1;
}

describe("the hashes are independent of each other", () => {
  const users = userIds(40_000);

  test.each([
    ["bucket × cluster", decile, 10, cluster, 16],
    ["bucket × cluster's low bits", decile, 10, clusterLow, 16],
    ["bucket × endpoint of two", decile, 10, endpointLow, 2],
    ["bucket × endpoint of three", decile, 10, endpointThird, 3],
    ["bucket version 1 × endpoint of two", decileV1, 10, endpointLow, 2],
    ["endpoint × cluster", endpointThird, 3, cluster, 16],
    ["endpoint's high bits × cluster", endpointHigh, 16, cluster, 16],
  ])("%s", (_, left, leftSize, right, rightSize) => {
    const bound = chiSquareBound((leftSize - 1) * (rightSize - 1));
    expect(chiSquare(users, left, leftSize, right, rightSize)).toBeLessThan(bound);
  });

  test("a second FNV would not be: the low bits of two seeds tell each other", () => {
    expect(chiSquare(users, lowBitA, 2, lowBitB, 2)).toBeGreaterThan(users.length / 2);
  });

  test("all 256 clusters are about equally full", () => {
    expect(
      chiSquare(
        users,
        (user) => clusterOf(telemetryHash(user)),
        256,
        () => 0,
        1,
      ),
    ).toBeLessThan(chiSquareBound(255));
  });
});

test("digests are 16 hexadecimal digits and differ for different texts", () => {
  const digests = new Set(userIds(20_000).map(digest64));
  expect(digests.size).toBe(20_000);
  for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{16}$/);
});

/** Pearson's statistic of a contingency table; with one column it is the fit to equal shares. */
function chiSquare(
  users: readonly string[],
  left: (user: string) => number,
  leftSize: number,
  right: (user: string) => number,
  rightSize: number,
): number {
  const cells = new Map<number, number>();
  const rows = Array.from({ length: leftSize }, () => 0);
  const columns = Array.from({ length: rightSize }, () => 0);
  for (const user of users) {
    const [row, column] = [left(user), right(user)];
    const cell = row * rightSize + column;
    cells.set(cell, (cells.get(cell) ?? 0) + 1);
    rows[row] = (rows[row] as number) + 1;
    columns[column] = (columns[column] as number) + 1;
  }
  let sum = 0;
  for (const [row, rowCount] of rows.entries()) {
    for (const [column, columnCount] of columns.entries()) {
      const share = rightSize === 1 ? 1 / leftSize : rowCount / users.length;
      const expected = share * columnCount;
      sum += ((cells.get(row * rightSize + column) ?? 0) - expected) ** 2 / expected;
    }
  }
  return sum;
}

/** The 99.9 % quantile of χ², by Wilson and Hilferty's approximation. */
function chiSquareBound(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 3.0902 * Math.sqrt(spread)) ** 3;
}
