import { err, ok, type Result } from "../../base/result.ts";
import type { Environment } from "../config/environment.ts";
import { IssueList } from "../config/issues.ts";
import type { Issue } from "../config/model.ts";
import { readSource, type Source } from "../config/source.ts";
import { unknown } from "../config/suggestion.ts";
import { resolveEndpoints } from "./endpoints.ts";
import { loadDefaults, loadLimits, type LoadPlan } from "./plan.ts";
import { arrivalsOf, type Stage } from "./schedule.ts";
import { isFields, scenarioSchema, withLists, type WrittenScenario } from "./scenario-schema.ts";
import { parseThreshold, type Threshold } from "./threshold.ts";

/** What a scenario depends on besides its text. */
export type ScenarioContext = {
  readonly env: Environment;
  /** Text of a body file by the name in the scenario; the error says why it cannot be read. */
  readonly readFile: (name: string) => Result<string, string>;
  /** Used where no seed is written. */
  readonly seed: number;
};

/**
 * From the text of a scenario (YAML or JSON; null where there is none) and what the command line says instead, by the
 * same keys, to a plan with every default filled in, or to every problem with its path and line.
 */
export function parseScenario(
  text: string | null,
  overrides: Readonly<Record<string, unknown>>,
  context: ScenarioContext,
): Result<LoadPlan, Issue[]> {
  const read = text === null ? ok(nothing) : readSource(text, context.env);
  if (!read.ok) return read;
  const written = read.value.value;
  const value =
    isFields(written) || text === null
      ? withLists(overlay(isFields(written) ? written : {}, overrides))
      : written;
  const issues = new IssueList({
    value,
    issues: read.value.issues,
    locate: (path, part) => read.value.locate(path, part),
  });
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) issues.addSchema(parsed.error.issues);
  const plan = parsed.success ? resolve(parsed.data, context, issues) : null;
  return plan !== null && issues.isEmpty ? ok(plan) : err(issues.sorted());
}

type Fields = Readonly<Record<string, unknown>>;

/** What the command line says replaces what the file says; of maps, such as headers, entry by entry. */
function overlay(written: Fields, overrides: Fields): Fields {
  const value: Record<string, unknown> = { ...written };
  for (const [key, override] of Object.entries(overrides)) {
    const present = value[key];
    value[key] = isFields(present) && isFields(override) ? { ...present, ...override } : override;
  }
  return value;
}

const nothing: Source = { value: null, issues: [], locate: () => ({ line: 1, column: 1 }) };

function resolve(
  written: WrittenScenario,
  context: ScenarioContext,
  issues: IssueList,
): LoadPlan | null {
  const target = splitTarget(written.target);
  if (!target.ok) {
    issues.add(["target"], "target", target.error);
    return null;
  }
  checkTogether(written, issues);
  const endpoints = resolveEndpoints(written, target.value.prefix, context.readFile, issues);
  const names = endpoints.map(({ name }) => name);
  const thresholds = resolveThresholds(written.thresholds ?? {}, names, issues);
  const times = resolveTimes(written);
  if (times.warmUpMs < times.rampUpMs) {
    const message =
      "must be at least as long as ramp_up: requests on the way up are no measurement";
    issues.add(["warm_up"], "warm_up", message);
  }
  if (times.warmUpMs + times.durationMs > loadLimits.durationMsMax) {
    issues.add(["for"], "too_long", "the whole test may take 24h at most");
  }
  if (!issues.isEmpty) return null;
  return {
    origin: target.value.origin,
    endpoints,
    model: resolveModel(written, times),
    warmUpMs: times.warmUpMs,
    durationMs: times.durationMs,
    requestsMax: written.requests ?? null,
    userPool: written.user_pool ?? loadDefaults.userPool,
    timeoutMs: written.timeout ?? loadDefaults.timeoutMs,
    retriesMax: written.retries ?? 0,
    keepAlive: written.keep_alive ?? true,
    tls: { ca: null, cert: null, key: null, serverName: null, verify: written.insecure !== true },
    seed: written.seed ?? context.seed,
    thresholds,
  };
}

