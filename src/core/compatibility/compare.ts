import type { RoutePolicy } from "../traffic/policy.ts";
import { isEmbeddingRoute } from "./embedding-probe.ts";
import type { VariantFacts } from "./facts.ts";

/**
 * Whether two variants may share the traffic of these routes. Vectors of two models in one store cannot be told apart
 * later and match nothing, so that split is refused. What is unknown is no reason to refuse.
 */

export type FindingCode =
  | "embedding_dimension_differs"
  | "embedding_model_differs"
  | "embedding_unknown"
  | "auth_differs"
  | "version_differs"
  | "health_unknown";

export type CompatibilityFinding = {
  readonly code: FindingCode;
  readonly severity: "refuse" | "warn";
  /** The variant that was compared to the control. */
  readonly variant: string;
  /** What is so, why it matters and what to do. */
  readonly message: string;
  /** What to write into the experiment in order to split all the same; null where nothing is refused. */
  readonly override: string | null;
};

const mixedOverride = "allow_mixed_embeddings: true";

/** `routes` are those of the experiment; `allowMixedEmbeddings` makes warnings of refusals. */
export function compareVariants(
  control: VariantFacts,
  treatment: VariantFacts,
  routes: readonly RoutePolicy[],
  { allowMixedEmbeddings }: { readonly allowMixedEmbeddings: boolean },
): CompatibilityFinding[] {
  const found: CompatibilityFinding[] = [];
  const warn = (code: FindingCode, message: string) => {
    found.push({ code, severity: "warn", variant: treatment.variant, message, override: null });
  };
  if (routes.some(isEmbeddingRoute)) {
    const mixed = findMixed(control, treatment);
    for (const { code, message } of mixed) {
      if (allowMixedEmbeddings) warn(code, `${message} ${mixedOverride} allows it.`);
      else {
        const toDo = `Give both the same model, or write ${mixedOverride} if each has a store of its own.`;
        found.push({
          code,
          severity: "refuse",
          variant: treatment.variant,
          message: `${message} ${toDo}`,
          override: mixedOverride,
        });
      }
    }
    const silent = [control, treatment].filter(({ embedding }) => embedding === null);
    if (silent.length > 0) {
      warn(
        "embedding_unknown",
        `The vectors of ${namesOf(silent)} are not known, so nobody can tell whether they may share a store with ` +
          `the other variant's. ${silent.flatMap(({ unknown }) => unknown).join(" ")}`.trim(),
      );
    }
  }
  if (routes.some(isLightrag)) findLightrag(control, treatment, warn);
  return found;
}

/** A route whose preset is LightRAG's, so that the variants have `/health` and `/auth-status`. */
export function isLightrag({ preset }: RoutePolicy): boolean {
  return preset?.name === "lightrag";
}

function findMixed(
  control: VariantFacts,
  treatment: VariantFacts,
): { readonly code: FindingCode; readonly message: string }[] {
  const why =
    "Users' vectors would end in one store, where those of two models match each other wrongly.";
  const before = control.embedding?.dimension;
  const after = treatment.embedding?.dimension;
  if (before !== undefined && after !== undefined && before !== after) {
    const message = `${control.variant} answers with vectors of ${before} numbers, ${treatment.variant} of ${after}. ${why}`;
    return [{ code: "embedding_dimension_differs", message }];
  }
  const old = modelOf(control);
  const next = modelOf(treatment);
  if (old === null || next === null || sameModel(old, next)) return [];
  const message = `${control.variant} embeds with ${old}, ${treatment.variant} with ${next}. ${why}`;
  return [{ code: "embedding_model_differs", message }];
}

function modelOf({ embedding, health }: VariantFacts): string | null {
  return embedding?.model ?? health?.embeddingModel ?? null;
}

function sameModel(one: string, other: string): boolean {
  return plainName(one) === plainName(other);
}

/** Ollama's `:latest` is what a name without a tag means. */
function plainName(model: string): string {
  return model.toLowerCase().replace(/:latest$/, "");
}

function findLightrag(
  control: VariantFacts,
  treatment: VariantFacts,
  warn: (code: FindingCode, message: string) => void,
): void {
  const both = `${control.variant} and ${treatment.variant}`;
  const silent = [control, treatment].filter(({ health }) => health === null);
  if (silent.length > 0) {
    const reasons = silent.flatMap(({ unknown }) => unknown).join(" ");
    warn("health_unknown", `${namesOf(silent)} did not tell a health. ${reasons}`.trim());
  }
  if (differs(control.authStatus?.authConfigured, treatment.authStatus?.authConfigured)) {
    const own = control.authStatus?.authConfigured === true ? control : treatment;
    warn(
      "auth_differs",
      `${own.variant} asks users to log in, the other one does not: a token of one is refused by the other. ` +
        "Configure both alike, with one TOKEN_SECRET.",
    );
  } else if (differs(control.health?.authMode, treatment.health?.authMode)) {
    warn(
      "auth_differs",
      `The authentication modes of ${both} differ (${control.health?.authMode} and ` +
        `${treatment.health?.authMode}): a token of one is refused by the other. Configure both alike, with one ` +
        "TOKEN_SECRET.",
    );
  }
  const versions = [control, treatment].map(({ health }) => {
    return `${health?.coreVersion ?? "unknown"}, API ${health?.apiVersion ?? "unknown"}`;
  });
  if (
    differs(control.health?.coreVersion, treatment.health?.coreVersion) ||
    differs(control.health?.apiVersion, treatment.health?.apiVersion)
  ) {
    warn(
      "version_differs",
      `The versions of ${both} differ (${versions.join("; ")}): pages and assets of two builds do not mix, and answers ` +
        "can have other fields. Leave pages to one variant, as the preset does.",
    );
  }
}

/** Both are known and not the same. */
function differs<Value>(one: Value | null | undefined, other: Value | null | undefined): boolean {
  return (one ?? null) !== null && (other ?? null) !== null && one !== other;
}

function namesOf(variants: readonly VariantFacts[]): string {
  return variants.map(({ variant }) => variant).join(" and ");
}
