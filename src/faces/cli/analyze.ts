import { basename } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { suggest } from "../../core/config/suggestion.ts";
import {
  analyse,
  type AnalysisQuestion,
  type EffectBound,
} from "../../core/statistics/analysis/analyse.ts";
import type { MetricDefinition } from "../../core/statistics/analysis/metric.ts";
import type { ArmSample } from "../../core/statistics/analysis/sample.ts";
import { readArms, type CsvFile } from "./analysis-input.ts";
import { describeAnalysis } from "./analysis-text.ts";
import { analysisDocument } from "./analysis-json.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";
import { parseAmount, parseSplit } from "./numbers.ts";

/** As typed. */
export type AnalyzeArguments = {
  /** One file with all arms, or one an arm. */
  readonly files: readonly string[];
  readonly control: string;
  readonly treatment: string | null;
  /** `NAME:lower` or `NAME:higher`; the first is the primary one. */
  readonly metrics: readonly string[];
  /** `NAME:BOUND`: how much worse a metric may become. */
  readonly guardrails: readonly string[];
  readonly variantColumn: string;
  readonly userColumn: string | null;
  readonly split: string | null;
  readonly minEffect: string;
  readonly confidence: string;
  readonly power: string;
  readonly seed: string;
  readonly json: boolean;
};

/**
 * `sluice analyze FILE…`: every applicable test, its effect sizes and intervals, and the decision. Exit 0 whatever the
 * data say, 2 when they or the arguments cannot be used.
 */
export function runAnalyze(arguments_: AnalyzeArguments, io: CliIo): number {
  const question = readQuestion(arguments_, io);
  if (!question.ok) return refuse(question.error, io);
  const { asked, crossedUsers } = question.value;
  const analysis = analyse(asked);
  if (!analysis.ok) return refuse([analysis.error.message], io);
  const shown = { question: asked, analysis: analysis.value, crossedUsers };
  io.stdout(
    arguments_.json
      ? `${JSON.stringify(analysisDocument(shown), null, 2)}\n`
      : describeAnalysis(shown),
  );
  return exitCodes.success;
}

function refuse(problems: readonly string[], io: CliIo): number {
  io.stderr(problems.map((problem) => `sluice analyze: ${problem}\n`).join(""));
  return exitCodes.invalid;
}

type Asked = { readonly asked: AnalysisQuestion; readonly crossedUsers: number };

function readQuestion(arguments_: AnalyzeArguments, io: CliIo): Result<Asked, readonly string[]> {
  const problems: string[] = [];
  const note = <Value>(flag: string, parsed: Result<Value, string>, otherwise: Value): Value => {
    if (!parsed.ok) problems.push(`${flag}: ${parsed.error}`);
    return parsed.ok ? parsed.value : otherwise;
  };
  const none = { value: 0, isShare: true };
  const metrics = readMetrics(arguments_.metrics, problems);
  const guardrails = readGuardrails(arguments_.guardrails, metrics, problems);
  const minEffect = note("--min-effect", readBound(arguments_.minEffect), none);
  const confidence = note("--confidence", readProbability(arguments_.confidence), 0.95);
  const power = note("--power", readProbability(arguments_.power), 0.8);
  const seed = note("--seed", parseAmount(arguments_.seed), none).value;
  const { split } = arguments_;
  const shares =
    split === null ? null : note<readonly number[] | null>("--split", parseSplit(split), null);
  if (problems.length > 0) return err(problems);

  const files = readFiles(arguments_.files, io);
  if (!files.ok) return files;
  const columns = {
    metrics: metrics.map(({ name }) => name),
    variant: arguments_.variantColumn,
    user: arguments_.userColumn,
  };
  const input = readArms(files.value, columns);
  if (!input.ok) return input;
  const { arms, crossedUsers } = input.value;
  const chosen = chooseArms(arms, arguments_);
  if (!chosen.ok) return err([chosen.error]);
  if (shares !== null && shares.length !== arms.length) {
    return err([`--split: ${shares.length} shares for ${arms.length} variants (${namesOf(arms)})`]);
  }
  const { control, treatment } = chosen.value;
  const ordered = inOrder(arms, control, treatment);
  const asked = {
    arms: ordered,
    control,
    treatment,
    metrics,
    guardrails,
    shares,
    minEffect,
    confidence,
    power,
    seed,
  };
  return ok({ asked, crossedUsers });
}

