import { Command, CommanderError } from "commander";
import { registerAdminCommands } from "./admin-commands.ts";
import { runAssign } from "./assign.ts";
import { runCheck } from "./check.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";
import type { OpenStore } from "./journal.ts";
import type { LoadEnvironment } from "./load.ts";
import { registerLoadCommand } from "./load-command.ts";
import type { RehearseEnvironment } from "./rehearse.ts";
import { registerRehearseCommand } from "./rehearse-command.ts";
import { runRoutes } from "./routes.ts";
import { registerReport } from "./report-command.ts";
import { runSchema } from "./schema.ts";
import { registerStoreCommand, type MigrateStore } from "./store-command.ts";
import { registerWatch } from "./watch-command.ts";
import type { Watch } from "./watch-command.ts";

export type ServeOptions = { readonly configPath: string };

export type ProgramDependencies = {
  readonly io: CliIo;
  readonly version: string;
  readonly wallMs: () => number;
  /** Runs the proxy until it is told to stop; the answer is the exit code. */
  readonly serve: (options: ServeOptions) => Promise<number>;
  readonly openStore: OpenStore;
  readonly migrateStore: MigrateStore;
  /** What a load test needs of this machine. */
  readonly load: () => Promise<LoadEnvironment>;
  /** Shows a running Sluice in the terminal until it is told to stop; the answer is the exit code. */
  readonly watch: Watch;
  /** The same for a rehearsal, which runs a Sluice of its own. */
  readonly rehearse: () => Promise<RehearseEnvironment>;
};

type AnalyzeOptions = {
  control: string;
  metric: string[];
  treatment?: string;
  guardrail?: string[];
  variantColumn: string;
  userColumn?: string;
  split?: string;
  minEffect: string;
  confidence: string;
  power: string;
  seed: string;
  json?: boolean;
};

type PowerOptions = {
  baseline: string;
  mde: string;
  sd?: string;
  power: string;
  alpha: string;
  alternative: string;
  split: string;
  usersIcc?: string;
  requestsPerUser?: string;
  usersVariation?: string;
  traffic?: string;
  json?: boolean;
};

type JournalOptions = { limit: string; experiment?: string; json?: boolean };

/** Options may be given once with several values, or several times. */
function collect(value: string, former: string[] | undefined): string[] {
  return [...(former ?? []), value];
}

