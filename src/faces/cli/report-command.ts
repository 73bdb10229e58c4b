import { Option, type Command } from "commander";
import { fetchOf, withTls, type TlsOptions } from "./admin-tls.ts";
import { exitCodes, type CliIo } from "./io.ts";

type ReportOptions = {
  readonly format: string;
  readonly output?: string;
  readonly from?: string;
  readonly since?: string;
  readonly until?: string;
  readonly part?: string;
  readonly admin: string;
  readonly url?: string;
  readonly token?: string;
  readonly schema?: boolean;
  /** False by --no-insights. */
  readonly insights: boolean;
} & TlsOptions;

/** `sluice report`: what came of an experiment, as a file. */
export function registerReport(program: Command, io: CliIo, exit: (code: number) => void): void {
  withTls(
    program
      .command("report")
      .description(
        "what came of an experiment or rollout: decision, evidence, charts, what to do next",
      )
      .argument("[experiment]", "its key"),
  )
    .option("-f, --format <format>", "json, csv, md, html or pdf", "md")
    .option("-o, --output <file>", "where to; for csv a folder or a .zip; - is standard output")
    .option("--from <report.json>", "render a JSON report instead of asking a running Sluice")
    .option("--since <time>", "from this time on, such as 2026-11-28T14:00:00Z")
    .option("--until <time>", "up to this time")
    .option("--part <name>", "of csv: only summary, time_series or histogram")
    .option("--no-insights", "without what a language model says, where one is configured")
    .option("--admin <url>", "admin port", "http://127.0.0.1:9090")
    .addOption(new Option("--url <url>", "the same as --admin").hideHelp())
    .option("--token <token>", "admin token; default: the variable SLUICE_ADMIN_TOKEN")
    .option("--schema", "print the JSON Schema of the JSON report")
    .action(async (experiment: string | undefined, options: ReportOptions) => {
      const { runReport, runReportSchema } = await import("./report.ts");
      if (options.schema === true) return exit(runReportSchema(io));
      const admin = options.url ?? options.admin;
      if (!URL.canParse(admin)) {
        io.stderr(`sluice report: --admin is no URL: ${admin}\n`);
        return exit(exitCodes.invalid);
      }
      const sender = fetchOf(options, io);
      if (!sender.ok) {
        io.stderr(`sluice report: ${sender.error}\n`);
        return exit(exitCodes.invalid);
      }
      const token = options.token ?? io.env["SLUICE_ADMIN_TOKEN"] ?? null;
      const arguments_ = {
        experiment: experiment ?? null,
        format: options.format,
        output: options.output ?? null,
        from: options.from ?? null,
        since: options.since ?? null,
        until: options.until ?? null,
        part: options.part ?? null,
        insights: options.insights,
      };
      exit(await runReport(arguments_, { admin, token, fetch: sender.value }, io));
    });
}
