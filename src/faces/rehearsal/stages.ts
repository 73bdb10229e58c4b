import type { Config } from "../../core/config/model.ts";
import type { VariantPolicy } from "../../core/experiment/policy.ts";
import type { LoadPlan } from "../../core/load/plan.ts";
import { judgeLoad } from "../../core/rehearsal/judge-load.ts";
import { conclude, type StageOutcome, type StageResult } from "../../core/rehearsal/stage.ts";
import { directPlan } from "../../core/rehearsal/traffic.ts";
import { formatNumber } from "../../core/statistics/decision/words.ts";
import type { RolloutStatus } from "../../wire/admin-api.ts";
import { startLoad, type LoadTime } from "../load/load.ts";
import { watchCanary, withLoad, type WatchedRollout } from "./canary.ts";
import { runPreflight } from "./preflight.ts";
import type { Stage } from "./rehearsal.ts";
import { constantLoad, type Subject } from "./subject.ts";

/** What the stages do, put together from their parts. */

/** A Sluice that runs for the canary. */
export type RehearsedSluice = {
  /** `http://127.0.0.1:PORT` for traffic. */
  readonly origin: string;
  readonly rollout: WatchedRollout;
  /** The experiment's report as JSON; the error says why there is none. */
  readonly report: () => Promise<unknown>;
  readonly stop: () => Promise<void>;
};

export type RehearsalPlan = {
  readonly config: Config;
  readonly subject: Subject;
  readonly plan: LoadPlan;
  readonly rate: number;
  readonly loadMs: number;
  readonly warmUpMs: number;
  readonly withinMs: number;
  readonly allowInvalid: boolean;
  /** Everything that the traffic and the configuration are made of. */
  readonly inputs: string;
  /** What the canary depends on besides. */
  readonly canaryInputs: string;
  /** A running Sluice with traffic of its own, instead of one made for the rehearsal. */
  readonly live: WatchedRollout | null;
};

export type StageDependencies = {
  readonly time: LoadTime;
  readonly interrupted: Promise<void>;
  readonly startSluice: () => Promise<RehearsedSluice>;
  readonly onCanary: (status: RolloutStatus) => void;
  /** Writes the report that was asked for; null when none was. */
  readonly writeReport: ((report: unknown) => Promise<string | null>) | null;
};

/** Before the canary begins, its load runs so long. */
const leadInMs = 1000;

export function stagesOf(plan: RehearsalPlan, dependencies: StageDependencies): readonly Stage[] {
  const { subject, live, inputs } = plan;
  const load = (name: "load_control" | "load_treatment", variant: VariantPolicy): Stage => ({
    name,
    inputs,
    run: () => loadVariant(plan, variant, dependencies),
  });
  const { writeReport } = dependencies;
  return [
    { name: "preflight", inputs: null, run: () => preflight(plan, dependencies) },
    ...(live === null
      ? [load("load_control", subject.control), load("load_treatment", subject.treatment)]
      : []),
    {
      name: "canary",
      inputs: plan.canaryInputs,
      run: () => {
        if (live !== null) return watchLive(plan, live, dependencies);
        return runCanary(plan, dependencies);
      },
    },
    { name: "decision", inputs: null, run: async (before) => decide(before) },
    ...(writeReport === null
      ? []
      : [
          {
            name: "report" as const,
            inputs: null,
            run: (before: readonly StageResult[]) => report(before, writeReport),
          },
        ]),
  ];
}

function preflight(
  { config, subject, plan, rate, live, withinMs }: RehearsalPlan,
  { time }: StageDependencies,
): Promise<StageOutcome> {
  const requestsPerSecond = live === null ? rate : null;
  return runPreflight({ ...subject, config, plan, requestsPerSecond, withinMs }, time);
}

async function loadVariant(
  { config, subject, plan, rate, loadMs, warmUpMs, allowInvalid }: RehearsalPlan,
  variant: VariantPolicy,
  { time, interrupted }: StageDependencies,
): Promise<StageOutcome> {
  const direct = directPlan(plan, variant, config);
  if (direct === null) {
    return { status: "failed", reason: `${variant.key} has no endpoint`, details: null };
  }
  const run = startLoad(constantLoad(direct, rate, { warmUpMs, durationMs: loadMs }), time);
  void interrupted.then(() => run.stop());
  const { report, measurements } = await run.finished;
  const { unusable, broken } = judgeLoad(report, measurements, subject.rollout.guardrails);
  const details = { load: report };
  const blocking = allowInvalid
    ? unusable.filter((reason) => !report.generator.invalid.includes(reason))
    : unusable;
  if (blocking.length > 0) {
    return { status: "failed", reason: `the result is not valid: ${blocking.join("; ")}`, details };
  }
  if (broken.length > 0) {
    // A control that breaks the limits shows that they, or this machine, are not fit for a rehearsal.
    const status = variant.control ? "failed" : "rejected";
    return { status, reason: `${variant.key}: ${broken.join("; ")}`, details };
  }
  const { all, rates } = report;
  const p95 = all.responseTime === null ? "" : `, p95 ${formatNumber(all.responseTime.p95Ms)} ms`;
  const reason = `${variant.key}: ${formatNumber(rates.achieved)} requests/s${p95}, ${all.failed} of ${all.ended} failed`;
  return { status: "passed", reason, details };
}

async function runCanary(
  { plan, rate, withinMs }: RehearsalPlan,
  { time, interrupted, startSluice, onCanary }: StageDependencies,
): Promise<StageOutcome> {
  let sluice: RehearsedSluice;
  try {
    sluice = await startSluice();
  } catch (error) {
    const reason = `Sluice could not be started: ${(error as Error).message}`;
    return { status: "failed", reason, details: null };
  }
  try {
    const durationMs = leadInMs + withinMs;
    const through = { ...plan, origin: sluice.origin, thresholds: [] };
    const run = startLoad(constantLoad(through, rate, { warmUpMs: 0, durationMs }), time);
    await new Promise<void>((resolve) => void time.timers.after(leadInMs, resolve));
    const dependencies = { ...time, interrupted, onChange: onCanary };
    const outcome = await watchCanary(sluice.rollout, withinMs, dependencies);
    run.stop();
    const { report: load } = await run.finished;
    return withLoad(outcome, load, await sluice.report());
  } finally {
    await sluice.stop();
  }
}

async function watchLive(
  { withinMs }: RehearsalPlan,
  live: WatchedRollout,
  { time, interrupted, onCanary }: StageDependencies,
): Promise<StageOutcome> {
  const outcome = await watchCanary(live, withinMs, { ...time, interrupted, onChange: onCanary });
  return { ...outcome, details: { rollout: outcome.details, load: null, report: null } };
}

function decide(before: readonly StageResult[]): StageOutcome {
  const { verdict } = conclude(before);
  const status = verdict === "promoted" ? "passed" : verdict;
  return { status, reason: words[verdict], details: { verdict } };
}

const words = {
  promoted: "the treatment is fit to be rolled out",
  rejected: "the treatment is not fit",
  failed: "nothing is known of the treatment, because the rehearsal did not come to its end",
} as const;

async function report(
  before: readonly StageResult[],
  write: (report: unknown) => Promise<string | null>,
): Promise<StageOutcome> {
  const canary = before.find(({ stage }) => stage === "canary");
  const found = (canary?.details as { report?: unknown } | null | undefined)?.report ?? null;
  if (found === null) {
    const reason = "there is none, since no canary was run here";
    return { status: "skipped", reason, details: null };
  }
  const fault = await write(found);
  if (fault !== null) return { status: "failed", reason: fault, details: null };
  return { status: "passed", reason: "written", details: null };
}
