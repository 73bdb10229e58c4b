import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    // What is polled for comes when it comes: a slow machine is no failure.
    expect: { poll: { timeout: 15_000 } },
  },
});
