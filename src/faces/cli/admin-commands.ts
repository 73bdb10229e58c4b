import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import type { AdminCall } from "./admin-call.ts";
import { fetchOf, withTls, type TlsOptions } from "./admin-tls.ts";
import { exitCodes, type CliIo } from "./io.ts";

/** The commands that talk to the admin port of a running Sluice. */

type AdminOptions = {
  readonly admin: string;
  readonly url?: string;
  readonly token?: string;
  readonly actor?: string;
  readonly reason?: string;
  readonly json?: boolean;
} & TlsOptions;

type RolloutOptions = AdminOptions & { readonly force?: boolean };

type Exit = (code: number) => void;

const watchEveryMs = 1000;

const rolloutActions = [
  "status",
  "watch",
  "start",
  "pause",
  "resume",
  "promote",
  "promote_all",
  "skip",
  "rollback",
  "abort",
  "retry",
] as const;

const experimentActions = [
  "list",
  "show",
  "create",
  "start",
  "pause",
  "resume",
  "stop",
  "archive",
] as const;

export function registerAdminCommands(program: Command, io: CliIo, exit: Exit): void {
  registerRollout(program, io, exit);
  registerExperiment(program, io, exit);
  registerAlerts(program, io, exit);
}

function registerRollout(program: Command, io: CliIo, exit: Exit): void {
  withAdmin(
    program
      .command("rollout")
      .description("see and steer rollouts of a running Sluice")
      .argument("<action>", wordsOf(rolloutActions))
      .argument("[experiment]", "its experiment; status without one lists all")
      .option("--force", "of start and retry: whatever speaks against it"),
  ).action(async (action: string, experiment: string | undefined, options: RolloutOptions) => {
    const name = findAction("rollout", action, rolloutActions, io);
    const call = callOf("rollout", options, io);
    if (name === null || call === null) return exit(exitCodes.invalid);
    if (name !== "status" && experiment === undefined) {
      io.stderr(`sluice rollout: ${action} needs the experiment's key\n`);
      return exit(exitCodes.invalid);
    }
    const { runRollout, watchRollout } = await import("./rollout.ts");
    if (name === "watch") {
      exit(await watchRollout(experiment ?? "", call, io, () => setTimeout(watchEveryMs)));
      return;
    }
    exit(
      await runRollout(
        {
          action: name,
          experiment: experiment ?? null,
          reason: options.reason ?? null,
          actor: options.actor ?? null,
          force: options.force === true,
          json: options.json === true,
        },
        call,
        io,
      ),
    );
  });
}

type ExperimentOptions = AdminOptions & {
  readonly from?: string;
  readonly route?: readonly string[];
  readonly keepUsers?: boolean;
};

function registerExperiment(program: Command, io: CliIo, exit: Exit): void {
  withAdmin(
    program
      .command("experiment")
      .description("create, see and steer A/B experiments of a running Sluice")
      .argument("<action>", wordsOf(experimentActions))
      .argument("[experiment]", "its key"),
  )
    .option("--from <file>", "of create: the experiment as YAML or JSON, - reads standard input")
    .option("--route <match...>", 'of create: what goes to it, such as "POST /embeddings"')
    .option("--keep-users", "of start after an end: every user keeps the variant")
    .action(async (action: string, experiment: string | undefined, options: ExperimentOptions) => {
      const name = findAction("experiment", action, experimentActions, io);
      const call = callOf("experiment", options, io);
      if (name === null || call === null) return exit(exitCodes.invalid);
      if (name !== "list" && experiment === undefined) {
        io.stderr(`sluice experiment: ${action} needs the experiment's key\n`);
        return exit(exitCodes.invalid);
      }
      const { runExperiment } = await import("./experiment.ts");
      exit(
        await runExperiment(
          {
            action: name,
            experiment: experiment ?? "",
            from: options.from ?? null,
            routes: options.route ?? [],
            keepUsers: options.keepUsers === true,
            reason: options.reason ?? null,
            actor: options.actor ?? null,
            json: options.json === true,
          },
          call,
          io,
        ),
      );
    });
}

type AlertsOptions = AdminOptions & {
  readonly kind?: string;
  readonly experiment?: string;
  readonly subject?: string;
  readonly for?: string;
};

const alertActions = ["list", "ack", "silence", "unsilence"] as const;

function registerAlerts(program: Command, io: CliIo, exit: Exit): void {
  withAdmin(
    program
      .command("alerts")
      .description("see, acknowledge and silence alerts of a running Sluice")
      .argument("<action>", wordsOf(alertActions))
      .argument("[id]", "of ack: the alert; of unsilence: the silence"),
  )
    .option("--kind <kind>", "of silence: this kind only, such as error_rate")
    .option("--experiment <key>", "of silence: this experiment only")
    .option("--subject <name>", "of silence: this variant, upstream or guardrail only")
    .option("--for <duration>", "of silence: how long, such as 1h", "1h")
    .action(async (action: string, id: string | undefined, options: AlertsOptions) => {
      const name = findAction("alerts", action, alertActions, io);
      const call = callOf("alerts", options, io);
      if (name === null || call === null) return exit(exitCodes.invalid);
      if ((name === "ack" || name === "unsilence") && id === undefined) {
        const what = name === "ack" ? "the alert's name" : "the silence's id";
        io.stderr(`sluice alerts: ${action} needs ${what}, as sluice alerts list shows it\n`);
        return exit(exitCodes.invalid);
      }
      const { runAlerts } = await import("./alerts.ts");
      const { kind = null, experiment = null, subject = null } = options;
      exit(
        await runAlerts(
          {
            action: name,
            id: id ?? "",
            kind,
            experiment,
            subject,
            lasting: options.for ?? "1h",
            reason: options.reason ?? null,
            actor: options.actor ?? null,
            json: options.json === true,
          },
          call,
          io,
        ),
      );
    });
}

function withAdmin(command: Command): Command {
  return withTls(command)
    .option("--admin <url>", "admin port", "http://127.0.0.1:9090")
    .option("--url <url>", "the same as --admin")
    .option("--token <token>", "admin token; default: the variable SLUICE_ADMIN_TOKEN")
    .option("--reason <text>", "for the journal")
    .option("--actor <name>", "who acts; default: your address")
    .option("--json", "print JSON");
}

function wordsOf(actions: readonly string[]): string {
  const words = actions.map((action) => action.replaceAll("_", "-"));
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function findAction<Name extends string>(
  command: string,
  written: string,
  actions: readonly Name[],
  io: CliIo,
): Name | null {
  const found = actions.find((action) => action === written.replaceAll("-", "_"));
  if (found !== undefined) return found;
  const known = actions.join(", ").replaceAll("_", "-");
  io.stderr(`sluice ${command}: no action ${written}; one of ${known}\n`);
  return null;
}

function callOf(command: string, options: AdminOptions, io: CliIo): AdminCall | null {
  const admin = options.url ?? options.admin;
  if (!URL.canParse(admin)) {
    io.stderr(`sluice ${command}: --admin is no URL: ${admin}\n`);
    return null;
  }
  const sender = fetchOf(options, io);
  if (!sender.ok) {
    io.stderr(`sluice ${command}: ${sender.error}\n`);
    return null;
  }
  const token = options.token ?? io.env["SLUICE_ADMIN_TOKEN"] ?? null;
  return { admin, token, fetch: sender.value };
}
