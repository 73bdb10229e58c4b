import { z } from "zod";
import {
  choice,
  closed,
  duration,
  flag,
  headerMap,
  integer,
  list,
  named,
  number,
  reject,
  text,
} from "../config/fields.ts";
import { loadLimits } from "./plan.ts";

/** How a load test is written; the command line's options have the same names with dashes. */

const statusExample = "expected a status such as 200, or a class such as 2xx";
const status = z
  .union([z.number(), z.string()], { error: () => statusExample })
  .transform((written, context): readonly [number, number] => {
    const match = /^([1-5])(\d\d|xx)$/i.exec(String(written));
    if (match === null) return reject(context, statusExample);
    if (match[2]?.toLowerCase() === "xx")
      return [Number(match[1]) * 100, Number(match[1]) * 100 + 99];
    return [Number(written), Number(written)];
  });

const expectation = closed({
  status: list(status, "statuses", 64).optional(),
  contains: text("a text", 4096).optional(),
});

const body = z.union(
  [
    z.string().max(loadLimits.bodyLengthMax, `at most ${loadLimits.bodyLengthMax} characters`),
    z.record(z.string(), z.unknown()),
    z.array(z.unknown()),
  ],
  { error: () => "expected a text, or a map that is sent as JSON" },
);

const endpoint = closed({
  request: text("a request such as POST /query").optional(),
  method: text("a method", 32)
    .regex(/^[A-Z]+$/, "a method in capitals, such as POST")
    .optional(),
  weight: number(0.000_001, 1_000_000).optional(),
  headers: headerMap("headers", loadLimits.headersMax).optional(),
  body: body.optional(),
  body_file: text("a file's name").optional(),
  line_order: choice(["sequential", "random"]).optional(),
  expect: expectation.optional(),
});

const rate = () => number(0, loadLimits.rateMax);

const stageExample = "expected a stage such as 30s@100, or 30s@0..100 for a ramp";
const stage = z.union(
  [
    z.string().transform((written, context) => {
      const match = /^([^@]+)@([\d.]+?)(?:\.\.([\d.]+))?$/.exec(written.replaceAll(" ", ""));
      const length = duration(1, loadLimits.durationMsMax).safeParse(match?.[1]);
      const [from, to] = [rate().safeParse(match?.[2]), rate().safeParse(match?.[3] ?? match?.[2])];
      if (!length.success || !from.success || !to.success) return reject(context, stageExample);
      return { for: length.data, from: from.data, rate: to.data };
    }),
    closed({
      for: duration(1, loadLimits.durationMsMax),
      rate: rate(),
      from: rate().optional(),
    }),
  ],
  { error: () => stageExample },
);

const condition = z.union(
  [
    z.string(),
    closed({
      threshold: text("a condition such as p(95)<500"),
      abortOnFail: flag().optional(),
      delayAbortEval: duration(0).optional(),
    }),
  ],
  { error: () => "expected a condition such as p(95)<500" },
);

export const scenarioSchema = closed({
  target: text("a URL such as http://localhost:8080"),
  rate: number(0.001, loadLimits.rateMax).optional(),
  users: integer(1, loadLimits.usersMax).optional(),
  stages: list(stage, "stages", loadLimits.stagesMax).optional(),
  arrivals: choice(["constant", "poisson"]).optional(),
  for: duration(1, loadLimits.durationMsMax).optional(),
  requests: integer(1, loadLimits.requestsMax).optional(),
  ramp_up: duration(0, loadLimits.durationMsMax).optional(),
  warm_up: duration(0, loadLimits.durationMsMax).optional(),
  max_in_flight: integer(1, loadLimits.inFlightMax).optional(),
  think_time: duration(0).optional(),
  expected_interval: duration(1).optional(),
  user_pool: integer(1, loadLimits.userPoolMax).optional(),
  timeout: duration(1, loadLimits.timeoutMsMax).optional(),
  retries: integer(0, loadLimits.retriesMax).optional(),
  keep_alive: flag().optional(),
  insecure: flag().optional(),
  seed: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  headers: headerMap("headers", loadLimits.headersMax).optional(),
  endpoints: named(endpoint, "endpoints", loadLimits.endpointsMax).optional(),
  thresholds: z
    .record(z.string(), list(condition, "conditions", loadLimits.thresholdsMax), {
      error: () => 'expected a map such as http_req_duration: "p(95)<500"',
    })
    .optional(),
});

/** The schema of a scenario asks for lists where one entry may stand alone; this writes them as lists. */
export function withLists(scenario: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const endpoints = mapOf(scenario["endpoints"], (endpoint) =>
    replaced(endpoint, "expect", (expect) => replaced(expect, "status", listOf)),
  );
  const lists = { stages: listOf(scenario["stages"]), endpoints };
  const thresholds = mapOf(scenario["thresholds"], listOf);
  const written = Object.entries({ ...lists, thresholds }).filter(
    ([key]) => scenario[key] !== undefined,
  );
  return { ...scenario, ...Object.fromEntries(written) };
}

function listOf(value: unknown): unknown {
  return Array.isArray(value) ? value : [value];
}

function mapOf(value: unknown, change: (entry: unknown) => unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, change(entry)]));
}

function replaced(value: unknown, key: string, change: (entry: unknown) => unknown): unknown {
  return isFields(value) && value[key] !== undefined
    ? { ...value, [key]: change(value[key]) }
    : value;
}

/** A map of a YAML or JSON document. */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export type WrittenScenario = z.output<typeof scenarioSchema>;
export type WrittenEndpoint = z.output<typeof endpoint>;
