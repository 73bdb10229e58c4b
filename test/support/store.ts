import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Result } from "../../src/base/result.ts";
import { openSqliteStore, type SqliteOptions } from "../../src/control/store/sqlite-store.ts";
import type { NewState, Store, StoreFault } from "../../src/control/store/store.ts";
import type { NewEntry } from "../../src/core/experiment/journal.ts";

/** The path of a store that is not there yet, in a folder that goes with the test. */
export function storePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "data", "sluice.db");
}

/** An open store that is closed with the test. */
export function openStore(path: string, options: SqliteOptions = {}): Store {
  const store = valueOf(openSqliteStore(path, options));
  onTestFinished(() => store.close());
  return store;
}

export function valueOf<Value>(result: Result<Value, StoreFault>): Value {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

export function faultCode(result: Result<unknown, StoreFault>): string {
  return result.ok ? "ok" : result.error.code;
}

export function entryOf(written: Partial<NewEntry> = {}): NewEntry {
  return {
    atMs: 1_700_000_000_000,
    actor: "ada",
    scope: "rollout",
    subject: "models",
    kind: "promoted",
    facts: { from: 0.05, to: 0.25, reason: "held for 5m" },
    ...written,
  };
}

export function stateOf(written: Partial<NewState> = {}): NewState {
  return { scope: "rollout", subject: "models", state: { kind: "holding" }, ...written };
}
