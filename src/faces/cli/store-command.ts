import type { Command } from "commander";
import { err, ok, type Result } from "../../base/result.ts";
import type { CopyCounts } from "../../control/store/copy/copy.ts";
import type { MigrationPlan } from "../../control/store/copy/migrate.ts";
import type { StoreFault } from "../../control/store/store.ts";
import { isDatabaseUrl, placeOf } from "../../core/config/database-place.ts";
import { exitCodes, type CliIo } from "./io.ts";

/** Copies all of a store into an empty one, or nothing. */
export type MigrateStore = (plan: MigrationPlan) => Promise<Result<CopyCounts, StoreFault>>;

type MigrateOptions = { readonly from: string; readonly to: string };

/** Adds `sluice store` to the program. */
export function registerStoreCommand(
  program: Command,
  io: CliIo,
  migrate: MigrateStore,
  onExit: (code: number) => void,
): void {
  program
    .command("store")
    .description("what Sluice keeps: journal, states, history, verdicts")
    .command("migrate")
    .description(
      "copy a store into an empty one of the other kind; stop Sluice first, what it writes meanwhile is not copied",
    )
    .requiredOption("--from <store>", "sqlite:PATH or postgres://…, or a variable as ${NAME}")
    .requiredOption("--to <store>", "the other kind, which is made when missing")
    .action(async (options: MigrateOptions) => onExit(await runMigrate(options, io, migrate)));
}

async function runMigrate(
  { from, to }: MigrateOptions,
  io: CliIo,
  migrate: MigrateStore,
): Promise<number> {
  const plan = planOf(expand(from, io), expand(to, io));
  if (!plan.ok) {
    io.stderr(`sluice store migrate: ${plan.error}\n`);
    return exitCodes.invalid;
  }
  const copied = await migrate(plan.value);
  if (!copied.ok) {
    io.stderr(`sluice store migrate: ${copied.error.message}\n`);
    return exitCodes.failure;
  }
  const { journal, state, history, verdict } = copied.value;
  const names = [plan.value.path, placeOf(plan.value.url).name];
  const [source, target] = plan.value.to === "postgres" ? names : names.toReversed();
  const lines = [
    `${source} is copied to ${target}, and counted there:`,
    `  journal   ${journal} entries`,
    `  states    ${state}`,
    `  history   ${history} rows`,
    `  verdicts  ${verdict}`,
  ];
  io.stdout(`${lines.join("\n")}\n`);
  return exitCodes.success;
}

/** A URL holds a password, which others see in a list of processes; a variable they do not. */
function expand(written: string, { env }: CliIo): string {
  const name = /^\$\{(\w+)\}$/.exec(written)?.[1];
  return name === undefined ? written : (env[name] ?? "");
}

function planOf(from: string, to: string): Result<MigrationPlan, string> {
  const [path, url] = from.startsWith(filePrefix) ? [from, to] : [to, from];
  if (path.startsWith(filePrefix) && path.length > filePrefix.length && isDatabaseUrl(url)) {
    const isFromFile = path === from;
    return ok({
      path: path.slice(filePrefix.length),
      url,
      to: isFromFile ? "postgres" : "sqlite",
    });
  }
  return err(
    "--from and --to are a file and a database: sqlite:data/sluice.db and postgres://user:password@host/database",
  );
}

const filePrefix = "sqlite:";
