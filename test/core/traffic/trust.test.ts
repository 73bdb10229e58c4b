import { describe, expect, test } from "vitest";
import { parseIp, plainIp } from "../../../src/core/traffic/ip-address.ts";
import { clientAddress, compileTrust, isLoopback } from "../../../src/core/traffic/trust.ts";

describe("compileTrust", () => {
  test.each([
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::ffff:a01:203", true],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["10.1.2.3/31", "10.1.2.2", true],
    ["10.1.2.3/31", "10.1.2.4", false],
    ["192.168.128.0/17", "192.168.128.0", true],
    ["192.168.128.0/17", "192.168.127.255", false],
    ["0.0.0.0/0", "203.0.113.1", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "203.0.113.1", true],
    ["::ffff:10.0.0.0/104", "10.9.9.9", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "::1", true],
    ["::1", "::2", false],
    ["10.0.0.0/8", "not an ip", false],
    ["10.0.0.0/8", "", false],
  ])("%s holds %s: %s", (block, ip, expected) => {
    expect(compileTrust([block])(ip)).toBe(expected);
    expect(compileTrust(["203.0.113.77", block])(ip)).toBe(expected);
  });

  test("no blocks trust nobody", () => {
    expect(compileTrust([])("127.0.0.1")).toBe(false);
  });

  test.each(["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "/8"])(
    "%j is refused",
    (block) => {
      expect(() => compileTrust([block])).toThrow(/not an address/);
    },
  );
});

test.each([
  ["1.2.3.4", [0, 0, 0, 0, 0, 0xffff, 0x102, 0x304]],
  ["::ffff:1.2.3.4", [0, 0, 0, 0, 0, 0xffff, 0x102, 0x304]],
  ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
  ["2001:DB8::1", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]],
  ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
  ["1:2:3:4:5:6:1.2.3.4", [1, 2, 3, 4, 5, 6, 0x102, 0x304]],
  ["1::8", [1, 0, 0, 0, 0, 0, 0, 8]],
  ["1:2:3:4:5:6:7::", [1, 2, 3, 4, 5, 6, 7, 0]],
  ["01.2.3.4", null],
  ["1.2.3", null],
  ["1.2.3.256", null],
  ["1.2.3.4.5", null],
  ["1:2:3:4:5:6:7", null],
  ["1:2:3:4:5:6:7:8:9", null],
  ["1::2::3", null],
  ["1:2:3:4:5:6:7:8::", null],
  ["1.2.3.4::", null],
  [":1", null],
  [":::", null],
  ["12345::", null],
  ["g::", null],
  ["[::1]", null],
  [" ::1", null],
])("parseIp(%j)", (text, expected) => {
  expect(parseIp(text)).toEqual(expected);
});

test.each([
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:201", "192.0.2.1"],
  ["192.0.2.1", "192.0.2.1"],
  ["::1", "::1"],
  ["2001:db8::1", "2001:db8::1"],
])("plainIp(%j) is %j", (text, expected) => {
  expect(plainIp(text)).toBe(expected);
});

test.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["::2", false],
])("%s is loopback: %s", (ip, expected) => {
  expect(isLoopback(ip)).toBe(expected);
});

describe("clientAddress", () => {
  const trust = compileTrust(["10.0.0.0/8", "fd00::/8"]);
  test.each<readonly [string, string, readonly string[], string]>([
    ["untrusted peer", "203.0.113.1", ["X-Forwarded-For", "1.1.1.1"], "203.0.113.1"],
    ["untrusted mapped peer", "::ffff:203.0.113.1", [], "203.0.113.1"],
    ["trusted peer without the field", "10.0.0.1", [], "10.0.0.1"],
    ["one hop", "10.0.0.1", ["x-forwarded-for", "1.1.1.1"], "1.1.1.1"],
    [
      "the rightmost untrusted",
      "10.0.0.1",
      ["X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.0.0.2"],
      "1.1.1.1",
    ],
    [
      "several lines",
      "10.0.0.1",
      [
        "X-Forwarded-For",
        "6.6.6.6",
        "x-forwarded-for",
        "1.1.1.1,10.0.0.2",
        "X-FORWARDED-FOR",
        "10.0.0.3",
      ],
      "1.1.1.1",
    ],
    [
      "all trusted: the farthest",
      "10.0.0.1",
      ["X-Forwarded-For", "10.0.0.9, 10.0.0.2"],
      "10.0.0.9",
    ],
    [
      "garbage ends the walk",
      "10.0.0.1",
      ["X-Forwarded-For", "1.1.1.1, unknown, 10.0.0.2"],
      "10.0.0.2",
    ],
    ["empty field", "10.0.0.1", ["X-Forwarded-For", ""], "10.0.0.1"],
    ["with port", "10.0.0.1", ["X-Forwarded-For", "1.1.1.1:4711"], "1.1.1.1"],
    ["IPv6 with port", "10.0.0.1", ["X-Forwarded-For", "[2001:db8::1]:4711"], "2001:db8::1"],
    ["IPv6", "fd00::1", ["X-Forwarded-For", "2001:db8::1"], "2001:db8::1"],
    ["mapped", "::ffff:10.0.0.1", ["X-Forwarded-For", "::ffff:1.1.1.1"], "1.1.1.1"],
    ["other fields of that length", "10.0.0.1", ["x-forwarded-foo", "1.1.1.1"], "10.0.0.1"],
  ])("%s", (_, peer, headers, expected) => {
    expect(clientAddress(peer, headers, trust)).toBe(expected);
  });
});
