import { z } from "zod";
import { actorSchema } from "./actor.ts";
import { divergences } from "../core/mirror/divergence.ts";
import { outcomes } from "../core/traffic/outcome.ts";

/** The admin API's answers. The OpenAPI document is made from these schemas. */

const count = z.int().min(0);
const share = z.number().min(0).max(1);

export const problemSchema = z
  .object({
    type: z.string().describe("urn:sluice:problem:CODE"),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.string().describe("Stable; what a program may rely on"),
    detail: z.string().optional(),
  })
  .describe("RFC 9457 problem document");

export const issueSchema = z
  .object({
    path: z.string().describe("Where in the configuration, e.g. routes[0].match"),
    line: z.int().min(1).nullable(),
    column: z.int().min(1).nullable(),
    code: z.string(),
    message: z.string(),
  })
  .describe("One problem of a configuration");

export const configProblemSchema = problemSchema.extend({
  issues: z.array(issueSchema).describe("Every issue, in the order of the text"),
});

export const configAnswerSchema = z.object({
  result: z.enum(["applied", "unchanged", "planned"]).describe("`planned` is a dry run's answer"),
  generation: z.int().min(1).describe("Of the running configuration, after this request"),
  etag: z.string().describe("Of the text sent, for the next If-Match once it is applied"),
  changes: z.array(z.string()),
  warnings: z.array(z.string()).describe("What takes a restart, and where users change variant"),
  not_saved: z
    .string()
    .nullable()
    .describe("Why the file does not hold this configuration, so that a restart forgets it"),
});

export const readinessSchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()).describe("Why not; empty when ready"),
});

export const healthSchema = z.object({ status: z.literal("ok") });

const reloadSchema = z.object({
  at: z.iso.datetime(),
  reason: z.string(),
  result: z.enum(["applied", "unchanged", "invalid", "conflict", "refused", "failed"]),
  message: z.string().nullable(),
  issues: z.array(issueSchema),
});

const workerSchema = z.object({
  index: count,
  state: z.enum(["starting", "running", "draining", "restarting", "stopped"]),
  /** Times that this worker was replaced after a crash. */
  restarts: count,
});

const endpointSchema = z.object({
  upstream: z.string(),
  origin: z.string(),
  healthy: z.boolean().describe("As active health checks see it"),
  ejected: z.boolean().describe("Left out by at least one worker after failures"),
  in_flight: count,
  ejections: count,
});

const outcomesSchema = z.object(
  Object.fromEntries(outcomes.map((outcome) => [outcome, count])) as Record<
    (typeof outcomes)[number],
    typeof count
  >,
);

const latencySchema = z
  .object({ p50: z.number().min(0), p95: z.number().min(0), p99: z.number().min(0) })
  .nullable();

const metricsSchema = z.record(z.string(), z.object({ count, mean: z.number() }));

const pairedSchema = z
  .object({
    pairs: count.describe("The last 2,000 at most"),
    slower: count.describe("Pairs in which the treatment took longer"),
    faster: count,
    mean_ms: z.number(),
    median_ms: z.number(),
    interval_ms: z.tuple([z.number(), z.number()]).nullable().describe("95 % for the mean"),
    t_p_value: z.number().nullable().describe("Paired t-test, two-sided, for one look"),
    wilcoxon_p_value: z.number().nullable().describe("Wilcoxon signed-rank test, likewise"),
  })
  .describe("How much longer the treatment took than the control for the same requests");

const variantSchema = z.object({
  key: z.string(),
  upstream: z.string(),
  control: z.boolean(),
  configured_share: share.describe("Of the enrolled users (or requests, unless hashed)"),
  observed_share: share.nullable().describe("Of the experiment's requests; null before the first"),
  requests: count.describe("Finished in the present epoch"),
  requests_per_second: z.number().min(0).describe("Over the collector's sliding window"),
  in_flight: count,
  users: count.nullable().describe("Distinct users; null where unknown"),
  latency_ms: latencySchema.describe("Of finished requests; null before the first"),
  outcomes: outcomesSchema,
  metrics: metricsSchema.describe(
    "What was measured of its answers besides times: tokens, cost, your own",
  ),
  failures: z
    .record(z.string(), count)
    .describe("Why answers counted as bad in spite of their status, by reason"),
  copies: z
    .object({
      requests: count,
      success_rate: share.nullable(),
      latency_ms: latencySchema,
      metrics: metricsSchema.describe(
        "How its answers compare with the control's to the same requests",
      ),
      paired: pairedSchema.nullable().describe("null before the first pair of good answers"),
      refused: z
        .record(z.string(), count)
        .describe("Why answers were not compared, with how often"),
    })
    .nullable()
    .describe("Copies of requests that nobody was answered with; null without any"),
});

const writeAnswerSchema = z.object({
  status: z.int().nullable().describe("null when it is not known what became of it"),
  says: z.string().nullable().describe("The body's own word, such as LightRAG's status"),
});

