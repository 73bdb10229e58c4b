import { err, ok, type Result } from "../../base/result.ts";
import { formatDurationMs } from "../../base/units.ts";
import type { Config, Issue } from "../../core/config/model.ts";
import { unknown } from "../../core/config/suggestion.ts";
import type { ExperimentPolicy, VariantPolicy } from "../../core/experiment/policy.ts";
import { isLoopback } from "../../core/load/loopback.ts";
import type { LoadPlan } from "../../core/load/plan.ts";
import { parseScenario, type ScenarioContext } from "../../core/load/scenario.ts";
import { defaultEndpoint, withUsers } from "../../core/rehearsal/traffic.ts";
import type { RolloutPolicy } from "../../core/rollout/policy.ts";

/** Which rollout is rehearsed, and with which traffic. */
export type Subject = {
  readonly experiment: ExperimentPolicy;
  readonly rollout: RolloutPolicy;
  readonly control: VariantPolicy;
  readonly treatment: VariantPolicy;
};

/** The rollout of that key, or the only one with steps; the error is for people. */
export function chooseRollout(config: Config, key: string | null): Result<Subject, string> {
  const all = Object.values(config.experiments);
  const rollouts = all.filter(({ rollout }) => rollout !== null);
  if (key === null && rollouts.length !== 1) {
    const keys = rollouts.map((each) => each.key).join(", ");
    return err(
      rollouts.length === 0
        ? "no experiment has a rollout with steps: there is nothing to rehearse"
        : `several experiments have rollouts: choose one with --experiment: ${keys}`,
    );
  }
  const experiment = key === null ? rollouts[0] : config.experiments[key];
  if (experiment === undefined) {
    return err(
      unknown(
        "experiment",
        key ?? "",
        all.map((each) => each.key),
      ),
    );
  }
  const { rollout, variants } = experiment;
  if (rollout === null) {
    return err(`${experiment.key} has no rollout with steps: there is nothing to rehearse`);
  }
  if (experiment.disabled) return err(`${experiment.key} is disabled: everybody gets the control`);
  const control = variants.find((variant) => variant.control);
  const treatment = variants.find((variant) => !variant.control);
  if (control === undefined || treatment === undefined) {
    return err(`${experiment.key} has no control and treatment`);
  }
  return ok({ experiment, rollout, control, treatment });
}

/** Where the generated load goes, unless somebody allows more than this machine. */
export function refusedHost(
  config: Config,
  { control, treatment }: Subject,
  allowed: readonly string[],
): string | null {
  for (const { upstream } of [control, treatment]) {
    for (const { origin } of config.upstreams[upstream]?.endpoints ?? []) {
      const { hostname } = new URL(origin);
      if (!isLoopback(hostname) && !allowed.includes(hostname)) return hostname;
    }
  }
  return null;
}

export type TrafficRequest = {
  /** Text of a scenario; null takes the overrides, or what the experiment's routes suggest. */
  readonly scenario: string | null;
  /** In a scenario's keys. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly endpoint: Readonly<Record<string, unknown>> | null;
};

/** A user pool that gives small shares some users. */
const userPool = 1000;
/** Replaced by the variant's or Sluice's own address, stage by stage. */
const target = "http://127.0.0.1";

/** The traffic, without an address yet. The error is one for people, or problems of the scenario. */
export function planTraffic(
  config: Config,
  { experiment }: Subject,
  { scenario, overrides, endpoint }: TrafficRequest,
  context: ScenarioContext,
): Result<{ readonly plan: LoadPlan; readonly rate: number }, string | readonly Issue[]> {
  const asked = endpoint ?? (scenario === null ? defaultEndpoint(config, experiment) : null);
  if (asked === null && scenario === null) {
    return err(
      `no route of ${experiment.key} says what could be asked: name it with --request and --body, or with --load SCENARIO`,
    );
  }
  const parsed = parseScenario(
    scenario,
    {
      user_pool: userPool,
      ...overrides,
      target,
      ...(asked !== null && { endpoints: { request: asked } }),
    },
    context,
  );
  if (!parsed.ok) return parsed;
  const { model } = parsed.value;
  if (model.kind === "closed") {
    return err(
      "a rehearsal needs a rate; users who wait for answers would ask a slow variant less",
    );
  }
  const rate = Math.max(...model.stages.flatMap(({ fromRate, toRate }) => [fromRate, toRate]));
  return ok({ plan: withUsers(parsed.value, experiment), rate });
}

/** The plan at its rate for so long. */
export function constantLoad(
  plan: LoadPlan,
  rate: number,
  times: { readonly warmUpMs: number; readonly durationMs: number },
): LoadPlan {
  if (plan.model.kind === "closed") {
    throw new RangeError(`a load of ${formatDurationMs(times.durationMs)} needs a rate`);
  }
  const { warmUpMs, durationMs } = times;
  const stages = [{ durationMs: warmUpMs + durationMs, fromRate: rate, toRate: rate }];
  return { ...plan, model: { ...plan.model, stages }, warmUpMs, durationMs, requestsMax: null };
}
