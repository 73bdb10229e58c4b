import { describe, expect, it } from "vitest";
import { retryDelayMs, type Attempts } from "../../../src/control/notify/retry.ts";

const attempts = (changed: Partial<Attempts>): Attempts => ({
  made: 1,
  spentMs: 0,
  retryAfterMs: null,
  ...changed,
});

describe("the wait before the next attempt", () => {
  it.each([
    [{ made: 1 }, 0, 500],
    [{ made: 1 }, 0.999, 999.5],
    [{ made: 2 }, 1, 2000],
    [{ made: 6 }, 1, 32_000],
    [{ made: 7 }, 1, 60_000],
    [{ made: 9 }, 1, 60_000],
    [{ made: 10 }, 1, null],
    [{ retryAfterMs: 7000 }, 1, 7000],
    [{ retryAfterMs: 100 }, 1, 1000],
    [{ retryAfterMs: 300_000 }, 1, 300_000],
    [{ retryAfterMs: 300_001 }, 1, 300_000],
    [{ made: 2, spentMs: 898_000 }, 1, 2000],
    [{ made: 2, spentMs: 898_001 }, 1, null],
    [{ made: 2, spentMs: 600_000, retryAfterMs: 300_000 }, 1, 300_000],
    [{ made: 2, spentMs: 600_001, retryAfterMs: 300_000 }, 1, null],
  ])("after %j with chance %d is %s ms", (changed, chance, expected) => {
    expect(retryDelayMs(attempts(changed), chance)).toBe(expected);
  });
});
