import { dirname, extname, join, resolve } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { formatDurationMs, parseDurationMs } from "../../base/units.ts";
import type { Config } from "../../core/config/model.ts";
import { parseConfig } from "../../core/config/parse.ts";
import { rehearsalConfig } from "../../core/rehearsal/config.ts";
import { reportFormats } from "../../wire/report-api.ts";
import type { RehearsalPlan } from "../rehearsal/stages.ts";
import { chooseRollout, planTraffic, refusedHost, type Subject } from "../rehearsal/subject.ts";
import { fetchOf, type TlsOptions } from "./admin-tls.ts";
import { formatIssues, readConfigFile, type CliIo } from "./io.ts";
import { watchOver } from "./watched-rollout.ts";

/** The options of `sluice rehearse` as commander gives them. */
export type RehearseOptions = {
  readonly experiment?: string;
  readonly load?: string;
  readonly request?: string;
  readonly body?: string;
  readonly bodyFile?: string;
  readonly rate?: string;
  readonly seed?: string;
  readonly loadFor: string;
  readonly hold?: string;
  readonly within: string;
  readonly live?: boolean;
  readonly admin: string;
  readonly token?: string;
  readonly state?: string;
  readonly fresh?: boolean;
  readonly report?: string;
  readonly json?: boolean;
  readonly allowHost?: readonly string[];
  readonly allowInvalid?: boolean;
} & TlsOptions;

export type PreparedRehearsal = {
  readonly plan: RehearsalPlan;
  /** What the canary's Sluice runs, with its store in a folder. */
  readonly configText: (folder: string) => string;
};

/** Reads what is to be rehearsed; the error is whole lines for people. */
export function prepareRehearsal(
  file: string,
  options: RehearseOptions,
  io: CliIo,
  seed: number,
): Result<PreparedRehearsal, string> {
  const written = readConfigFile(file, io);
  if (!written.ok) return err(formatIssues(file, written.error));
  const times = readTimes(options);
  if (!times.ok) return complain(times.error);
  const chosen = chooseRollout(written.value, options.experiment ?? null);
  if (!chosen.ok) return complain(chosen.error);
  const isLive = options.live === true;
  const wrong = checkOptions(options, written.value, chosen.value);
  if (wrong !== null) return complain(wrong);
  const { key } = chosen.value.experiment;
  const configText = textOf(file, key, options.hold ?? null, io);
  const rehearsed = isLive ? written : readRehearsed(configText("."), io);
  if (!rehearsed.ok) return err(formatIssues(file, rehearsed.error));
  const subject = chooseRollout(rehearsed.value, key);
  if (!subject.ok) return complain(subject.error);
  const traffic = readTraffic(rehearsed.value, subject.value, options, io, seed);
  if (!traffic.ok) return traffic;
  const { plan, rate, texts } = traffic.value;
  const { loadMs, withinMs } = times.value;
  const sender = fetchOf(options, io);
  if (!sender.ok) return complain(sender.error);
  const call = {
    admin: options.admin,
    token: options.token ?? io.env["SLUICE_ADMIN_TOKEN"] ?? null,
    fetch: sender.value,
  };
  return ok({
    configText,
    plan: {
      config: rehearsed.value,
      subject: subject.value,
      plan,
      rate,
      loadMs,
      withinMs,
      warmUpMs: Math.min(warmUpMsMax, loadMs),
      allowInvalid: options.allowInvalid === true,
      inputs: JSON.stringify([written.value, key, texts, rate, loadMs]),
      canaryInputs: JSON.stringify([options.hold ?? null, isLive ? options.admin : null]),
      live: isLive ? watchOver(call, key) : null,
    },
  });
}

/** Connections are opened and caches filled before anything is counted. */
const warmUpMsMax = 2000;

function complain(message: string): Result<never, string> {
  return err(`sluice rehearse: ${message}\n`);
}

