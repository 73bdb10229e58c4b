import type { Command } from "commander";
import type { CliIo } from "./io.ts";
import type { RehearseEnvironment } from "./rehearse.ts";
import type { RehearseOptions } from "./rehearse-options.ts";

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Adds `sluice rehearse` to the program. */
export function registerRehearseCommand(
  program: Command,
  io: CliIo,
  environment: () => Promise<RehearseEnvironment>,
  onExit: (code: number) => void,
): void {
  program
    .command("rehearse")
    .description(
      "a rollout's whole way in one command: checks, load on each variant, canary, decision, report",
    )
    .argument("<config>", "configuration file with a rollout")
    .option("-e, --experiment <key>", "which, when several have rollouts")
    .optionsGroup("Traffic:")
    .option("--load <scenario>", "what is asked, as for sluice load; its target does not matter")
    .option("--request <request>", 'instead: "POST /query"; otherwise what the routes suggest')
    .option("--body <text>", "with {{user}}, {{line}} and the like; with --request")
    .option("--body-file <file>", "a line for each request; with --request")
    .option("-r, --rate <number>", "requests a second")
    .option("--seed <number>", "of the chance in users and bodies")
    .optionsGroup("How long:")
    .option("--load-for <time>", "of the load on each variant", "20s")
    .option("--hold <time>", "instead of each step's hold and the observation")
    .option("--within <time>", "that the canary must be decided in", "30m")
    .optionsGroup("With a running Sluice:")
    .option("--live", "wait for the traffic of a running Sluice instead of generating it")
    .option("--admin <url>", "its admin port", "http://127.0.0.1:9090")
    .option("--token <token>", "admin token; default: the variable SLUICE_ADMIN_TOKEN")
    .option("--ca <file>", "PEM file of who vouches for it; default: SLUICE_ADMIN_CA")
    .option("--cert <file>", "PEM file of your client certificate; default: SLUICE_ADMIN_CERT")
    .option("--key <file>", "PEM file of its key; default: SLUICE_ADMIN_KEY")
    .optionsGroup("What comes out:")
    .option(
      "--state <file>",
      "what has passed of an unfinished one, to go on from (CONFIG.rehearsal.json)",
    )
    .option("--fresh", "forget what has passed")
    .option("--report <file>", "the experiment's report, in the format of the file's name")
    .option("--json", "print the result as JSON")
    .optionsGroup("Safety:")
    .option(
      "--allow-host <host>",
      "load this host, which is not this machine; again for more",
      collect,
    )
    .option("--allow-invalid", "go on though the generator itself was the bottleneck")
    .action(async (config: string, options: RehearseOptions) => {
      const { runRehearse } = await import("./rehearse.ts");
      onExit(await runRehearse(config, options, io, await environment()));
    });
}
