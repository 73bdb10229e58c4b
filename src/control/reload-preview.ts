import type { Result } from "../base/result.ts";
import { err, ok } from "../base/result.ts";
import type { Environment } from "../core/config/environment.ts";
import type { Config, Issue } from "../core/config/model.ts";
import { planReload } from "../core/config/reload-plan.ts";
import type { ConfigFile } from "./config-file.ts";
import { loadConfig } from "./reload.ts";

/** What a text would do to the running configuration. */
export type ReloadPreview = {
  readonly etag: string;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
};

/** Checks `text` as a reload would, against what runs, and changes nothing. */
export function previewReload(
  text: string,
  running: Config,
  context: {
    readonly file: ConfigFile;
    readonly env: Environment;
    readonly cores: number;
  },
): Result<ReloadPreview, readonly Issue[]> {
  const loaded = loadConfig({ ...context.file, read: () => ok(text) }, context);
  if (!loaded.ok) return loaded;
  const { changes, warnings, refusals } = planReload(running, loaded.value.config);
  if (refusals.length > 0) return err(refusals);
  return ok({ etag: loaded.value.etag, changes, warnings });
}
