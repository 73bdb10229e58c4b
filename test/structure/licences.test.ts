import { expect, it } from "vitest";
import { isAllowed, shippedOf } from "./licences.ts";

it("takes what ships, and knows what does not say its licence", () => {
  const packages = {
    "": { version: "0.1.0", license: "MIT" },
    "node_modules/jstat": { version: "1.9.6" },
    "node_modules/a/node_modules/@b/c": { version: "2.0.0", license: "GPL-3.0" },
    "node_modules/d": { version: "3.0.0" },
    "node_modules/e": { version: "4.0.0", license: "GPL-3.0", dev: true },
  };
  expect(shippedOf({ packages })).toEqual([
    { name: "jstat", version: "1.9.6", licence: "MIT" },
    { name: "@b/c", version: "2.0.0", licence: "GPL-3.0" },
    { name: "d", version: "3.0.0", licence: "none named" },
  ]);
});

it.each([
  ["MIT", true],
  ["(MIT OR GPL-3.0)", true],
  ["(MIT AND Zlib)", true],
  ["MIT AND GPL-3.0", false],
  ["GPL-3.0", false],
  ["none named", false],
])("%s → %s", (expression, expected) => {
  expect(isAllowed(expression)).toBe(expected);
});
