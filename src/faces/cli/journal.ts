import type { Result } from "../../base/result.ts";
import type { Store, StoreFault } from "../../control/store/store.ts";
import type { StorePolicy } from "../../core/config/model.ts";
import type { JournalEntry } from "../../core/experiment/journal.ts";
import { exitCodes, formatIssues, readConfigFile } from "./io.ts";
import type { CliIo } from "./io.ts";

export type JournalArguments = {
  readonly file: string;
  /** An experiment's key; null is every subject. */
  readonly subject: string | null;
  readonly limit: string;
  readonly json: boolean;
};

/** Opens a store to look on: nothing of it is created, migrated or written. */
export type OpenStore = (
  store: StorePolicy,
) => Promise<Result<Pick<Store, "read" | "close">, StoreFault>>;

/** `sluice journal FILE`: what happened, newest last, read from the store of a configuration while Sluice runs or not. */
export async function runJournal(
  { file, subject, limit, json }: JournalArguments,
  io: CliIo,
  openStore: OpenStore,
): Promise<number> {
  const config = readConfigFile(file, io);
  if (!config.ok) {
    io.stderr(formatIssues(file, config.error));
    return exitCodes.invalid;
  }
  if (config.value.store === null) {
    io.stderr(`${file}: no store is configured, so there is no journal\n`);
    return exitCodes.invalid;
  }
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    io.stderr(`sluice journal: --limit: expected a whole number from 1 to 1000, not ${limit}\n`);
    return exitCodes.invalid;
  }
  const store = await openStore(config.value.store);
  if (!store.ok) {
    io.stderr(`sluice journal: ${store.error.message}\n`);
    return exitCodes.failure;
  }
  const read = store.value.read({
    limit: count,
    newestFirst: true,
    ...(subject !== null && { subject }),
  });
  store.value.close();
  if (!read.ok) {
    io.stderr(`sluice journal: ${read.error.message}\n`);
    return exitCodes.failure;
  }
  const entries = read.value.toReversed();
  if (json) io.stdout(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  else io.stdout(entries.length === 0 ? "nothing yet\n" : entries.map(describeEntry).join(""));
  return exitCodes.success;
}

function describeEntry({ atMs, scope, subject, kind, actor, facts }: JournalEntry): string {
  const words = Object.entries(facts as Record<string, unknown>)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
    )
    .join(" ");
  return `${new Date(atMs).toISOString()}  ${scope} ${subject}  ${kind} by ${actor}  ${words}\n`;
}
