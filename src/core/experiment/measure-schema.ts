import { z } from "zod";
import { choice, closed, flag, named, number, reject, share, text } from "../config/fields.ts";
import { isKnownMetric, metricNamePattern } from "../telemetry/metric-names.ts";
import {
  measureLimits,
  type MeasurePolicy,
  type MetricPolicy,
  type PricePolicy,
  type ShadowPolicy,
} from "./measure-policy.ts";

/** How an experiment's measuring is written, and what it turns into. */

export const priceSchema = closed({
  input: number(0, 1e9).describe("per million tokens read; default 0").optional(),
  output: number(0, 1e9).describe("per million tokens written; default 0").optional(),
  request: number(0, 1e9).describe("per request; default 0").optional(),
}).transform((written): PricePolicy => ({
  inputPerMillion: written.input ?? 0,
  outputPerMillion: written.output ?? 0,
  perRequest: written.request ?? 0,
}));

const shadow = closed({
  share: share().describe("of split requests that the other variant gets a copy of"),
  when: choice(["after", "at_once"])
    .describe("after: when the user has the answer; at_once: with the request; default after")
    .optional(),
  same_model: flag()
    .describe("vectors can be compared by cosine; default: where dimension and named model agree")
    .optional(),
}).transform((written): ShadowPolicy => ({
  share: written.share,
  when: written.when ?? "after",
  sameModel: written.same_model ?? null,
}));

const pointer = text("a JSON pointer", measureLimits.pointerLengthMax).regex(
  /^(?:\/(?:[^~/]|~0|~1)*)+$/,
  "a JSON pointer looks like /usage/total",
);

const metric = closed({
  from: choice(["header", "answer", "api"]).describe(
    "header: x-sluice-metric-NAME of the response; answer: a number in it; api: POST /v1/metrics",
  ),
  pointer: pointer.describe("where the number stands in a JSON answer").optional(),
}).transform((written, context): MetricPolicy["from"] => {
  const { from } = written;
  if ((from === "answer") !== (written.pointer !== undefined)) {
    return reject(context, "from: answer and pointer come together");
  }
  return from === "answer" ? { kind: from, pointer: written.pointer as string } : { kind: from };
});

/** The fields of an experiment that say what is measured. */
export const measureFields = {
  shadow: shadow
    .describe("copies of split requests to the other variant, which compare the answers")
    .optional(),
  metrics: named(metric, "metrics", measureLimits.metricsMax)
    .superRefine((metrics, context) => {
      for (const name of Object.keys(metrics)) {
        if (!metricNamePattern.test(name)) {
          reject(context, "lower-case letters, digits and _ only, a letter first", [name]);
        } else if (isKnownMetric(name)) {
          reject(context, `Sluice measures ${name} itself; choose another name`, [name]);
        }
      }
    })
    .transform((metrics): MetricPolicy[] =>
      Object.entries(metrics).map(([name, from]) => ({ name, from })),
    )
    .describe("of your own, for guardrails and the dashboard")
    .optional(),
  writes: choice(["control", "mirror"])
    .describe("who gets writes: the control alone, or every variant; default control")
    .optional(),
  allow_mixed_embeddings: flag()
    .describe(
      "variants embed with different models, and each has a vector store of its own; default false",
    )
    .optional(),
  first_seen: flag()
    .describe(
      "tell times of inputs that are new to a variant from those of repeated ones; default false",
    )
    .optional(),
};

const measure = z.object(measureFields);
type Written = z.output<typeof measure>;

/** Fills in defaults; prices come from the variants. */
export function resolveMeasure(written: Written, prices: MeasurePolicy["prices"]): MeasurePolicy {
  return {
    shadow: written.shadow ?? null,
    metrics: written.metrics ?? [],
    prices,
    writes: written.writes ?? "control",
    allowMixedEmbeddings: written.allow_mixed_embeddings ?? false,
    firstSeen: written.first_seen ?? false,
  };
}