/** Runs one command line (`arguments_` without node and script); the answer is the exit code. */
export async function runProgram(
  arguments_: readonly string[],
  {
    io,
    version,
    wallMs,
    serve,
    openStore,
    migrateStore,
    watch,
    load,
    rehearse,
  }: ProgramDependencies,
): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = new Command("sluice")
    .description("splits live HTTP traffic between variants of a service, by user")
    .version(version, "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      "\nExit codes: 0 success, 1 failure, 2 bad usage or invalid configuration, " +
        "3 a threshold was breached or a rollout rolled back",
    );

  program
    .command("serve")
    .description("run the proxy")
    .requiredOption("-c, --config <file>", "configuration file")
    .action(async (options: { config: string }) => {
      exitCode = await serve({ configPath: options.config });
    });

  program
    .command("check")
    .description("validate a configuration: every problem, or what it would do")
    .argument("<file>", "configuration file")
    .action((file: string) => {
      exitCode = runCheck({ file }, io);
    });

  program
    .command("routes")
    .description("print the routes of a configuration, presets written out, each with its reason")
    .argument("<file>", "configuration file")
    .option("--json", "for machines")
    .action((file: string, options: { json?: boolean }) => {
      exitCode = runRoutes({ file, json: options.json === true }, io);
    });

  program
    .command("assign")
    .description("say which variant a user gets, and why")
    .argument("<file>", "configuration file")
    .requiredOption("-u, --user <id>", "the user's key")
    .option("-e, --experiment <key>", "one experiment instead of all")
    .action((file: string, options: { user: string; experiment?: string }) => {
      const experiment = options.experiment ?? null;
      exitCode = runAssign({ file, user: options.user, experiment }, io);
    });

  program
    .command("sign-variant")
    .description("print what lets a tester have a variant, for the header or cookie of forced")
    .argument("<file>", "configuration file, with listen.signing_secrets")
    .argument("<experiment>", "its key")
    .argument("<variant>", "its key")
    .option("--for <duration>", "how long it counts, up to 720h", "1h")
    .action(async (file: string, experiment: string, variant: string, { for: lasting }) => {
      const { runSignVariant } = await import("./sign-variant.ts");
      exitCode = runSignVariant({ file, experiment, variant, lasting }, wallMs(), io);
    });

  program
    .command("schema")
    .description("print the JSON Schema of the configuration")
    .action(() => {
      exitCode = runSchema(io);
    });

  program
    .command("analyze")
    .description("compare the arms of finished data: tests, effect sizes, intervals, decision")
    .argument("<files...>", "CSV files: one with all arms, or one for each arm")
    .requiredOption("--control <name>", "the control's name (of a variant, or of a file)")
    .requiredOption(
      "--metric <name:lower|higher>",
      "a column and which way is better; again for more, the first decides",
      collect,
    )
    .option("--treatment <name>", "which variant to compare, when there are several")
    .option(
      "--guardrail <metric:bound>",
      "how much worse a metric may become: latency_ms:5%; again for more",
      collect,
    )
    .option("--variant-column <name>", "column that names the variant", "variant")
    .option("--user-column <name>", "column that names the user: the analysis is then over users")
    .option("--split <shares>", "planned shares, control first: 95:5")
    .option(
      "--min-effect <size>",
      "smallest change that counts: 5% of the control, or in the metric's unit",
      "0%",
    )
    .option("--confidence <share>", "confidence of the intervals", "0.95")
    .option("--power <share>", "chance with which --min-effect should have been found", "0.8")
    .option("--seed <number>", "of the bootstrap's chance", "1")
    .option("--json", "print JSON")
    .action(async (files: string[], options: AnalyzeOptions) => {
      const { runAnalyze } = await import("./analyze.ts");
      exitCode = runAnalyze(
        {
          files,
          control: options.control,
          treatment: options.treatment ?? null,
          metrics: options.metric,
          guardrails: options.guardrail ?? [],
          variantColumn: options.variantColumn,
          userColumn: options.userColumn ?? null,
          split: options.split ?? null,
          minEffect: options.minEffect,
          confidence: options.confidence,
          power: options.power,
          seed: options.seed,
          json: options.json === true,
        },
        io,
      );
    });

  program
    .command("power")
    .description("how many requests or users an experiment needs, and how long that takes")
    .requiredOption("--baseline <value>", "the control's rate (0.02 or 2%), or its mean with --sd")
    .requiredOption(
      "--mde <size>",
      "smallest change worth finding: 0.01 in the baseline's unit, or 5% of it",
    )
    .option("--sd <value>", "standard deviation of one request: the metric is then a mean")
    .option("--power <share>", "chance to find it", "0.8")
    .option("--alpha <share>", "chance of a false alarm", "0.05")
    .option("--alternative <side>", "two_sided, greater or less", "two_sided")
    .option("--split <shares>", "control to treatment", "50:50")
    .option("--users-icc <share>", "how alike a user's requests are: their intra-class correlation")
    .option("--requests-per-user <count>", "over the whole experiment; with --users-icc")
    .option(
      "--users-variation <value>",
      "standard deviation over mean of requests per user; with --users-icc",
    )
    .option("--traffic <count>", "requests a day of both arms together")
    .option("--json", "print JSON")
    .action(async (options: PowerOptions) => {
      const { runPower } = await import("./power.ts");
      exitCode = runPower(
        {
          baseline: options.baseline,
          mde: options.mde,
          power: options.power,
          alpha: options.alpha,
          split: options.split,
          alternative: options.alternative,
          standardDeviation: options.sd ?? null,
          usersIcc: options.usersIcc ?? null,
          requestsPerUser: options.requestsPerUser ?? null,
          usersVariation: options.usersVariation ?? null,
          traffic: options.traffic ?? null,
          json: options.json === true,
        },
        io,
      );
    });

  program
    .command("journal")
    .description("what happened to rollouts, by whom and why, from the store")
    .argument("<file>", "configuration file")
    .option("-e, --experiment <key>", "one experiment instead of all")
    .option("--limit <count>", "entries, the newest", "100")
    .option("--json", "print JSON lines")
    .action(async (file: string, options: JournalOptions) => {
      const { runJournal } = await import("./journal.ts");
      const { limit, experiment, json } = options;
      const asked = { file, subject: experiment ?? null, limit, json: json === true };
      exitCode = await runJournal(asked, io, openStore);
    });

  const exit = (code: number) => {
    exitCode = code;
  };
  registerStoreCommand(program, io, migrateStore, exit);
  registerReport(program, io, exit);
  registerAdminCommands(program, io, exit);
  registerWatch(program, io, exit, watch);

  registerLoadCommand(program, io, load, exit);
  registerRehearseCommand(program, io, rehearse, exit);

  try {
    await program.parseAsync(arguments_, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end the same way as mistakes do, only with 0.
    return error.exitCode === 0 ? exitCodes.success : exitCodes.invalid;
  }
  return exitCode;
}
