import { createHash } from "node:crypto";
import type { Clock, Timers } from "../base/clock.ts";
import type { Result } from "../base/result.ts";
import { err, ok } from "../base/result.ts";
import type { Environment } from "../core/config/environment.ts";
import type { Config, Issue } from "../core/config/model.ts";
import { parseConfig } from "../core/config/parse.ts";
import { planReload } from "../core/config/reload-plan.ts";
import type { ReloadPlan } from "../core/config/reload-plan.ts";
import type { ConfigFile } from "./config-file.ts";
import { createDebounce } from "./reload-watch.ts";
import type { WatchFiles } from "./reload-watch.ts";

/** A configuration with the text that it came from. */
export type LoadedConfig = {
  readonly config: Config;
  readonly text: string;
  /** A quoted hash of the text, for `ETag` and `If-Match`. */
  readonly etag: string;
  /** Files named in the text, as absolute paths. */
  readonly namedFiles: readonly string[];
};

/** What one attempt to reload came to; everything but `applied` leaves the running configuration as it is. */
export type ReloadOutcome =
  | {
      readonly kind: "applied";
      readonly generation: number;
      readonly etag: string;
      readonly changes: readonly string[];
      readonly warnings: readonly string[];
      /** Why a configuration from the API is not in the file, so that a restart forgets it; null when it is. */
      readonly notSaved: string | null;
    }
  | {
      readonly kind: "unchanged";
      readonly etag: string;
      readonly warnings: readonly string[];
      readonly notSaved: string | null;
    }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] }
  /** Somebody else was faster; `etag` is the present one. */
  | { readonly kind: "conflict"; readonly etag: string }
  /** Valid by itself, but not a step from what runs. */
  | { readonly kind: "refused"; readonly issues: readonly Issue[] }
  | { readonly kind: "failed"; readonly message: string };

export type ReloadState = {
  readonly config: Config;
  readonly text: string;
  readonly etag: string;
  /** Starts at 1, rises by one with every configuration applied. */
  readonly generation: number;
  /** The last attempt; null before the first. */
  readonly last: {
    readonly atMs: number;
    readonly reason: string;
    readonly outcome: ReloadOutcome;
  } | null;
  /** Attempts by outcome since the start. */
  readonly counts: Readonly<Record<ReloadOutcome["kind"], number>>;
};

export type ReloadDependencies = {
  readonly file: ConfigFile;
  readonly env: Environment;
  readonly cores: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly watch: WatchFiles;
  /** Brings the configuration to wherever it works; an error means that the old one is still at work. */
  readonly apply: (plan: ReloadPlan, config: Config) => Promise<Result<unknown, string>>;
  /** What an attempt by `actor` came to; for the journal. */
  readonly record: (actor: string, reason: string, outcome: ReloadOutcome) => void;
  readonly log: (
    level: "info" | "warn" | "error",
    message: string,
    facts: Record<string, unknown>,
  ) => void;
};

export type Reloader = {
  state(): ReloadState;
  /** Reads the file again; `reason` is for the log (`SIGHUP`, `file changed`). */
  reloadFromFile(reason: string): Promise<ReloadOutcome>;
  /** Puts `text` in place of the file when `ifMatch` is its ETag (or `*`); `actor` is for log and journal. */
  replace(text: string, ifMatch: string, actor: string): Promise<ReloadOutcome>;
  /** Starts to reload by itself when the file, or a PEM file it names, changes. */
  start(): void;
  /** Ends that, and waits for an attempt under way; new ones fail. */
  stop(): Promise<void>;
};

export const reloadLimits = {
  /** Attempts waiting for the one under way. */
  pendingMax: 64,
  applyMsMax: 30_000,
  /** A file must be quiet this long before it is read, but is read after `waitMsMax` at the latest. */
  quietMs: 100,
  waitMsMax: 2000,
} as const;

