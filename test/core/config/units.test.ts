import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatDurationMs,
  formatShare,
  parseBytes,
  parseDurationMs,
  parseShare,
} from "../../../src/base/units.ts";

describe("durations", () => {
  it.each([
    ["250ms", 250],
    ["5s", 5000],
    ["1.5s", 1500],
    ["4.35s", 4350],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["365d", 31_536_000_000],
    ["0s", 0],
    ["5", null],
    ["", null],
    ["s", null],
    ["-5s", null],
    ["5 s", null],
    ["5S", null],
    ["1.5ms", null],
    ["1m30s", null],
    ["1e3s", null],
    ["5constructor", null],
    ["99999999999999999999d", null],
  ])("%s is %s ms", (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });

  it("parses back what it formats", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 40 }), (ms) => {
        expect(parseDurationMs(formatDurationMs(ms))).toBe(ms);
      }),
    );
  });

  it("formats with the largest unit that fits", () => {
    expect([0, 250, 5000, 90_000, 86_400_000].map(formatDurationMs)).toEqual([
      "0s",
      "250ms",
      "5s",
      "90s",
      "1d",
    ]);
  });
});

describe("sizes", () => {
  it.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["100MB", 100_000_000],
    ["1.5KiB", 1536],
    ["1GiB", 1_073_741_824],
    ["64", null],
    ["64kib", null],
    ["1.5B", null],
    ["-1B", null],
  ])("%s is %s bytes", (text, expected) => {
    expect(parseBytes(text)).toBe(expected);
  });

  it("parses back what it formats", () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });
});

describe("shares", () => {
  it.each([
    ["5%", 0.05],
    ["0.05", 0.05],
    [0.05, 0.05],
    ["100%", 1],
    ["12.5%", 0.125],
    [0, 0],
    [1, 1],
    ["101%", null],
    [5, null],
    ["5", null],
    ["-5%", null],
    ["5 %", null],
    ["%", null],
    [Number.NaN, null],
  ])("%s is %s", (written, expected) => {
    expect(parseShare(written)).toBe(expected);
  });

  it("parses back what it formats", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
        // The sign of zero is not worth keeping.
        expect(parseShare(formatShare(share))).toBe(share + 0);
      }),
    );
  });

  it("formats as a percentage", () => {
    expect([0.05, 0.07, 0.125, 1, 0].map(formatShare)).toEqual(["5%", "7%", "12.5%", "100%", "0%"]);
  });
});
