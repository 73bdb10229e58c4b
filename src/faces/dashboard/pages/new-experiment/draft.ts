import type { ConfigProblem } from "../../../../wire/admin-api.ts";

/** An experiment as it is being filled in: texts as they are typed. What they mean, the server says. Pure. */

export type Kind = "ab" | "rollout" | "split";

export type DraftVariant = {
  readonly name: string;
  readonly upstream: string;
  readonly weight: string;
};

export type DraftStep = {
  readonly kind: "share" | "shadow";
  readonly share: string;
  readonly hold: string;
  readonly minRequests: string;
  readonly gate: "none" | "approval";
};

export type DraftGuardrail = {
  readonly metric: string;
  readonly against: "limit" | "control";
  readonly value: string;
  readonly slowerThan: string;
  readonly onBreach: "rollback" | "pause" | "alert";
};

export type Draft = {
  readonly key: string;
  readonly kind: Kind;
  readonly routes: readonly string[];
  readonly variants: readonly DraftVariant[];
  /** Index of the control. */
  readonly control: number;
  /** Sources, separated by commas or spaces; empty is the default. */
  readonly user: string;
  readonly coverage: string;
  readonly primary: "latency_mean" | "error_rate";
  readonly minEffect: string;
  readonly startsNow: boolean;
  readonly steps: readonly DraftStep[];
  readonly observe: string;
  readonly guardrails: readonly DraftGuardrail[];
};

export const guardrailMetrics = [
  "error_rate",
  "success_rate",
  "timeout_rate",
  "truncation_rate",
  "bad_answer_rate",
  "slow_rate",
  "latency_mean",
  "latency_p50",
  "latency_p95",
  "latency_p99",
  "ttfb_p95",
] as const;

export const newStep: DraftStep = {
  kind: "share",
  share: "",
  hold: "10m",
  minRequests: "",
  gate: "none",
};

export const newGuardrail: DraftGuardrail = {
  metric: "error_rate",
  against: "limit",
  value: "5%",
  slowerThan: "",
  onBreach: "rollback",
};

/** What a new form holds: something sensible for everything that can be guessed. */
export function createDraft(upstreams: readonly string[]): Draft {
  const [first = "", second = first] = upstreams;
  return {
    key: "",
    kind: "ab",
    routes: [""],
    variants: [
      { name: "control", upstream: first, weight: "50" },
      { name: "treatment", upstream: second, weight: "50" },
    ],
    control: 0,
    user: "",
    coverage: "",
    primary: "latency_mean",
    minEffect: "",
    startsNow: false,
    steps: [
      { ...newStep, share: "5%" },
      { ...newStep, share: "25%" },
      { ...newStep, share: "100%" },
    ],
    observe: "10m",
    guardrails: [newGuardrail],
  };
}

export type NewExperiment = {
  readonly key: string;
  readonly experiment: Readonly<Record<string, unknown>>;
  readonly routes: readonly string[];
};

/** What is sent: one entry of `experiments:`, and the matches of its routes. Fields left empty are left to their defaults. */
export function toRequest(draft: Draft): NewExperiment {
  const { key, kind, variants, control, routes } = draft;
  const isRollout = kind === "rollout";
  const assignment = {
    ...optional("user", listOf(draft.user)),
    ...optional("coverage", draft.coverage),
  };
  return {
    key: key.trim(),
    experiment: {
      variants: Object.fromEntries(
        variants.map(({ name, upstream, weight }, at) => [
          name.trim(),
          {
            upstream,
            ...(!isRollout && optional("weight", numberOf(weight))),
            ...(at === control && { control: true }),
          },
        ]),
      ),
      ...(Object.keys(assignment).length > 0 && { assignment }),
      ...(kind === "ab" && describeAnalysis(draft)),
      ...(isRollout && describeRollout(draft)),
    },
    routes: routes.map((route) => route.trim()).filter((route) => route !== ""),
  };
}

function describeAnalysis({ startsNow, primary, minEffect }: Draft) {
  return {
    state: startsNow ? "running" : "draft",
    analysis: { primary, ...optional("min_effect_size", numberOf(minEffect)) },
  };
}