function readFiles(
  paths: readonly string[],
  io: CliIo,
): Result<readonly CsvFile[], readonly string[]> {
  const files: CsvFile[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    const text = io.readFile(path);
    if (!text.ok) problems.push(text.error);
    else {
      const arm = paths.length === 1 ? null : basename(path).replace(/\.[^.]*$/, "");
      files.push({ name: path, text: text.value, arm });
    }
  }
  const arms = files.map(({ arm }) => arm).filter((arm) => arm !== null);
  if (new Set(arms).size < arms.length) {
    problems.push(`files of the same name (${arms.join(", ")}) cannot tell the arms apart`);
  }
  return problems.length === 0 ? ok(files) : err(problems);
}

function readMetrics(texts: readonly string[], problems: string[]): MetricDefinition[] {
  const metrics: MetricDefinition[] = [];
  for (const text of texts) {
    const [, name, direction] = /^(.+):(lower|higher)$/.exec(text) ?? [];
    if (name === undefined) {
      problems.push(
        `--metric: expected NAME:lower or NAME:higher (which way is better), not ${text}`,
      );
    } else if (metrics.some((metric) => metric.name === name)) {
      problems.push(`--metric: ${name} is named twice`);
    } else metrics.push({ name, direction: direction as "lower" | "higher" });
  }
  return metrics;
}

function readGuardrails(
  texts: readonly string[],
  metrics: readonly MetricDefinition[],
  problems: string[],
): ReadonlyMap<string, EffectBound> {
  const guardrails = new Map<string, EffectBound>();
  for (const text of texts) {
    const [, name, bound] = /^(.+):([^:]+)$/.exec(text) ?? [];
    if (name === undefined || bound === undefined) {
      problems.push(`--guardrail: expected METRIC:BOUND such as latency_ms:5%, not ${text}`);
      continue;
    }
    const names = metrics.map((metric) => metric.name);
    if (!names.includes(name)) {
      problems.push(`--guardrail: ${name} is no --metric${suggest(name, names)}`);
    }
    const parsed = readBound(bound);
    if (parsed.ok) guardrails.set(name, parsed.value);
    else problems.push(`--guardrail: ${parsed.error}`);
  }
  return guardrails;
}

function readBound(text: string): Result<EffectBound, string> {
  const parsed = parseAmount(text);
  if (parsed.ok && parsed.value.value < 0) return err(`expected 0 or more, not ${text}`);
  return parsed;
}

function readProbability(text: string): Result<number, string> {
  const parsed = parseAmount(text);
  if (!parsed.ok) return parsed;
  const { value } = parsed.value;
  return value > 0 && value < 1 ? ok(value) : err(`expected a share between 0 and 1, not ${text}`);
}

function chooseArms(
  arms: readonly ArmSample[],
  { control, treatment }: AnalyzeArguments,
): Result<{ control: string; treatment: string }, string> {
  const names = arms.map(({ name }) => name);
  for (const [flag, name] of [
    ["--control", control],
    ["--treatment", treatment],
  ] as const) {
    if (name !== null && !names.includes(name)) {
      const known = suggest(name, names) || `; variants: ${names.join(", ")}`;
      return err(`${flag}: no variant is named ${name}${known}`);
    }
  }
  const others = names.filter((name) => name !== control);
  if (treatment === control) return err("--treatment: the control cannot be compared with itself");
  if (treatment !== null) return ok({ control, treatment });
  const [only] = others;
  if (only === undefined) return err(`there is no variant besides the control ${control}`);
  if (others.length > 1) {
    return err(`--treatment: say which of ${others.join(", ")} to compare with ${control}`);
  }
  return ok({ control, treatment: only });
}

/** Control and treatment first: `--split 95:5` is control to treatment. */
function inOrder(arms: readonly ArmSample[], control: string, treatment: string): ArmSample[] {
  const rank = ({ name }: ArmSample) => (name === control ? 0 : name === treatment ? 1 : 2);
  return arms.toSorted((one, other) => rank(one) - rank(other));
}

function namesOf(arms: readonly ArmSample[]): string {
  return arms.map(({ name }) => name).join(", ");
}
