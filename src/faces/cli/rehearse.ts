import { ok } from "../../base/result.ts";
import type { LoadTime } from "../load/load.ts";
import { rehearse } from "../rehearsal/rehearsal.ts";
import { stagesOf, type RehearsedSluice } from "../rehearsal/stages.ts";
import { openStateFile, type StateFileIo } from "../rehearsal/state-file.ts";
import { canaryLine, stageLine, verdictLine, withoutReport } from "../rehearsal/text.ts";
import { exitCodes, type CliIo } from "./io.ts";
import {
  formatOfReport,
  prepareRehearsal,
  type PreparedRehearsal,
  type RehearseOptions,
} from "./rehearse-options.ts";
import { runReport } from "./report.ts";
import { fetchReport, watchOver } from "./watched-rollout.ts";

/** `sluice rehearse`: the whole way of a rollout in one command, before it is the users' way. */

/** A Sluice in this process, as the rehearsal needs it. */
export type StartedSluice = {
  readonly dataPort: number;
  readonly adminPort: number;
  stop(): Promise<void>;
};

/** What the command needs besides reading and printing. */
export type RehearseEnvironment = {
  readonly time: LoadTime;
  readonly seed: number;
  readonly onInterrupt: (run: () => void) => () => void;
  /** A folder of its own; `remove` takes it away with everything in it. */
  readonly openFolder: () => {
    readonly path: string;
    /** The path of a new file with this text. */
    write(name: string, text: string): string;
    remove(): void;
  };
  readonly stateFile: (path: string) => StateFileIo;
  readonly startSluice: (configPath: string) => Promise<StartedSluice>;
};

/** Runs the rehearsal; the answer is the exit code. */
export async function runRehearse(
  file: string,
  options: RehearseOptions,
  io: CliIo,
  environment: RehearseEnvironment,
): Promise<number> {
  const prepared = prepareRehearsal(file, options, io, environment.seed);
  if (!prepared.ok) {
    io.stderr(prepared.error);
    return exitCodes.invalid;
  }
  const statePath = options.state ?? `${file}.rehearsal.json`;
  const state = openStateFile(environment.stateFile(statePath), options.fresh === true);
  if (!state.ok) {
    io.stderr(`sluice rehearse: ${statePath}: ${state.error}\n`);
    return exitCodes.failure;
  }
  const say = options.json === true ? io.stderr : io.stdout;
  const { subject } = prepared.value.plan;
  const { control, treatment } = subject;
  say(`Rehearsal of ${subject.experiment.key}: ${treatment.key} against ${control.key}\n`);
  const interrupted = Promise.withResolvers<void>();
  const ignoreInterrupts = environment.onInterrupt(() => {
    io.stderr("interrupted: ending; what has passed is kept\n");
    interrupted.resolve();
  });
  const folder = environment.openFolder();
  try {
    const stages = stagesOf(prepared.value.plan, {
      time: environment.time,
      interrupted: interrupted.promise,
      startSluice: () =>
        startSluice(prepared.value, environment, {
          folder,
          // Who asks for no report waits for no language model.
          insights: options.report !== undefined,
        }),
      onCanary: (status) => say(canaryLine(status)),
      writeReport:
        options.report === undefined
          ? null
          : (report) => writeReport(report, options.report as string, io),
    });
    const result = await rehearse({ config: file, experiment: subject.experiment.key }, stages, {
      clock: environment.time.clock,
      state: state.value,
      onStage: ({ result: ended }) => {
        if (ended !== null) say(stageLine(ended));
      },
    });
    say(verdictLine(result));
    if (options.json === true) io.stdout(`${JSON.stringify(withoutReport(result), null, 2)}\n`);
    return codes[result.verdict];
  } finally {
    ignoreInterrupts();
    folder.remove();
  }
}

const codes = {
  promoted: exitCodes.success,
  rejected: exitCodes.breached,
  failed: exitCodes.failure,
} as const;

type Folder = ReturnType<RehearseEnvironment["openFolder"]>;

async function startSluice(
  { configText, plan }: PreparedRehearsal,
  environment: RehearseEnvironment,
  { folder, insights }: { readonly folder: Folder; readonly insights: boolean },
): Promise<RehearsedSluice> {
  const path = folder.write("sluice.yaml", configText(folder.path));
  const sluice = await environment.startSluice(path);
  const call = { admin: `http://127.0.0.1:${sluice.adminPort}`, token: null, fetch };
  const { key } = plan.subject.experiment;
  return {
    origin: `http://127.0.0.1:${sluice.dataPort}`,
    rollout: watchOver(call, key),
    report: () => fetchReport(call, key, { insights }),
    stop: () => sluice.stop(),
  };
}

/** As `sluice report --from` does; the answer is what went wrong, or null. */
async function writeReport(report: unknown, output: string, io: CliIo): Promise<string | null> {
  const text = JSON.stringify(report);
  let said = "";
  const quiet: CliIo = {
    ...io,
    readFile: () => ok(text),
    stdout: () => {},
    stderr: (line) => (said += line),
  };
  const none = { experiment: null, since: null, until: null, part: null, insights: true };
  const call = { admin: "", token: null, fetch };
  const format = formatOfReport(output) ?? "json";
  const code = await runReport({ ...none, format, output, from: "the report" }, call, quiet);
  return code === exitCodes.success ? null : said.replace(/^sluice report: /, "").trimEnd();
}
