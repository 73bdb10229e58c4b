import { z } from "zod";
import { defaults, fileLimits } from "../config/defaults.ts";
import {
  choice,
  closed,
  cookieName,
  duration,
  flag,
  headerName,
  isHeaderName,
  list,
  name,
  pattern,
  reject,
  share,
  text,
} from "../config/fields.ts";
import { suggest } from "../config/suggestion.ts";
import type { AssignmentPolicy, Condition, UserKeySource } from "./policy.ts";

/** How the assignment slice of the configuration is written, and what it turns into. */

const sourceKinds = ["header", "cookie", "query", "jwt", "body", "api_key", "ip"] as const;

const userSource = text("a user key source such as header:x-user-id", 512)
  .transform((written, context): UserKeySource => {
    const source = parseUserSource(written);
    return typeof source === "string" ? reject(context, source) : source;
  })
  .meta({ examples: [...defaults.experiment.assignment.user] });

/** A source, or what is wrong with it. */
function parseUserSource(written: string): UserKeySource | string {
  const colon = written.indexOf(":");
  const kind = colon === -1 ? written : written.slice(0, colon);
  const rest = colon === -1 ? null : written.slice(colon + 1);
  switch (kind) {
    case "api_key":
    case "ip":
      return rest === null ? { kind } : `${kind} takes no name`;
    case "header":
      return isHeaderName(rest ?? "")
        ? { kind, name: (rest ?? "").toLowerCase() }
        : "expected header:NAME with a legal header name";
    case "cookie":
      return isHeaderName(rest ?? "")
        ? { kind, name: rest ?? "" }
        : "expected cookie:NAME with a legal cookie name";
    case "query":
      return rest ? { kind, name: rest } : "expected query:NAME";
    case "jwt":
      return rest ? { kind, claim: rest } : "expected jwt:CLAIM";
    case "body": {
      const path = (rest ?? "").split(".");
      return path.includes("") ? "expected body:FIELD or body:FIELD.FIELD" : { kind, path };
    }
    default: {
      const close = suggest(kind, sourceKinds);
      return `unknown user key source${close || `; known: ${sourceKinds.join(", ")}`}`;
    }
  }
}

const cookie = z
  .union(
    [
      z.literal(false),
      closed({
        name: cookieName()
          .describe("its name")
          .prefault(defaults.experiment.assignment.cookie.name),
        max_age: duration(1000, 400 * 86_400_000)
          .describe("how long browsers keep it")
          .prefault(defaults.experiment.assignment.cookie.maxAge),
      }).transform((written) => ({
        name: written.name,
        maxAgeSeconds: Math.floor(written.max_age / 1000),
      })),
    ],
    { error: () => "expected { name, max_age } or false" },
  )
  .transform((written) => (written === false ? null : written))
  .describe("the cookie that a user without a key gets; false is none");

const namespace = closed({
  id: text("the name of a namespace", 128).describe("its name, the same in each experiment"),
  range: z
    .tuple([share(), share()], { error: () => "expected [FROM, TO], two shares" })
    .meta({ description: "part of its users, such as [0%, 50%]", "x-type": "[share, share]" }),
})
  .refine(({ range: [from, to] }) => from < to, "the range must start below its end")
  .describe("mutual exclusion: experiments with disjoint ranges of one id share no user");

const forced = closed({
  header: headerName().nullable().describe("header that names the variant").prefault(null),
  cookie: cookieName().nullable().describe("cookie that names the variant").prefault(null),
  from: choice(["anyone", "trusted", "signed"])
    .describe(
      "trusted: loopback and listen.trusted_proxies; signed: nobody without a signature by listen.signing_secrets",
    )
    .prefault(defaults.experiment.assignment.forcedFrom),
})
  .refine((written) => written.header !== null || written.cookie !== null, {
    error: "name a header or a cookie, or both",
  })
  .describe(
    "a header or cookie whose value names the variant, or is what sluice sign-variant prints",
  );

