import { z } from "zod";
import { err, ok } from "../../base/result.ts";
import type { Result } from "../../base/result.ts";
import { excerpt } from "./fault.ts";
import type { PrometheusFault, PrometheusFaultCode } from "./fault.ts";

/** What a query measured: one finite number. */
export type PrometheusValue = { readonly value: number };

/** A time in seconds, and a number as Go prints it. */
const point = z.tuple([
  z.number(),
  z.string().regex(/^(NaN|[+-]?Inf|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/),
]);

/** A series whose samples are native histograms has no `value`. */
const series = z.object({ value: point.optional() });

const success = z.object({
  status: z.literal("success"),
  data: z.discriminatedUnion("resultType", [
    z.object({ resultType: z.literal("scalar"), result: point }),
    z.object({ resultType: z.literal("vector"), result: z.array(series) }),
    z.object({ resultType: z.literal("matrix") }),
    z.object({ resultType: z.literal("string") }),
  ]),
});

const failure = z.object({
  status: z.literal("error"),
  errorType: z.string(),
  error: z.string(),
});

type Success = z.output<typeof success>["data"];
type Failure = z.output<typeof failure>;

/** Reads what answered `/api/v1/query` with this status and this body. */
export function readAnswer(status: number, body: string): Result<PrometheusValue, PrometheusFault> {
  if (status === 401 || status === 403) {
    return fault(
      "unauthorised",
      `the server refuses access with status ${status}: check the user, the password and the headers`,
    );
  }
  const json = parseJson(body);
  const failed = failure.safeParse(json);
  if (failed.success) return readFailure(status, failed.data);
  if (status === 429 || status >= 500) {
    return fault("unavailable", `the server cannot answer now: status ${status}`);
  }
  const succeeded = success.safeParse(json);
  if (status === 200 && succeeded.success) return readData(succeeded.data.data);
  const redirected = status >= 300 && status < 400 ? ", and redirects are not followed" : "";
  return fault(
    "not_prometheus",
    `status ${status} with an answer that is not Prometheus'${redirected}: check the URL`,
  );
}

/** `errorType` as in Prometheus' web/api/v1; servers that only answer like it have words of their own there. */
function readFailure(
  status: number,
  { errorType, error }: Failure,
): Result<never, PrometheusFault> {
  const said = excerpt(error);
  if (errorType === "timeout" || errorType === "canceled") {
    return fault("timeout", `Prometheus gave the query up: ${said}`);
  }
  if (status === 400 || status === 422) {
    return fault("bad_query", `Prometheus does not take the query: ${said}`);
  }
  return fault("unavailable", `Prometheus cannot answer now: status ${status}, ${said}`);
}

function readData(data: Success): Result<PrometheusValue, PrometheusFault> {
  switch (data.resultType) {
    case "scalar":
      return readNumber(data.result[1]);
    case "vector":
      return readVector(data.result);
    default:
      return fault(
        "bad_query",
        `the query answers with a ${data.resultType}, and one number is needed: write one that gives a scalar or a single series`,
      );
  }
}

function readVector(
  vector: readonly z.output<typeof series>[],
): Result<PrometheusValue, PrometheusFault> {
  const [first] = vector;
  if (first === undefined) {
    const message = "no series matches the query: check its names and labels, and the scrape";
    return fault("no_data", message);
  }
  if (vector.length > 1) {
    const message = `the query answers with ${vector.length} series, and one is needed: aggregate them, with sum() for example`;
    return err({ code: "many_series", series: vector.length, message });
  }
  if (first.value === undefined) {
    const message =
      "the query answers with a histogram, and one number is needed: take a quantile or the mean of it";
    return fault("bad_query", message);
  }
  return readNumber(first.value[1]);
}

function readNumber(written: string): Result<PrometheusValue, PrometheusFault> {
  const value = Number(written);
  if (Number.isFinite(value)) return ok({ value });
  return fault(
    "no_data",
    `the query answers with ${written}, as a ratio does that divides by zero: without traffic there is nothing to measure`,
  );
}

function fault(code: PrometheusFaultCode, message: string): Result<never, PrometheusFault> {
  return err({ code, message });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
