import type { Environment } from "./environment.ts";
import type { LogPolicy } from "./model.ts";

/** What the environment decides where the file says nothing; null where it says nothing either. */
export type Settings = {
  readonly logLevel: LogPolicy["level"] | null;
  readonly adminPort: number | null;
  readonly retentionMs: number | null;
  readonly experimentsMax: number | null;
};

export type SettingProblem = { readonly variable: string; readonly message: string };

const levels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
const hourMs = 3_600_000;

/**
 * Reads the variables that Sluice knows. The names of the framework that it replaces (`AB_TESTING_…`) work too; where
 * both are set, `SLUICE_…` counts. An empty variable is none.
 */
export function readSettings(env: Environment): {
  readonly settings: Settings;
  readonly problems: readonly SettingProblem[];
} {
  const problems: SettingProblem[] = [];
  const find = (name: string, older: string): readonly [string, string] | null => {
    for (const variable of [`SLUICE_${name}`, `AB_TESTING_${older}`]) {
      const value = Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined;
      if (value !== undefined && value !== "") return [variable, value];
    }
    return null;
  };
  const number = (name: string, older: string, min: number, max: number): number | null => {
    const found = find(name, older);
    if (found === null) return null;
    const [variable, text] = found;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    problems.push({ variable, message: `expected a whole number from ${min} to ${max}` });
    return null;
  };
  const level = (): LogPolicy["level"] | null => {
    const found = find("LOG_LEVEL", "LOG_LEVEL");
    if (found === null) return null;
    const [variable, text] = found;
    // Python writes its levels in capitals, and says WARNING.
    const word = text
      .toLowerCase()
      .replace(/^warning$/, "warn")
      .replace(/^critical$/, "error");
    const known = levels.find((each) => each === word);
    if (known !== undefined) return known;
    problems.push({ variable, message: `expected one of ${levels.join(", ")}` });
    return null;
  };
  const hours = number("METRICS_RETENTION_HOURS", "METRICS_RETENTION_HOURS", 1, 87_600);
  const settings: Settings = {
    logLevel: level(),
    adminPort: number("ADMIN_PORT", "DASHBOARD_PORT", 0, 65_535),
    retentionMs: hours === null ? null : hours * hourMs,
    experimentsMax: number("MAX_CONCURRENT_EXPERIMENTS", "MAX_CONCURRENT_EXPERIMENTS", 1, 1000),
  };
  return { settings, problems };
}
