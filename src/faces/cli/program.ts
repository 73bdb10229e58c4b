import { Command, CommanderError } from "commander";
import { runAssign } from "./assign.ts";
import { runCheck } from "./check.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";
import { runSchema } from "./schema.ts";

export type ServeOptions = { readonly configPath: string };

export type ProgramDependencies = {
  readonly io: CliIo;
  readonly version: string;
  /** Runs the proxy until it is told to stop; the answer is the exit code. */
  readonly serve: (options: ServeOptions) => Promise<number>;
};

/** Runs one command line (`arguments_` without node and script); the answer is the exit code. */
export async function runProgram(
  arguments_: readonly string[],
  { io, version, serve }: ProgramDependencies,
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
    .command("schema")
    .description("print the JSON Schema of the configuration")
    .action(() => {
      exitCode = runSchema(io);
    });

  try {
    await program.parseAsync(arguments_, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end the same way as mistakes do, only with 0.
    return error.exitCode === 0 ? exitCodes.success : exitCodes.invalid;
  }
  return exitCode;
}
