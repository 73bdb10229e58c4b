import { expect, it } from "vitest";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { readSettings } from "../../../src/core/config/settings.ts";
import { smallText } from "./texts.ts";

const parse = (env: Record<string, string>, text = smallText) =>
  parseConfig(text, { env, cores: 1, files: () => ({ ok: false, error: "none" }) });

it("the names of the Python framework work, and those of Sluice come first", () => {
  const old = {
    AB_TESTING_LOG_LEVEL: "WARNING",
    AB_TESTING_DASHBOARD_PORT: "8055",
    AB_TESTING_METRICS_RETENTION_HOURS: "24",
    AB_TESTING_MAX_CONCURRENT_EXPERIMENTS: "3",
  };
  const settings = {
    logLevel: "warn",
    adminPort: 8055,
    retentionMs: 86_400_000,
    experimentsMax: 3,
  };
  expect(readSettings(old)).toEqual({ settings, problems: [] });
  const both = { ...old, SLUICE_LOG_LEVEL: "debug", SLUICE_ADMIN_PORT: "9", SLUICE_EXTRA: "x" };
  expect(readSettings(both).settings).toMatchObject({ logLevel: "debug", adminPort: 9 });
});

it("without any, and with empty ones, the defaults hold", () => {
  const read = parse({ SLUICE_LOG_LEVEL: "", AB_TESTING_DASHBOARD_PORT: " " });
  expect(read.ok && read.value).toMatchObject({
    log: { level: "info" },
    admin: { port: 9090 },
    retentionMs: 168 * 3_600_000,
    experimentsMax: 10,
  });
});

it("the file counts before the environment", () => {
  const read = parse(
    { SLUICE_LOG_LEVEL: "debug", SLUICE_ADMIN_PORT: "1" },
    `log: { level: error }\nadmin: { port: 2 }\n${smallText}`,
  );
  expect(read.ok && read.value).toMatchObject({ log: { level: "error" }, admin: { port: 2 } });
});

it("what is wrong is said with the variable's name", () => {
  const read = parse({ SLUICE_MAX_CONCURRENT_EXPERIMENTS: "0", AB_TESTING_LOG_LEVEL: "loud" });
  expect(read.ok ? null : read.error).toMatchObject([
    {
      code: "environment",
      message:
        "AB_TESTING_LOG_LEVEL: expected one of trace, debug, info, warn, error, silent; " +
        "SLUICE_MAX_CONCURRENT_EXPERIMENTS: expected a whole number from 1 to 1000",
    },
  ]);
});

it("more running experiments than allowed are refused, drafts and rollouts are not counted", () => {
  const more = (fields: string) =>
    smallText + `  f:\n    variants: { control: { upstream: a }, x: { upstream: b } }\n${fields}`;
  const env = { SLUICE_MAX_CONCURRENT_EXPERIMENTS: "1" };
  expect(parse(env, more("    state: draft\n")).ok).toBe(true);
  expect(parse(env, more("    rollout: { steps: [ { share: 5% } ] }\n")).ok).toBe(true);
  const refused = parse(env, more(""));
  expect(refused.ok ? null : refused.error[0]).toMatchObject({
    path: "experiments",
    code: "too_many_experiments",
    message: expect.stringContaining("2 A/B experiments would run at once, at most 1 may"),
  });
});