const mirroredSchema = z
  .object({
    variant: z.string(),
    state: z.enum(["in_step", "catching_up", "diverged"]),
    queued: count.describe("Writes that wait, in their order"),
    oldest_seconds: z.number().min(0),
    delivered: count,
    retried: count,
    failure: z.string().nullable().describe("Why the first that waits was not taken"),
    diverged: z.partialRecord(z.enum(divergences), count),
    unacknowledged: count.describe("Of them, since somebody last acknowledged the alert"),
    last: z.array(
      z.object({
        kind: z.enum(divergences),
        request_id: z.string(),
        path: z.string(),
        at: z.iso.datetime(),
        primary: writeAnswerSchema,
        target: writeAnswerSchema,
      }),
    ),
  })
  .describe("A variant that gets copies of the writes that the primary answers");

const experimentSchema = z.object({
  key: z.string(),
  epoch: count.describe("Rises whenever the split changes"),
  strategy: z.enum(["hash", "random", "round_robin"]),
  coverage: share,
  disabled: z.boolean().describe("Kill switch: everybody gets the control"),
  variants: z.array(variantSchema),
  mirrored: z.array(mirroredSchema),
  compatibility: z
    .object({
      checked_at: z.iso.datetime().nullable().describe("null before the first answer"),
      refused: z.boolean().describe("Everybody gets the control until the variants go together"),
      findings: z.array(
        z.object({
          code: z.string(),
          severity: z.enum(["refuse", "warn"]),
          variant: z.string(),
          message: z.string(),
          override: z.string().nullable().describe("What in the file allows it all the same"),
        }),
      ),
    })
    .nullable()
    .describe("Whether the variants may be split; null where nothing can be asked"),
});

export const statusSchema = z.object({
  version: z.string(),
  started_at: z.iso.datetime(),
  uptime_seconds: z.number().min(0),
  ready: z.boolean(),
  reasons: z.array(z.string()),
  config: z.object({
    generation: z.int().min(1),
    etag: z.string(),
    last_reload: reloadSchema.nullable().describe("null before the first attempt"),
  }),
  workers: z.array(workerSchema),
  endpoints: z.array(endpointSchema),
  experiments: z.array(experimentSchema),
});

const verdictSchema = z.object({
  guardrail: z.string(),
  verdict: z.enum(["ok", "breach", "wait", "error"]),
  value: z
    .number()
    .nullable()
    .describe("The treatment's value in this step, or in the guardrail's window"),
  control: z.number().nullable(),
  limit: z.number().nullable().describe("null while there is nothing of the control to go by"),
  unit: z.enum(["share", "ms", "number"]).describe("Of value, control and limit"),
  requests: count,
  interval: z.tuple([z.number(), z.number()]).nullable().describe("95 % for value"),
  p_value: z
    .number()
    .nullable()
    .describe("Of nothing being wrong, valid at every look; null with evidence from a window"),
  on_breach: z.enum(["rollback", "pause", "alert"]),
  dry_run: z.boolean(),
  reason: z.string(),
});

export const journalLineSchema = z.object({
  at: z.iso.datetime(),
  what: z.string(),
  actor: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

export const rolloutSchema = z.object({
  experiment: z.string(),
  phase: z.enum(["waiting", "stepping", "observing", "paused", "promoted", "rolled_back"]),
  step: count.nullable().describe("From 1; null before the first and after the last"),
  steps: z.array(
    z.object({
      share,
      shadow: share.describe("Of requests, as copies, in a step that gives the treatment no users"),
      hold_seconds: z.number(),
      min_requests: count,
      min_users: count,
      gate: z.enum(["none", "approval", "webhook"]),
    }),
  ),
  share: share.describe("The treatment's share that is wanted"),
  shadow: share.describe("The share of requests that the treatment gets as copies"),
  applied_share: share.describe("The one that every worker confirmed"),
  users: count.describe("Distinct users who had the treatment in this step"),
  requests: count.describe("Their requests that are analysed"),
  preparation: z
    .object({
      findings: z
        .array(z.object({ level: z.enum(["error", "warning", "info"]), message: z.string() }))
        .describe("Errors first; with one it starts by force only"),
      expected_seconds: z
        .number()
        .nullable()
        .describe("At the present traffic, when nothing goes wrong; null when it would never end"),
    })
    .nullable()
    .describe("What speaks against starting it; null when it is under way or done"),
  waits_for: z
    .string()
    .nullable()
    .describe("What keeps it from its next step; null when it is not under way"),
  reason: z.string().nullable().describe("Why it is paused or rolled back"),
  verdicts: z.array(verdictSchema).describe("Of the last judgement; empty before the first"),
  journal: z.array(journalLineSchema).describe("The last entries, oldest first"),
});

export const rolloutsSchema = z.object({ rollouts: z.array(rolloutSchema) });

export const rolloutCommandSchema = z
  .strictObject({
    command: z
      .enum([
        "start",
        "pause",
        "resume",
        "promote",
        "promote_all",
        "skip",
        "rollback",
        "abort",
        "retry",
      ])
      .describe("skip leaves the present step as it is for the next; abort is rollback"),
    reason: z.string().max(1000).optional().describe("For the journal"),
    force: z.boolean().optional().describe("Of start and retry: whatever speaks against it"),
    actor: actorSchema,
  })
  .describe("What a rollout is to do; each may be sent twice");

export type RolloutStatus = z.output<typeof rolloutSchema>;
export type Status = z.output<typeof statusSchema>;
export type ExperimentStatus = Status["experiments"][number];
export type Readiness = z.output<typeof readinessSchema>;
export type ConfigAnswer = z.output<typeof configAnswerSchema>;
export type ConfigProblem = z.output<typeof configProblemSchema>;