/** Reads and checks the file; a file that cannot be read is an issue like any other. */
export function loadConfig(
  file: ConfigFile,
  context: { readonly env: Environment; readonly cores: number },
): Result<LoadedConfig, readonly Issue[]> {
  const text = file.read();
  if (text.ok) return readConfig(text.value, file, context).loaded;
  return err([
    { path: "", line: null, column: null, code: "file_unreadable", message: text.error },
  ]);
}

/** Checks a text; the named files are known even when it is wrong, so that they can be watched. */
function readConfig(
  text: string,
  file: ConfigFile,
  { env, cores }: { readonly env: Environment; readonly cores: number },
): { loaded: Result<LoadedConfig, readonly Issue[]>; namedFiles: readonly string[] } {
  const named = new Set<string>();
  const files = (name: string) => {
    named.add(file.pathOf(name));
    return file.readNamed(name);
  };
  const parsed = parseConfig(text, { env, cores, files });
  const namedFiles = [...named];
  if (!parsed.ok) return { loaded: parsed, namedFiles };
  return { loaded: ok({ config: parsed.value, text, etag: etagOf(text), namedFiles }), namedFiles };
}

function etagOf(text: string): string {
  return `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"`;
}

/** Keeps the running configuration and replaces it, one attempt at a time, by ones that are right. */
export function createReloader(initial: LoadedConfig, dependencies: ReloadDependencies): Reloader {
  return new FileReloader(initial, dependencies);
}

class FileReloader implements Reloader {
  readonly #dependencies: ReloadDependencies;
  readonly #debounce: { call(): void; cancel(): void };
  #current: LoadedConfig;
  #generation = 1;
  #last: ReloadState["last"] = null;
  #counts = { applied: 0, unchanged: 0, invalid: 0, conflict: 0, refused: 0, failed: 0 };
  /** The text last seen in the file: what is there now and is not this was written by somebody else. */
  #fileText: string;
  #namedFiles: readonly string[];
  #queue: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #watching = false;
  #stopped = false;
  #endWatch: (() => void) | null = null;

