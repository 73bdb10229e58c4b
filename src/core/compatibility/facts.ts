/** What the variants of an experiment told about themselves when they were asked; whatever they did not is null. */

/** LightRAG's `/health`; the embedding model is there only for who may see the configuration. */
export type HealthFacts = {
  readonly authMode: string | null;
  readonly coreVersion: string | null;
  readonly apiVersion: string | null;
  readonly embeddingModel: string | null;
};

/** LightRAG's `/auth-status`. */
export type AuthFacts = {
  /** Whether users must log in; without it there are guest tokens only. */
  readonly authConfigured: boolean;
};

/** The answer to one embedding request. */
export type EmbeddingFacts = {
  /** Length of the vector, at least 1. */
  readonly dimension: number;
  /** As the answer names it. */
  readonly model: string | null;
};

export type VariantFacts = {
  readonly variant: string;
  readonly health: HealthFacts | null;
  readonly authStatus: AuthFacts | null;
  readonly embedding: EmbeddingFacts | null;
  /** What could not be asked and why, in sentences. */
  readonly unknown: readonly string[];
};
