import { dirname, resolve } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { isLoopback } from "../../core/load/loopback.ts";
import type { LoadPlan } from "../../core/load/plan.ts";
import type { LoadReport } from "../../core/load/report.ts";
import { parseScenario } from "../../core/load/scenario.ts";
import { responseHgrm, seriesCsv } from "../load/files.ts";
import { startLoad, type LoadRun, type LoadTime } from "../load/load.ts";
import { progressLine } from "../load/progress.ts";
import { describeLoad } from "../load/text.ts";
import { exitCodes, type CliIo } from "./io.ts";
import { formatLoadIssues, overridesOf, type LoadOptions } from "./load-options.ts";

/** `sluice load`: asks a server as often as it is told to, and says how it answered. */

/** What the command needs besides reading and printing; only `main` has the real thing. */
export type LoadEnvironment = {
  readonly time: LoadTime;
  /** Where no `--seed` is given. */
  readonly seed: number;
  /** Of the terminal that stderr is; null when it is none. */
  readonly terminalColumns: () => number | null;
  /** Calls `run` at the first Ctrl-C; the second ends the process. The returned function stops listening. */
  readonly onInterrupt: (run: () => void) => () => void;
  /** Connects to a URL's host once; the error says why that does not work. */
  readonly reach: (origin: string) => Promise<Result<null, string>>;
  /** Sees whether a file can be written, and leaves nothing behind; what it gives writes it as a whole or not at all. */
  readonly prepareFile: (path: string) => Result<WriteFile, string>;
};

export type WriteFile = (text: string) => Result<null, string>;

const progressEveryMs = { terminal: 250, lines: 5000 } as const;

/** Runs one load test; the answer is the exit code. */
export async function runLoad(
  target: string,
  options: LoadOptions,
  io: CliIo,
  environment: LoadEnvironment,
): Promise<number> {
  const plan = readPlan(target, options, io, environment.seed);
  if (!plan.ok) {
    io.stderr(plan.error);
    return exitCodes.invalid;
  }
  const refusal = refuseHost(plan.value.origin, options.allowHost ?? null);
  if (refusal !== null) {
    io.stderr(`sluice load: ${refusal}\n`);
    return exitCodes.invalid;
  }
  const files = prepareFiles(options, environment);
  if (!files.ok) {
    io.stderr(`sluice load: ${files.error}\n`);
    return exitCodes.failure;
  }
  const reached = await environment.reach(plan.value.origin);
  if (!reached.ok) {
    io.stderr(`sluice load: ${reached.error}; nothing was sent\n`);
    return exitCodes.failure;
  }
  return runPlan(plan.value, options, files.value, io, environment);
}

function readPlan(
  target: string,
  options: LoadOptions,
  io: CliIo,
  seed: number,
): Result<LoadPlan, string> {
  const isUrl = /^[a-z]+:\/\//i.test(target);
  const overrides = overridesOf(isUrl ? target : null, options);
  if (!overrides.ok) return err(`sluice load: ${overrides.error}\n`);
  const text = isUrl ? ok(null) : io.readFile(target);
  if (!text.ok) {
    return err(`sluice load: ${text.error}; a URL begins with http:// or https://\n`);
  }
  const base = isUrl ? "." : dirname(target);
  const overridden = options.bodyFile;
  const plan = parseScenario(text.value, overrides.value, {
    env: io.env,
    readFile: (name) => io.readFile(name === overridden ? name : resolve(base, name)),
    seed,
  });
  if (plan.ok) return plan;
  return err(formatLoadIssues(isUrl ? null : target, overrides.value, plan.error));
}

/** Load on a machine that is not this one needs its name a second time. */
function refuseHost(origin: string, allowed: string | null): string | null {
  const { hostname } = new URL(origin);
  if (isLoopback(hostname) || allowed === hostname) return null;
  const name =
    allowed === null ? "" : ` --allow-host names ${allowed}, which is not the host of the URL.`;
  return (
    `${hostname} is not this machine, and a load test may take a service down.${name} ` +
    `If you may load it, say so: --allow-host ${hostname}`
  );
}

