import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const script = fileURLToPath(new URL("../bench/soak.ts", import.meta.url));

it("a short soak at saturation: no error, and the heap grows by less than 10 % (npm run soak is the long form)", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    script,
    "--seconds",
    "5",
  ]);
  const result = JSON.parse(stdout) as {
    requests: number;
    errors: number;
    growth: number;
    outcomes: Record<string, number>;
  };
  expect(result).toMatchObject({
    errors: 0,
    outcomes: { proxy_error: 0, timeout: 0, truncated: 0 },
  });
  expect(result.requests).toBeGreaterThan(0);
  expect(result.growth).toBeLessThan(0.1);
}, 60_000);
