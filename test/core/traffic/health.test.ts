import { expect, test } from "vitest";
import { healthAtStart, stepHealth } from "../../../src/core/traffic/health.ts";

const policy = { healthyAfter: 2, unhealthyAfter: 3 };

/** `+` is a check that succeeds, `-` one that fails; the answer has `H` or `u` after each. */
function run(checks: string, { healthyAfter, unhealthyAfter } = policy): string {
  let state = healthAtStart;
  return Array.from(checks, (check) => {
    state = stepHealth(state, check === "+", { healthyAfter, unhealthyAfter });
    return state.healthy ? "H" : "u";
  }).join("");
}

test.each([
  ["starts healthy", "+", "H"],
  ["takes failures in a row", "---", "HHu"],
  ["starts to count again after a success", "--+--+---", "HHHHHHHHu"],
  ["takes successes in a row to come back", "---++", "HHuuH"],
  ["starts to count again after a failure", "---+-+-++", "HHuuuuuuH"],
  ["counts failures anew after it came back", "---++--+", "HHuuHHHH"],
])("an endpoint %s", (_what, checks, expected) => {
  expect(run(checks)).toBe(expected);
});

test("one result is enough where the policy says one", () => {
  expect(run("-+-+", { healthyAfter: 1, unhealthyAfter: 1 })).toBe("uHuH");
});