function describeRollout({ steps, observe, guardrails }: Draft) {
  return {
    rollout: {
      steps: steps.map(({ kind, share, hold, minRequests, gate }) => ({
        [kind]: share.trim(),
        ...optional("hold", hold),
        ...optional("min_requests", numberOf(minRequests)),
        ...(gate !== "none" && { gate }),
      })),
      ...optional("observe", observe),
    },
    ...(guardrails.length > 0 && { guardrails: guardrails.map(describeGuardrail) }),
  };
}

function describeGuardrail({ metric, against, value, slowerThan, onBreach }: DraftGuardrail) {
  const bound = metric === "success_rate" ? "min" : "max";
  return {
    metric,
    ...(metric === "slow_rate" && optional("slower_than", slowerThan)),
    ...(against === "control"
      ? { relative_to: "control", max_ratio: numberOf(value) }
      : { [bound]: value.trim() }),
    ...(onBreach !== "rollback" && { on_breach: onBreach }),
  };
}

/** Where a text stands in what is sent, as the server's issues name it; null for one that is not sent. */
export const fieldPaths = {
  variant: (name: string) => `variants${step(name)}`,
  step: (at: number) => `rollout.steps[${at}]`,
  guardrail: (at: number) => `guardrails[${at}]`,
  route: (at: number) => `routes[${at}]`,
} as const;

type Issue = ConfigProblem["issues"][number];

/** The issues by the field that they are shown at; "" has those that belong to none. */
export function placeIssues(
  issues: readonly Issue[],
  paths: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const placed = new Map<string, string[]>();
  for (const { path, code, message } of issues) {
    const isName = code === "invalid_name" && path === "";
    const place = isName ? "key" : longestPrefix(path, paths);
    const words = place === "" && path !== "" ? `${path}: ${message}` : message;
    const there = placed.get(place) ?? [];
    if (!there.includes(words)) there.push(words);
    placed.set(place, there);
  }
  return placed;
}

function longestPrefix(path: string, paths: readonly string[]): string {
  // A route to an experiment whose name is no name says the same a second time.
  if (/^routes\[\d+\]\.experiment$/.test(path)) return "key";
  let best = "";
  for (const one of paths) {
    const rest = path.startsWith(one) ? path.slice(one.length) : null;
    const isWithin = rest !== null && /^(?:$|\.|\[)/.test(rest);
    if (isWithin && one.length > best.length) best = one;
  }
  return best;
}

/** Every place that has a field of its own. */
export function pathsOf({ variants, steps, guardrails, routes, kind }: Draft): readonly string[] {
  const isRollout = kind === "rollout";
  return [
    "key",
    "variants",
    ...variants.flatMap(({ name }) => {
      const path = fieldPaths.variant(name.trim());
      return [path, `${path}.upstream`, `${path}.weight`];
    }),
    ...routes.map((_, at) => fieldPaths.route(at)),
    "routes",
    "assignment.user",
    "assignment.coverage",
    ...(kind === "ab" ? ["analysis.min_effect_size", "analysis"] : []),
    ...(isRollout
      ? [
          "rollout",
          "rollout.steps",
          "rollout.observe",
          ...steps.flatMap((one, at) => {
            const path = fieldPaths.step(at);
            return [path, `${path}.${one.kind}`, `${path}.hold`, `${path}.min_requests`];
          }),
          "guardrails",
          ...guardrails.map((_, at) => fieldPaths.guardrail(at)),
        ]
      : []),
  ];
}

/** As the server writes a member of a path. */
function step(name: string): string {
  return /^[\w$-]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function optional(name: string, value: unknown): Readonly<Record<string, unknown>> {
  const isEmpty =
    value === "" || value === undefined || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return {};
  return { [name]: typeof value === "string" ? value.trim() : value };
}

/** A number where it is one; else the text, for the server to say what is wrong with it. */
function numberOf(text: string): number | string {
  const trimmed = text.trim();
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

function listOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}
