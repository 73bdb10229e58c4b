import { describe, expect, it } from "vitest";
import { isLoopback, parseCidr } from "../../../src/core/config/address.ts";
import { parseRouteMatch, shadows } from "../../../src/core/config/route-match.ts";

function match(written: string) {
  const parsed = parseRouteMatch(written);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe("a route's match", () => {
  it.each([
    ["/", null, "/"],
    ["/**", null, "/**"],
    ["GET /a/:id/b", ["GET"], "/a/:id/b"],
    ["GET,POST  /a/", ["GET", "POST"], "/a/"],
    ["M-SEARCH /a%20b/**", ["M-SEARCH"], "/a%20b/**"],
  ])("%s is read", (written, methods, pattern) => {
    expect(match(written)).toEqual({ methods, pattern });
  });

  it.each([
    "",
    "a",
    "get /a",
    "GET,, /a",
    "GET,GET /a",
    "CONNECT /a",
    "GET POST /a",
    "/a//b",
    "/a/**/b",
    "/a/:",
    "/:a/:a",
    "/a/../b",
    "/a/%2e%2E/b",
    "/a?b",
    "/a#b",
    "/*",
    "/a%2",
    "/é",
  ])("%j is refused", (written) => {
    expect(parseRouteMatch(written).ok).toBe(false);
  });

  it.each([
    ["/a", "/a", true],
    ["/a", "GET /a", true],
    ["GET /a", "/a", false],
    ["GET,POST /a", "POST /a", true],
    ["POST /a", "GET,POST /a", false],
    ["/a/:x", "/a/:y", true],
    ["/a/:x", "/a/b", true],
    ["/a/b", "/a/:x", false],
    ["/a/:x", "/a/", false],
    ["/a/:x", "/a/**", false],
    ["/a/**", "/a/b/c", true],
    ["/a/**", "/a/**", true],
    ["/a/**", "/a", true],
    ["/a/b/**", "/a", false],
    ["/a/**", "/**", false],
    ["/a", "/%61", true],
    ["/**", "/", true],
    ["/**", "/a/:b", true],
    ["/a", "/a/", false],
    ["/a/b", "/a", false],
  ])("%s before %s leaves it nothing: %s", (earlier, later, expected) => {
    expect(shadows(match(earlier), match(later))).toBe(expected);
  });
});

describe("addresses", () => {
  it.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["::1", "::1/128"],
    ["fd00::/8", "fd00::/8"],
    ["::ffff:1.2.3.4/128", "::ffff:1.2.3.4/128"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128"],
    ["::/0", "::/0"],
    ["10.0.0.0/33", null],
    ["10.0.0/8", null],
    ["10.0.0.256", null],
    ["10.0.0.01", null],
    ["10.0.0.0/", null],
    ["10.0.0.0/8/8", null],
    ["fd00::/129", null],
    ["1::2::3", null],
    ["1:2:3:4:5:6:7", null],
    ["1:2:3:4:5:6:7:8::", null],
    ["12345::", null],
    [":", null],
    ["localhost", null],
    ["", null],
  ])("%j is the block %s", (text, expected) => {
    expect(parseCidr(text)).toBe(expected);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["127.example.com", false],
    ["10.0.0.1", false],
  ])("%s is loopback: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