type NamedFile = {
  readonly path: string;
  readonly write: WriteFile;
  readonly text: (report: LoadReport, hgrm: string) => string;
};

function prepareFiles(
  { json, csv, hgrm }: LoadOptions,
  { prepareFile }: LoadEnvironment,
): Result<readonly NamedFile[], string> {
  const wanted: (readonly [string, NamedFile["text"]])[] = [];
  if (json !== undefined && json !== "-") wanted.push([json, jsonText]);
  if (csv !== undefined) wanted.push([csv, seriesCsv]);
  if (hgrm !== undefined) wanted.push([hgrm, (_report, distribution) => distribution]);
  const files: NamedFile[] = [];
  for (const [path, text] of wanted) {
    const file = prepareFile(path);
    if (!file.ok) return err(`${path} cannot be written: ${file.error}; nothing was sent`);
    files.push({ path, write: file.value, text });
  }
  return ok(files);
}

function jsonText(report: LoadReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

async function runPlan(
  plan: LoadPlan,
  options: LoadOptions,
  files: readonly NamedFile[],
  io: CliIo,
  environment: LoadEnvironment,
): Promise<number> {
  const run = startLoad(plan, environment.time);
  const stopProgress = options.quiet === true ? () => {} : showProgress(run, io, environment);
  const ignoreInterrupts = environment.onInterrupt(() => {
    stopProgress();
    io.stderr("interrupted: waiting for what is under way; once more ends at once\n");
    run.stop();
  });
  const { report, measurements } = await run.finished;
  ignoreInterrupts();
  stopProgress();
  const isJson = options.json === "-";
  if (!isJson) io.stdout(describeLoad(report, plan));
  else if (options.quiet !== true) io.stderr(describeLoad(report, plan));
  if (isJson) io.stdout(jsonText(report));
  let isWritten = true;
  const hgrm = files.length > 0 ? responseHgrm(measurements) : "";
  for (const { path, write, text } of files) {
    const written = write(text(report, hgrm));
    if (written.ok) continue;
    isWritten = false;
    io.stderr(`sluice load: ${path} cannot be written: ${written.error}\n`);
  }
  return isWritten ? verdict(report, options, io) : exitCodes.failure;
}

function verdict(report: LoadReport, options: LoadOptions, io: CliIo): number {
  const isInvalid = report.generator.invalid.length > 0 && options.allowInvalid !== true;
  if (isInvalid) {
    io.stderr("sluice load: the result is not valid; --allow-invalid takes it all the same\n");
    return exitCodes.failure;
  }
  if (report.end.kind === "aborted" || report.thresholds.some(({ ok }) => !ok)) {
    return exitCodes.breached;
  }
  if (report.end.kind === "interrupted") return exitCodes.failure;
  if (report.all.responseTime === null) {
    io.stderr(
      `sluice load: ${report.target} answered none of ${report.requests.started} requests\n`,
    );
    return exitCodes.failure;
  }
  return exitCodes.success;
}

/** On a terminal one line that is written over; elsewhere a line now and then. */
function showProgress(run: LoadRun, io: CliIo, environment: LoadEnvironment): () => void {
  const { time, terminalColumns } = environment;
  const isTerminal = terminalColumns() !== null;
  const show = () => {
    const columns = terminalColumns();
    if (columns === null) {
      const wallTime = new Date(time.clock.wallMs()).toISOString();
      io.stderr(`${progressLine(run.progress(), wallTime)}\n`);
    } else {
      io.stderr(
        `\r\u001B[2K${progressLine(run.progress(), null).slice(0, Math.max(0, columns - 1))}`,
      );
    }
  };
  const cancel = time.timers.every(
    isTerminal ? progressEveryMs.terminal : progressEveryMs.lines,
    show,
  );
  let isShown = true;
  return () => {
    cancel();
    if (isShown && isTerminal) io.stderr("\r\u001B[2K");
    isShown = false;
  };
}
