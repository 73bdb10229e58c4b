import type { Config } from "../core/config/model.ts";

/** Everybody gets the control where variants do not go together. */
export function withRefusals(config: Config, refused: ReadonlySet<string>): Config {
  if (refused.size === 0) return config;
  const experiments = Object.fromEntries(
    Object.entries(config.experiments).map(([key, experiment]) => [
      key,
      refused.has(key) ? Object.assign({}, experiment, { disabled: true }) : experiment,
    ]),
  );
  return { ...config, experiments };
}
