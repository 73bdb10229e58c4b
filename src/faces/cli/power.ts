import type { Alternative } from "../../core/statistics/alternative.ts";
import { planExperiment, type ExperimentPlan } from "../../core/statistics/power/plan.ts";
import { exitCodes } from "./io.ts";
import type { CliIo } from "./io.ts";
import { parseAmount, parseSplit } from "./numbers.ts";

/** As typed: texts that this command checks. */
export type PowerArguments = {
  readonly baseline: string;
  readonly mde: string;
  readonly power: string;
  readonly alpha: string;
  readonly split: string;
  readonly alternative: string;
  readonly standardDeviation: string | null;
  readonly usersIcc: string | null;
  readonly requestsPerUser: string | null;
  readonly usersVariation: string | null;
  readonly traffic: string | null;
  readonly json: boolean;
};

/** `sluice power --baseline … --mde …`: the sample that an experiment needs, and the days it takes. */
export function runPower(arguments_: PowerArguments, io: CliIo): number {
  const problems: string[] = [];
  const amount = (flag: string, text: string) => {
    const parsed = parseAmount(text);
    if (!parsed.ok) problems.push(`${flag}: ${parsed.error}`);
    return parsed.ok ? parsed.value : { value: Number.NaN, isShare: false };
  };
  const optional = (flag: string, text: string | null) =>
    text === null ? undefined : amount(flag, text).value;
  const split = parseSplit(arguments_.split);
  if (!split.ok) problems.push(`--split: ${split.error}`);
  else if (split.value.length !== 2) problems.push("--split: two shares, control:treatment");
  const alternative = alternativeOf(arguments_.alternative);
  if (alternative === null) {
    problems.push(`--alternative: two_sided, greater or less, not ${arguments_.alternative}`);
  }
  const mde = amount("--mde", arguments_.mde);
  const standardDeviation = optional("--sd", arguments_.standardDeviation);
  const icc = optional("--users-icc", arguments_.usersIcc);
  const requestsPerUser = optional("--requests-per-user", arguments_.requestsPerUser);
  const variation = optional("--users-variation", arguments_.usersVariation);
  if (icc === undefined && (requestsPerUser ?? variation) !== undefined) {
    problems.push("--users-icc: needed to make use of --requests-per-user and --users-variation");
  }
  if (icc !== undefined && requestsPerUser === undefined) {
    problems.push("--requests-per-user: needed to make use of --users-icc");
  }
  const requestsPerDay = optional("--traffic", arguments_.traffic);
  const question = {
    baseline: amount("--baseline", arguments_.baseline).value,
    minEffect: {
      kind: mde.isShare ? ("relative" as const) : ("absolute" as const),
      value: mde.value,
    },
    metric:
      standardDeviation === undefined
        ? { kind: "proportion" as const }
        : { kind: "mean" as const, standardDeviation },
    alpha: amount("--alpha", arguments_.alpha).value,
    power: amount("--power", arguments_.power).value,
    split: split.ok ? ([split.value[0] ?? 1, split.value[1] ?? 1] as const) : ([1, 1] as const),
    alternative: alternative ?? "two_sided",
    ...(icc === undefined || requestsPerUser === undefined
      ? {}
      : { users: { icc, requestsPerUser, ...(variation === undefined ? {} : { variation }) } }),
    ...(requestsPerDay === undefined ? {} : { requestsPerDay }),
  };
  if (problems.length === 0) {
    const plan = planExperiment(question);
    if (plan.ok) {
      io.stdout(
        arguments_.json ? toJson(plan.value) : describe(plan.value, question.baseline, arguments_),
      );
      return exitCodes.success;
    }
    problems.push(plan.error.message);
  }
  io.stderr(problems.map((problem) => `sluice power: ${problem}\n`).join(""));
  return exitCodes.invalid;
}

function alternativeOf(text: string): Alternative | null {
  return text === "two_sided" || text === "greater" || text === "less" ? text : null;
}

function toJson(plan: ExperimentPlan): string {
  const { perArm, users } = plan;
  const document = {
    per_arm: { control: perArm[0], treatment: perArm[1] },
    total: plan.total,
    difference: plan.difference,
    design_effect: plan.designEffect,
    users:
      users === undefined
        ? null
        : { control: users.perArm[0], treatment: users.perArm[1], total: users.total },
    days: plan.days ?? null,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function digits(value: number): number {
  return Number(value.toPrecision(4));
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function describe(
  plan: ExperimentPlan,
  baseline: number,
  { power, alpha, traffic }: PowerArguments,
): string {
  const { perArm, users } = plan;
  const lines = [
    `${count(plan.total)} requests: ${count(perArm[0])} control, ${count(perArm[1])} treatment`,
  ];
  if (users !== undefined) {
    const [control, treatment] = users.perArm;
    lines.push(
      `${count(users.total)} users: ${count(control)} control, ${count(treatment)} treatment`,
      `a user's requests are alike: ${plan.designEffect.toPrecision(3)} times as many as of independent ones`,
    );
  }
  if (plan.days !== undefined) {
    lines.push(
      `${count(plan.days)} ${plan.days === 1 ? "day" : "days"} at ${traffic} requests a day`,
    );
  }
  const change = `${digits(baseline)} to ${digits(baseline + plan.difference)}`;
  const share = `${digits((100 * plan.difference) / Math.abs(baseline))} % of it`;
  lines.push(`to find a change from ${change} (${baseline === 0 ? "from 0" : share})`);
  lines.push(`with power ${power} at alpha ${alpha}, looking once at the end`);
  return `${lines.join("\n")}\n`;
}