function readTimes(
  options: RehearseOptions,
): Result<{ readonly loadMs: number; readonly withinMs: number }, string> {
  const loadMs = readTime("--load-for", options.loadFor, 100);
  if (!loadMs.ok) return loadMs;
  const withinMs = readTime("--within", options.within, 1000);
  if (!withinMs.ok) return withinMs;
  const hold = options.hold === undefined ? loadMs : readTime("--hold", options.hold, 1000);
  return hold.ok ? ok({ loadMs: loadMs.value, withinMs: withinMs.value }) : hold;
}

const timeMsMax = 86_400_000;

function readTime(flag: string, text: string, leastMs: number): Result<number, string> {
  const ms = parseDurationMs(text);
  if (ms !== null && ms >= leastMs && ms <= timeMsMax) return ok(ms);
  const least = formatDurationMs(leastMs);
  return err(`${flag}: expected a time such as 20s or 5m, ${least}…24h, not ${text}`);
}

function checkOptions(options: RehearseOptions, config: Config, subject: Subject): string | null {
  const { report, live, admin, allowHost = [], load, request } = options;
  if (report !== undefined && formatOfReport(report) === null) {
    return `--report: expected a file that ends in ${reportFormats.map((format) => `.${format}`).join(", ")}, not ${report}`;
  }
  if (load !== undefined && request !== undefined) {
    return "--request does not go with --load: the scenario says what is asked";
  }
  if (live === true) return URL.canParse(admin) ? null : `--admin is no URL: ${admin}`;
  const host = refusedHost(config, subject, allowHost);
  if (host === null) return null;
  return `${host} is not this machine, and a rehearsal may take a service down. If you may load it, say so: --allow-host ${host}`;
}

/** By the file's name; a .zip is CSV. */
export function formatOfReport(path: string): string | null {
  const ending = extname(path).slice(1).toLowerCase();
  const format = ending === "zip" ? "csv" : ending;
  return (reportFormats as readonly string[]).includes(format) ? format : null;
}

function textOf(
  file: string,
  experiment: string,
  hold: string | null,
  io: CliIo,
): (folder: string) => string {
  const text = io.readFile(file);
  const pathOf = (name: string) => resolve(dirname(file), name);
  return (folder) =>
    rehearsalConfig(text.ok ? text.value : "", {
      experiment,
      storePath: join(folder, "rehearsal.db"),
      hold,
      pathOf,
    });
}

function readRehearsed(text: string, io: CliIo) {
  return parseConfig(text, { env: io.env, cores: io.cores, files: (name) => io.readFile(name) });
}

type Traffic = {
  readonly plan: RehearsalPlan["plan"];
  readonly rate: number;
  /** Everything that it is made of. */
  readonly texts: readonly string[];
};

function readTraffic(
  config: Config,
  subject: Subject,
  options: RehearseOptions,
  io: CliIo,
  seed: number,
): Result<Traffic, string> {
  const { load, request, body, bodyFile, rate } = options;
  const scenario = load === undefined ? ok(null) : io.readFile(load);
  if (!scenario.ok) return complain(scenario.error);
  const overrides = {
    ...(rate !== undefined && { rate }),
    ...(options.seed !== undefined && { seed: options.seed }),
  };
  // With live traffic nothing of it is sent.
  const isUnasked = request === undefined && options.live !== true;
  const endpoint = isUnasked
    ? null
    : {
        ...(request !== undefined && { request }),
        ...(body !== undefined && { body }),
        ...(bodyFile !== undefined && { body_file: bodyFile }),
      };
  const texts = [scenario.value ?? "", JSON.stringify([overrides, endpoint])];
  const planned = planTraffic(
    config,
    subject,
    { scenario: scenario.value, overrides, endpoint },
    {
      env: io.env,
      seed,
      readFile(name) {
        const text = io.readFile(load === undefined ? name : resolve(dirname(load), name));
        if (text.ok) texts.push(text.value);
        return text;
      },
    },
  );
  if (planned.ok) return ok({ ...planned.value, texts });
  if (typeof planned.error === "string") return complain(planned.error);
  return err(formatIssues(load ?? "sluice rehearse", planned.error));
}