const condition = closed({
  header: headerName().describe("header to look at").optional(),
  cookie: cookieName().describe("cookie to look at").optional(),
  query: text("the name of a query parameter", 256)
    .describe("query parameter to look at")
    .optional(),
  path: z
    .literal(true, { error: () => "expected true" })
    .describe("true: look at the path")
    .optional(),
  equals: z
    .string({ error: () => "expected a text; quote numbers" })
    .max(4096)
    .describe("it is this text")
    .optional(),
  in: list(z.string({ error: () => "expected a text; quote numbers" }).max(4096), "texts", 1000)
    .refine((values) => values.length > 0, "name at least one value")
    .describe("it is one of these texts")
    .optional(),
  prefix: text("a text").describe("it begins with this text").optional(),
  matches: pattern(fileLimits.patternLengthMax)
    .describe("it matches this regular expression")
    .optional(),
  present: flag().describe("it is there, or with false is not").optional(),
}).transform((written, context): Condition => {
  const subjects: Condition["on"][] = [];
  if (written.header !== undefined) subjects.push({ kind: "header", name: written.header });
  if (written.cookie !== undefined) subjects.push({ kind: "cookie", name: written.cookie });
  if (written.query !== undefined) subjects.push({ kind: "query", name: written.query });
  if (written.path !== undefined) subjects.push({ kind: "path" });
  const tests: Condition["test"][] = [];
  if (written.equals !== undefined) tests.push({ kind: "equals", value: written.equals });
  if (written.in !== undefined) tests.push({ kind: "in", values: written.in });
  if (written.prefix !== undefined) tests.push({ kind: "prefix", value: written.prefix });
  if (written.matches !== undefined) tests.push({ kind: "matches", pattern: written.matches });
  if (written.present !== undefined) tests.push({ kind: "present", present: written.present });
  const [on] = subjects;
  const [test] = tests;
  if (on === undefined || subjects.length > 1) {
    return reject(context, "say exactly one of header, cookie, query, path");
  }
  if (test === undefined || tests.length > 1) {
    return reject(context, "say exactly one of equals, in, prefix, matches, present");
  }
  return { on, test };
});

const rule = closed({
  when: list(condition, "conditions", 32)
    .refine((all) => all.length > 0, "name at least one condition")
    .describe("all of them must hold"),
  variant: z
    .union([name(), z.null()], {
      error: () => "expected the key of a variant, or null to leave the request out",
    })
    .describe("what the request gets; null leaves it out of the experiment"),
});

/** `assignment:` of an experiment; the seed is null when it is to be the experiment's key. */
export const assignmentSchema = closed({
  strategy: choice(["hash", "random", "round_robin"])
    .describe("hash keeps each user on one variant; the others draw for each request")
    .prefault(defaults.experiment.assignment.strategy),
  seed: z
    .string({ error: () => "expected a text; quote numbers" })
    .max(256)
    .nullable()
    .describe("what the hash begins with; default: the experiment's key")
    .prefault(null),
  hash_version: z
    .union([z.literal(1), z.literal(2), z.enum(["1", "2"])], { error: () => "expected 1 or 2" })
    .transform((written) => Number(written) as 1 | 2)
    .describe("GrowthBook's hash version")
    .prefault(defaults.experiment.assignment.hashVersion),
  user: list(userSource, "user key sources", 16)
    .refine((sources) => sources.length > 0, "name at least one source")
    .describe("where the user's key comes from; the first that is there counts")
    .prefault([...defaults.experiment.assignment.user]),
  cookie: cookie.prefault({}),
  coverage: share()
    .describe("users enrolled; the rest get the control and are not analysed")
    .prefault(defaults.experiment.assignment.coverage),
  namespace: namespace.nullable().prefault(null),
  forced: forced.nullable().prefault(null),
  rules: list(rule, "rules", fileLimits.rulesMax)
    .describe("the first whose conditions all hold counts")
    .prefault([]),
}).transform((written): Omit<AssignmentPolicy, "seed"> & { readonly seed: string | null } => ({
  strategy: written.strategy,
  seed: written.seed,
  hashVersion: written.hash_version,
  user: written.user,
  cookie: written.cookie,
  coverage: written.coverage,
  namespace: written.namespace,
  forced: written.forced,
  rules: written.rules,
}));