  constructor(initial: LoadedConfig, dependencies: ReloadDependencies) {
    this.#dependencies = dependencies;
    this.#current = initial;
    this.#fileText = initial.text;
    this.#namedFiles = initial.namedFiles;
    this.#debounce = createDebounce(reloadLimits, dependencies, () => {
      void this.reloadFromFile("file changed");
    });
  }

  state(): ReloadState {
    const { config, text, etag } = this.#current;
    const counts = { ...this.#counts };
    return { config, text, etag, generation: this.#generation, last: this.#last, counts };
  }

  reloadFromFile(reason: string): Promise<ReloadOutcome> {
    return this.#enqueue(reason, "file", async () => {
      // Watch first, read second: a change in between is then seen.
      this.#watchAgain();
      const text = this.#dependencies.file.read();
      if (!text.ok) return { kind: "failed", message: text.error };
      this.#fileText = text.value;
      const attempt = readConfig(text.value, this.#dependencies.file, this.#dependencies);
      // A wrong text may name the file whose repair makes it right.
      this.#namedFiles = [...new Set([...this.#current.namedFiles, ...attempt.namedFiles])];
      this.#watchAgain();
      return this.#adopt(attempt.loaded, () => null);
    });
  }

  replace(text: string, ifMatch: string, actor: string): Promise<ReloadOutcome> {
    return this.#enqueue(`API: ${actor}`, actor, async () => {
      const { etag } = this.#current;
      if (ifMatch !== "*" && ifMatch !== etag) return { kind: "conflict", etag };
      const attempt = readConfig(text, this.#dependencies.file, this.#dependencies);
      return this.#adopt(attempt.loaded, () => this.#save(text));
    });
  }

  start(): void {
    this.#watching = true;
    this.#watchAgain();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watching = false;
    this.#debounce.cancel();
    this.#endWatch?.();
    this.#endWatch = null;
    await this.#queue;
  }

  /** One attempt after the other, each recorded. */
  #enqueue(
    reason: string,
    actor: string,
    attempt: () => Promise<ReloadOutcome>,
  ): Promise<ReloadOutcome> {
    if (this.#stopped) return Promise.resolve({ kind: "failed", message: "Sluice is stopping" });
    if (this.#pending >= reloadLimits.pendingMax) {
      const message = `${reloadLimits.pendingMax} reloads are waiting already`;
      return Promise.resolve(this.#record(reason, { kind: "failed", message }));
    }
    this.#pending += 1;
    const done = this.#queue.then(async () => {
      const outcome = await attempt().catch((error: unknown): ReloadOutcome => {
        return { kind: "failed", message: String(error) };
      });
      this.#pending -= 1;
      this.#dependencies.record(actor, reason, outcome);
      return this.#record(reason, outcome);
    });
    this.#queue = done;
    return done;
  }

  async #adopt(
    loaded: Result<LoadedConfig, readonly Issue[]>,
    save: () => string | null,
  ): Promise<ReloadOutcome> {
    if (!loaded.ok) return { kind: "invalid", issues: loaded.error };
    const plan = planReload(this.#current.config, loaded.value.config);
    if (plan.refusals.length > 0) return { kind: "refused", issues: plan.refusals };
    const { changes, warnings } = plan;
    const { etag } = loaded.value;
    if (changes.length > 0) {
      const applied = await this.#apply(plan);
      if (!applied.ok) return { kind: "failed", message: applied.error };
      this.#generation += 1;
    }
    this.#current = { ...loaded.value, config: plan.config };
    this.#namedFiles = loaded.value.namedFiles;
    this.#watchAgain();
    const notSaved = save();
    if (changes.length === 0) return { kind: "unchanged", etag, warnings, notSaved };
    return { kind: "applied", generation: this.#generation, etag, changes, warnings, notSaved };
  }

  /** Applies within the time limit; a bug in there leaves the old configuration in charge. */
  #apply(plan: ReloadPlan): Promise<Result<unknown, string>> {
    const { timers, apply } = this.#dependencies;
    return new Promise((resolve) => {
      const cancel = timers.after(reloadLimits.applyMsMax, () => {
        resolve(err(`not applied within ${reloadLimits.applyMsMax / 1000} s`));
      });
      const settle = (result: Result<unknown, string>) => {
        cancel();
        resolve(result);
      };
      apply(plan, plan.config).then(settle, (error: unknown) => {
        settle(err(`not applied: ${String(error)}`));
      });
    });
  }

  /** Writes the text to the file; the answer is why not, or null. */
  #save(text: string): string | null {
    const { file } = this.#dependencies;
    const present = file.read();
    if (present.ok && present.value === text) return null;
    if (present.ok && present.value !== this.#fileText) {
      return `${file.path} was edited meanwhile and is left as it is`;
    }
    const written = file.write(text);
    if (!written.ok) return written.error;
    this.#fileText = text;
    return null;
  }

  #watchAgain(): void {
    if (!this.#watching) return;
    const { watch, file } = this.#dependencies;
    this.#endWatch?.();
    this.#endWatch = watch([file.path, ...this.#namedFiles], () => this.#debounce.call());
  }

  #record(reason: string, outcome: ReloadOutcome): ReloadOutcome {
    const { clock, log } = this.#dependencies;
    this.#counts[outcome.kind] += 1;
    this.#last = { atMs: clock.wallMs(), reason, outcome };
    const good = outcome.kind === "applied" || outcome.kind === "unchanged";
    const warned = good && (outcome.warnings.length > 0 || outcome.notSaved !== null);
    const level = good
      ? warned
        ? "warn"
        : "info"
      : outcome.kind === "conflict"
        ? "warn"
        : "error";
    log(level, `configuration ${outcome.kind}`, { reason, ...outcome });
    return outcome;
  }
}
