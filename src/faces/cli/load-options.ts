import { err, ok, type Result } from "../../base/result.ts";
import type { Issue } from "../../core/config/model.ts";
import { splitThreshold } from "../../core/load/threshold.ts";
import { formatIssues } from "./io.ts";

/** The options of `sluice load` as commander gives them. */
export type LoadOptions = {
  readonly rate?: string;
  readonly users?: string;
  readonly stage?: readonly string[];
  readonly arrivals?: string;
  readonly for?: string;
  readonly requests?: string;
  readonly rampUp?: string;
  readonly warmUp?: string;
  readonly maxInFlight?: string;
  readonly thinkTime?: string;
  readonly expectedInterval?: string;
  readonly userPool?: string;
  readonly timeout?: string;
  readonly retries?: string;
  readonly keepAlive: boolean;
  readonly insecure?: boolean;
  readonly seed?: string;
  readonly header?: readonly string[];
  readonly method?: string;
  readonly body?: string;
  readonly bodyFile?: string;
  readonly lineOrder?: string;
  readonly expectStatus?: readonly string[];
  readonly expectContains?: string;
  readonly threshold?: readonly string[];
  readonly abortOnFail?: boolean;
  readonly json?: string;
  readonly csv?: string;
  readonly hgrm?: string;
  readonly quiet?: boolean;
  readonly allowHost?: string;
  readonly allowInvalid?: boolean;
};

/** What the command line says, in the keys of a scenario. */
export type Overrides = Readonly<Record<string, unknown>>;

/** Options that are keys of a scenario as they are. */
const plainOptions = {
  rate: "rate",
  users: "users",
  stage: "stages",
  arrivals: "arrivals",
  for: "for",
  requests: "requests",
  rampUp: "ramp_up",
  warmUp: "warm_up",
  maxInFlight: "max_in_flight",
  thinkTime: "think_time",
  expectedInterval: "expected_interval",
  userPool: "user_pool",
  timeout: "timeout",
  retries: "retries",
  insecure: "insecure",
  seed: "seed",
} as const satisfies Partial<Record<keyof LoadOptions, string>>;

const endpointOptions = {
  method: "method",
  body: "body",
  bodyFile: "body_file",
  lineOrder: "line_order",
} as const satisfies Partial<Record<keyof LoadOptions, string>>;

/** `url` is null where a scenario says what is asked. */
export function overridesOf(url: string | null, options: LoadOptions): Result<Overrides, string> {
  const overrides: Record<string, unknown> = {};
  for (const [option, key] of Object.entries(plainOptions)) {
    const value = options[option as keyof typeof plainOptions];
    if (value !== undefined) overrides[key] = value;
  }
  if (!options.keepAlive) overrides["keep_alive"] = false;
  const headers = headersOf(options.header ?? []);
  if (!headers.ok) return headers;
  if (options.header !== undefined) overrides["headers"] = headers.value;
  const thresholds = thresholdsOf(options);
  if (!thresholds.ok) return thresholds;
  if (options.threshold !== undefined) overrides["thresholds"] = thresholds.value;
  const endpoint = endpointOf(options);
  if (url !== null) return ok({ ...overrides, target: url, endpoints: { request: endpoint } });
  const [stray] = Object.keys(endpoint);
  if (stray === undefined) return ok(overrides);
  const flag = stray === "expect" ? "--expect-…" : flagOf(stray);
  return err(`${flag} goes with a URL; a scenario says it for each of its endpoints`);
}

function endpointOf(options: LoadOptions): Record<string, unknown> {
  const endpoint: Record<string, unknown> = {};
  for (const [option, key] of Object.entries(endpointOptions)) {
    const value = options[option as keyof typeof endpointOptions];
    if (value !== undefined) endpoint[key] = value;
  }
  const { expectStatus, expectContains } = options;
  if (expectStatus !== undefined || expectContains !== undefined) {
    endpoint["expect"] = {
      ...(expectStatus === undefined ? {} : { status: expectStatus }),
      ...(expectContains === undefined ? {} : { contains: expectContains }),
    };
  }
  return endpoint;
}

function headersOf(written: readonly string[]): Result<Record<string, string>, string> {
  const headers: Record<string, string> = {};
  for (const text of written) {
    const match = /^([^:\s]+)\s*:\s*(.*?)\s*$/s.exec(text);
    if (match === null) {
      return err(`--header: expected "NAME: VALUE", not ${JSON.stringify(text)}`);
    }
    headers[match[1] as string] = match[2] as string;
  }
  return ok(headers);
}

function thresholdsOf({
  threshold = [],
  abortOnFail = false,
}: LoadOptions): Result<Record<string, unknown[]>, string> {
  const thresholds: Record<string, unknown[]> = {};
  for (const text of threshold) {
    const split = splitThreshold(text);
    if (!split.ok) return err(`--threshold: ${split.error}, not ${JSON.stringify(text)}`);
    const [metric, condition] = split.value;
    thresholds[metric] = [
      ...(thresholds[metric] ?? []),
      { threshold: condition.trim(), abortOnFail },
    ];
  }
  return ok(thresholds);
}

/** Problems by the option where the command line is at fault, and by the line of the file where the file is. */
export function formatLoadIssues(
  file: string | null,
  overrides: Overrides,
  issues: readonly Issue[],
): string {
  return issues
    .map((issue) => {
      const key = /^[\w-]+/.exec(issue.path)?.[0] ?? "";
      if (file !== null && !Object.hasOwn(overrides, key)) return formatIssues(file, [issue]);
      return `sluice load: ${placeOf(issue.path)}: ${issue.message}\n`;
    })
    .join("");
}

function placeOf(path: string): string {
  if (path === "target" || path.startsWith("endpoints.request.request")) return "URL";
  const inside = path.replace(/^endpoints\.request\./, "");
  if (inside.startsWith("expect.")) return `--expect-${/^\w+/.exec(inside.slice(7))?.[0] ?? ""}`;
  const key = /^\w+/.exec(inside)?.[0] ?? "";
  const singular: Record<string, string> = {
    stages: "--stage",
    headers: "--header",
    thresholds: "--threshold",
    keep_alive: "--no-keep-alive",
  };
  return singular[key] ?? flagOf(key);
}

function flagOf(key: string): string {
  return `--${key.replaceAll("_", "-")}`;
}
