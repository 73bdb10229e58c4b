import type { Command } from "commander";
import { parseDurationMs } from "../../base/units.ts";
import type { WatchOptions } from "../terminal/watch.ts";
import { readTls, withTls, type TlsOptions } from "./admin-tls.ts";
import { exitCodes, type CliIo } from "./io.ts";

/** `sluice watch`, without what it takes to draw: that is loaded when it is asked for. */

export type Watch = (options: WatchOptions) => Promise<number>;

type Options = {
  readonly url: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly actor?: string;
  readonly experiment?: string;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
  readonly ascii?: boolean;
  readonly lines?: boolean;
  readonly giveUp: string;
} & TlsOptions;

/** What the journal takes as a name. */
const actorLengthMax = 100;

export function registerWatch(
  program: Command,
  io: CliIo,
  exit: (code: number) => void,
  watch: Watch,
): void {
  withTls(
    program
      .command("watch")
      .description(
        "see and steer a running Sluice in the terminal; without one, a line per change",
      ),
  )
    .option("--url <url>", "admin port", "http://127.0.0.1:9090")
    .option("--token <token>", "admin token; default: the variable SLUICE_ADMIN_TOKEN")
    .option("--token-file <file>", "a file with the admin token")
    .option("--actor <name>", "who acts, for the journal; default: the variable USER")
    .option("-e, --experiment <key>", "the one to begin with; without a terminal, the only one")
    .option("--once", "print one frame and end; exit 3 when --experiment was rolled back")
    .option("--json", "with --once: print the live document")
    .option("--no-color", "no colours; so does the variable NO_COLOR")
    .option("--ascii", "draw with ASCII only; default: when the locale is not UTF-8")
    .option("--no-ascii", "draw with all signs, whatever the locale is")
    .option("--lines", "a line for each change instead of a screen, for screen readers")
    .option("--give-up <duration>", "end after so long without a connection", "15m")
    .action(async (options: Options) => {
      const read = readOptions(options, io);
      if (typeof read !== "string") return exit(await watch(read));
      io.stderr(`sluice watch: ${read}\n`);
      exit(exitCodes.invalid);
    });
}

/** What was asked for, or what is wrong with it. */
function readOptions(options: Options, io: CliIo): WatchOptions | string {
  const { url, once = false, json = false, lines = false } = options;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return `--url is no address such as http://127.0.0.1:9090: ${url}`;
  }
  if (json && !once) return "--json goes with --once";
  const giveUpMs = parseDurationMs(options.giveUp);
  if (giveUpMs === null || giveUpMs === 0) {
    return `--give-up is no duration such as 15m: ${options.giveUp}`;
  }
  let token = options.token ?? io.env["SLUICE_ADMIN_TOKEN"] ?? null;
  if (options.tokenFile !== undefined) {
    if (options.token !== undefined) return "--token and --token-file: one of them is enough";
    const file = io.readFile(options.tokenFile);
    if (!file.ok) return file.error;
    token = file.value.trim();
    if (token === "") return `${options.tokenFile} is empty`;
  }
  const tls = readTls(options, io);
  if (!tls.ok) return tls.error;
  const actor = options.actor ?? io.env["USER"] ?? "";
  return {
    url,
    token,
    tls: tls.value,
    actor: actor === "" ? null : actor.slice(0, actorLengthMax),
    experiment: options.experiment ?? null,
    once,
    json,
    colour: options.color,
    ascii: options.ascii ?? null,
    lines: lines || io.env["INK_SCREEN_READER"] === "true",
    giveUpMs,
  };
}
