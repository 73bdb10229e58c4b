import { z } from "zod";
import { assignmentSchema } from "../assignment/schema.ts";
import { defaults, fileLimits } from "../config/defaults.ts";
import {
  choice,
  closed,
  duration,
  flag,
  integer,
  isHeaderName,
  isHeaderValue,
  list,
  name,
  named,
  number,
  reject,
  text,
} from "../config/fields.ts";
import { guardrailSchema } from "../rollout/guardrail-schema.ts";
import { rolloutLimits, rolloutSchema } from "../rollout/schema.ts";
import { primaryMetrics, type AnalysisPolicy } from "./lifecycle-policy.ts";
import { measureFields, priceSchema } from "./measure-schema.ts";
import type { JsonValue } from "./policy.ts";

/** How the experiment slice of the configuration is written, and what it turns into. */

/** Fields that frame or route a message, or that Sluice writes itself; a variant may not touch them. */
const protectedHeaders = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-sluice-experiment",
  "x-sluice-variant",
]);

function headerProblem(header: string): string | null {
  if (!isHeaderName(header)) return "not a legal header name";
  return protectedHeaders.has(header.toLowerCase())
    ? "this header frames or routes the message; a variant may not change it"
    : null;
}

const headerChanges = closed({
  set: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), {
      error: () => "expected a map from header names to texts",
    })
    .superRefine((fields, context) => {
      const seen = new Set<string>();
      for (const [field, value] of Object.entries(fields)) {
        const problem = headerProblem(field);
        if (problem !== null) reject(context, problem, [field]);
        if (!isHeaderValue(String(value))) reject(context, "not a legal header value", [field]);
        if (seen.has(field.toLowerCase())) {
          reject(context, "the same header in another case is set above", [field]);
        }
        seen.add(field.toLowerCase());
      }
    })
    .transform((fields): Record<string, string> =>
      Object.fromEntries(
        Object.entries(fields).map(([field, value]) => [field.toLowerCase(), String(value)]),
      ),
    )
    .describe("replaces or adds")
    .prefault({}),
  remove: list(
    text("a header name", 256)
      .superRefine((field, context) => {
        const problem = headerProblem(field);
        if (problem !== null) reject(context, problem);
      })
      .transform((field) => field.toLowerCase()),
    "header names",
    128,
  )
    .describe("taken off")
    .prefault([]),
}).refine((changes) => changes.remove.every((field) => !Object.hasOwn(changes.set, field)), {
  error: "the same header is both set and removed",
});

const bodyPatch = z
  .record(z.string(), z.unknown(), { error: () => "expected a map: a JSON merge patch" })
  .transform((patch, context): { readonly [key: string]: JsonValue } => {
    if (!isJson(patch)) return reject(context, "not JSON: it holds .nan, .inf or a gap");
    return patch as { readonly [key: string]: JsonValue };
  });

function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return typeof value === "object" && Object.values(value).every(isJson);
}

const pathPrefix = text("a path", 2048).regex(
  /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/,
  "a path starts with / and has no spaces, ? or #",
);

const variant = closed({
  upstream: name().describe("the upstream that answers"),
  weight: number(0, 1e9).describe(`relative; default ${defaults.experiment.weight}`).optional(),
  control: flag().describe("default: the variant named control").optional(),
  headers: headerChanges.describe("changes to the request's headers").prefault({}),
  body: bodyPatch.nullable().describe("JSON merge patch of JSON request bodies").prefault(null),
  path: closed({
    from: pathPrefix.describe("prefix as it comes"),
    to: pathPrefix.describe("prefix as the upstream gets it"),
  })
    .nullable()
    .describe("replaces the path prefix from by to")
    .prefault(null),
  price: priceSchema.describe("for cost per request, in any currency").optional(),
});

const analysis = closed({
  primary: choice(primaryMetrics).describe("lower is better"),
  confidence: number(0.5, 0.999)
    .describe("of intervals that hold at every look; default 0.95")
    .optional(),
  min_effect_size: number(0, 10)
    .describe("smallest change that counts, as a share of the control's value; default 0.05")
    .optional(),
  power: number(0.5, 0.99)
    .describe("chance to see a change of min_effect_size, for the planned sample; default 0.8")
    .optional(),
}).transform((written): AnalysisPolicy => ({
  primary: written.primary,
  confidence: written.confidence ?? 0.95,
  minEffectSize: written.min_effect_size ?? 0.05,
  power: written.power ?? 0.8,
}));

const ends = closed({
  after: duration(60_000, 365 * 86_400_000)
    .describe("running time, pauses left out")
    .optional(),
  users: integer(1, 1e9).describe("users in the smallest arm").optional(),
  requests: integer(1, 1e12).describe("analysed requests in the smallest arm").optional(),
  decision: flag().describe("as soon as the analysis has decided; default false").optional(),
});

/** One entry of `experiments:`; names not yet looked up, weights and control not yet resolved. */
export const experimentSchema = closed(
  {
    variants: named(variant, "variants", fileLimits.variantsMax).describe(
      "arms by name; one is the control",
    ),
    assignment: assignmentSchema.describe("who gets which variant").prefault({}),
    rollout: rolloutSchema
      .describe("a canary: the treatment gets a share of users, the control the rest")
      .optional(),
    guardrails: list(guardrailSchema, "guardrails", rolloutLimits.guardrailsMax)
      .describe("limits whose breach rolls the treatment back; for rollouts with steps")
      .prefault([]),
    state: choice(["running", "draft"])
      .describe("draft: nobody gets a treatment until somebody starts it; default running")
      .optional(),
    analysis: analysis.describe("what is compared, and how surely").optional(),
    ends: ends.describe("what ends an A/B experiment, whichever comes first").optional(),
    on_end: choice(["control", "winner"])
      .describe("who everybody gets when it ended with a winner; default control")
      .optional(),
    auto_rollout: rolloutSchema
      .describe("steps that a winning treatment climbs by itself, under the guardrails")
      .optional(),
    disabled: flag()
      .describe("kill switch: everybody gets the control")
      .prefault(defaults.experiment.disabled),
    on_unavailable: choice(["fail", "control"])
      .describe("users of a variant without a healthy endpoint; default fail, for rollouts control")
      .optional(),
    ...measureFields,
  },
  {},
);

/** An experiment as its schema hands it on. */
export type WrittenExperiment = z.output<typeof experimentSchema>;