/** Origin and path of a URL, whose path may have gaps `{{…}}` that a URL parser would encode. */
export function splitTarget(
  url: string,
): Result<{ readonly origin: string; readonly prefix: string }, string> {
  const match = /^(https?:\/\/[^/?#\s]+)([^#\s]*)/i.exec(url);
  if (match === null) return err("expected a URL such as http://localhost:8080");
  let parsed: URL;
  try {
    parsed = new URL(match[1] as string);
  } catch {
    return err(`${JSON.stringify(match[1])} is not the beginning of a URL`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    return err("must not hold a name or password; send an authorization header instead");
  }
  return ok({ origin: parsed.origin, prefix: match[2] as string });
}

function checkTogether(written: WrittenScenario, issues: IssueList): void {
  const { users, stages } = written;
  const clash = (key: string, other: string, why: string) => {
    if (Reflect.get(written, key) === undefined || Reflect.get(written, other) === undefined)
      return;
    issues.add([key], "contradiction", `does not go with ${other}: ${why}`);
  };
  clash("rate", "users", "requests start either at a rate or when a user is free");
  clash("stages", "users", "stages say how the rate moves");
  clash("rate", "stages", "each stage has a rate of its own");
  clash("for", "stages", "each stage says how long it takes");
  clash("ramp_up", "stages", "write the ramp as a stage such as 10s@0..100");
  clash("arrivals", "users", "users decide when a request arrives");
  clash("max_in_flight", "users", "as many requests are under way as there are users");
  for (const key of ["think_time", "expected_interval"] as const) {
    if (users !== undefined || written[key] === undefined) continue;
    issues.add([key], "contradiction", "is for the closed model; it needs users");
  }
  if (stages !== undefined && !stages.some(({ rate, from }) => rate > 0 || (from ?? 0) > 0)) {
    issues.add(["stages"], "no_requests", "need a rate above 0 somewhere");
  }
}

type Times = { readonly rampUpMs: number; readonly warmUpMs: number; readonly durationMs: number };

function resolveTimes(written: WrittenScenario): Times {
  const rampUpMs = written.ramp_up ?? 0;
  return { rampUpMs, warmUpMs: written.warm_up ?? rampUpMs, durationMs: durationOf(written) };
}

function durationOf({ stages, for: forMs, requests, rate, users }: WrittenScenario): number {
  if (stages !== undefined) return stages.reduce((sum, stage) => sum + stage.for, 0);
  if (forMs !== undefined) return forMs;
  if (requests === undefined) return loadDefaults.durationMs;
  if (users !== undefined) return loadDefaults.requestsDurationMs;
  // As long as they take at that rate.
  const seconds = requests / (rate ?? loadDefaults.rate);
  return Math.min(Math.ceil(seconds * 1000), loadLimits.durationMsMax);
}

function resolveModel(written: WrittenScenario, times: Times): LoadPlan["model"] {
  if (written.users !== undefined) {
    return {
      kind: "closed",
      users: written.users,
      rampUpMs: times.rampUpMs,
      thinkMs: written.think_time ?? 0,
      expectedIntervalMs: written.expected_interval ?? null,
    };
  }
  return {
    kind: "open",
    stages: stagesOf(written, times).filter(({ durationMs }) => durationMs > 0),
    arrivals: written.arrivals ?? "constant",
    maxInFlight: written.max_in_flight ?? loadDefaults.maxInFlight,
  };
}

function stagesOf(written: WrittenScenario, times: Times): readonly Stage[] {
  const { rampUpMs, warmUpMs, durationMs } = times;
  if (written.stages !== undefined) {
    const stages = written.stages.map(({ for: durationMs, rate, from }) => {
      return { durationMs, fromRate: from ?? rate, toRate: rate };
    });
    // The warm-up runs at the rate with which the stages begin, or at their first one above 0.
    const first = stages.find((stage) => arrivalsOf(stage) > 0);
    const rate = first === undefined ? 0 : first.fromRate || first.toRate;
    return [{ durationMs: warmUpMs, fromRate: rate, toRate: rate }, ...stages];
  }
  const rate = written.rate ?? loadDefaults.rate;
  return [
    { durationMs: rampUpMs, fromRate: 0, toRate: rate },
    { durationMs: warmUpMs - rampUpMs + durationMs, fromRate: rate, toRate: rate },
  ];
}

function resolveThresholds(
  written: NonNullable<WrittenScenario["thresholds"]>,
  endpoints: readonly string[],
  issues: IssueList,
): readonly Threshold[] {
  const thresholds: Threshold[] = [];
  for (const [metric, conditions] of Object.entries(written)) {
    for (const [index, condition] of conditions.entries()) {
      const rule = typeof condition === "string" ? { threshold: condition } : condition;
      const parsed = parseThreshold(metric, rule.threshold, {
        abortOnFail: rule.abortOnFail ?? false,
        delayAbortMs: rule.delayAbortEval ?? 0,
      });
      const path = ["thresholds", metric, index];
      if (!parsed.ok) issues.add(path, "threshold", parsed.error);
      else {
        const { group } = parsed.value;
        if (group?.by === "endpoint" && !endpoints.includes(group.name)) {
          issues.add(path, "threshold", unknown("endpoint", group.name, endpoints));
        }
        thresholds.push(parsed.value);
      }
    }
  }
  if (thresholds.length > loadLimits.thresholdsMax) {
    issues.add(["thresholds"], "too_many", `at most ${loadLimits.thresholdsMax} thresholds`);
  }
  return thresholds;
}
