import { z } from "zod";
import {
  choice,
  closed,
  duration,
  headerMap,
  integer,
  list,
  reject,
  share,
  text,
} from "../config/fields.ts";
import {
  desiredStates,
  type GatePolicy,
  type GuardrailPolicy,
  type RolloutPolicy,
  type RolloutStep,
} from "./policy.ts";

/** How rollouts are written, and what they turn into. */

export const rolloutLimits = { stepsMax: 100, guardrailsMax: 32, gateHeadersMax: 32 } as const;

const defaults = {
  holdMs: 300_000,
  observeMs: 300_000,
  minRequests: 100,
  gateTimeoutMs: 10_000,
} as const;

const webhook = closed({
  webhook: text("a URL", 2048)
    .refine(isHttpUrl, "expected a URL such as https://ci.example/gates/canary")
    .describe("URL that is asked with POST every 10 s; 200, 201 or 202 opens the gate"),
  headers: headerMap("headers", rolloutLimits.gateHeadersMax)
    .describe("such as authorization")
    .optional(),
  timeout: duration(100, 60_000).describe("for one answer; default 10s").optional(),
}).transform((written): GatePolicy => ({
  url: written.webhook,
  headers: written.headers ?? {},
  timeoutMs: written.timeout ?? defaults.gateTimeoutMs,
}));

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

const step = closed({
  share: share().describe("of users that get the treatment").optional(),
  shadow: z
    .union([z.literal(true), share()], { error: () => "expected true, or a share such as 20%" })
    .describe("instead of share: nobody is answered by the treatment, it gets copies of requests")
    .optional(),
  hold: duration(1000, 30 * 86_400_000)
    .describe("least time at this share; default 5m")
    .optional(),
  min_requests: integer(0, 1e9).describe("least requests of the treatment; default 100").optional(),
  min_users: integer(0, 1e9).describe("least users who had the treatment; default 0").optional(),
  gate: z
    .union([choice(["none", "approval"]), webhook], {
      error: () => "expected none, approval, or { webhook: URL }",
    })
    .describe("approval: somebody has to promote it; { webhook: URL }: that has to say yes")
    .optional(),
}).transform((written, context): RolloutStep | never => {
  if ((written.share === undefined) === (written.shadow === undefined)) {
    return reject(context, "say exactly one of share and shadow");
  }
  for (const field of ["share", "shadow"] as const) {
    if (written[field] === 0) {
      return reject(context, "a step gives the treatment more than 0", [field]);
    }
  }
  return {
    share: written.share ?? 0,
    shadow: written.shadow === true ? 1 : (written.shadow ?? 0),
    holdMs: written.hold ?? defaults.holdMs,
    minRequests: written.min_requests ?? defaults.minRequests,
    minUsers: written.min_users ?? 0,
    gate: written.gate ?? "none",
  };
});

/** `rollout:` of an experiment: a share that stands, or steps that climb. */
export const rolloutSchema = closed(
  {
    share: share()
      .describe("the treatment's share of users, until the file says otherwise")
      .optional(),
    steps: list(step, "steps", rolloutLimits.stepsMax)
      .refine((steps) => steps.length > 0, "name at least one step")
      .refine(
        (steps) =>
          steps.every(
            ({ share, shadow }, at) =>
              at === 0 ||
              share > (steps[at - 1]?.share ?? 0) ||
              (share === 0 && steps[at - 1]?.share === 0 && shadow > (steps[at - 1]?.shadow ?? 0)),
          ),
        "each step gives the treatment more than the one before, and shadow steps come first",
      )
      .refine(
        (steps) => steps.length === 0 || (steps.at(-1)?.share ?? 0) > 0,
        "the last step gives the treatment a share of users",
      )
      .describe("shares that Sluice climbs by itself while the guardrails allow it")
      .optional(),
    observe: duration(1000, 30 * 86_400_000)
      .describe(
        "how long the last share is watched before the rollout counts as promoted; default 5m",
      )
      .optional(),
    warm_up: duration(1000, 30 * 86_400_000)
      .describe(
        "times are not compared with the control's for so long: the treatment's caches are cold",
      )
      .optional(),
    restore_within: duration(1000, 365 * 86_400_000)
      .describe("a treatment that everybody had within this time skips the steps")
      .optional(),
    state: choice(desiredStates)
      .describe(
        "what the file wants of it; changing it acts as the command does; manual: people start and end it; default manual",
      )
      .optional(),
  },
  {},
).transform((written, context) => {
  if ((written.share === undefined) === (written.steps === undefined)) {
    return reject(context, "say exactly one of share and steps");
  }
  for (const field of ["observe", "state", "warm_up", "restore_within"] as const) {
    if (written[field] !== undefined && written.steps === undefined) {
      return reject(context, `${field} belongs to steps`, [field]);
    }
  }
  return written;
});

/** Puts a rollout and its guardrails together; null for one whose share stands. */
export function resolveRollout(
  written: z.output<typeof rolloutSchema> | undefined,
  guardrails: readonly GuardrailPolicy[],
): RolloutPolicy | null {
  if (written?.steps === undefined) return null;
  return {
    steps: written.steps,
    guardrails,
    observeMs: written.observe ?? defaults.observeMs,
    desired: written.state ?? "manual",
    warmUpMs: written.warm_up ?? 0,
    restoreWithinMs: written.restore_within ?? 0,
  };
}
