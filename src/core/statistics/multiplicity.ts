/** How p-values of several questions are corrected. */
export type Correction = "none" | "bonferroni" | "holm" | "benjamini_hochberg";

/** A p-value and what depends on it. */
export type RoledPValue = {
  readonly name: string;
  readonly role: "guardrail" | "success" | "primary";
  readonly pValue: number;
};

/** Corrected p-values, in the order given; each at most 1. Throws RangeError on what is no probability. */
export function adjust(pValues: readonly number[], correction: Correction): number[] {
  for (const p of pValues) {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`a p-value must be in [0, 1], not ${p}`);
  }
  switch (correction) {
    case "none":
      return [...pValues];
    case "bonferroni":
      return pValues.map((p) => Math.min(1, p * pValues.length));
    case "holm":
      return adjustHolm(pValues);
    case "benjamini_hochberg":
      return adjustBenjaminiHochberg(pValues);
  }
}

/** S. Holm (1979): the k-th smallest times m − k + 1, made to rise. Controls the chance of any false finding. */
function adjustHolm(pValues: readonly number[]): number[] {
  const adjusted: number[] = Array.from(pValues, () => 0);
  let largest = 0;
  for (const [rank, at] of orderOf(pValues).entries()) {
    largest = Math.max(largest, Math.min(1, (pValues[at] as number) * (pValues.length - rank)));
    adjusted[at] = largest;
  }
  return adjusted;
}

/** Y. Benjamini and Y. Hochberg (1995): controls the share of false findings. */
function adjustBenjaminiHochberg(pValues: readonly number[]): number[] {
  const adjusted: number[] = Array.from(pValues, () => 0);
  let smallest = 1;
  for (const [back, at] of orderOf(pValues).toReversed().entries()) {
    const rank = pValues.length - back;
    smallest = Math.min(smallest, (pValues[at] as number) * (pValues.length / rank));
    adjusted[at] = smallest;
  }
  return adjusted;
}

/**
 * Corrects by what a finding leads to. Any guardrail that seems broken aborts, so among guardrails one false alarm is
 * one too many: Holm. Success metrics are findings side by side: `successes` (default Benjamini-Hochberg). The primary
 * metric stands alone. That shipping needs every guardrail to be non-inferior needs no correction: all must hold, and
 * the chance that a bad one slips through is that of its own test (M. Schultzberg, S. Ankargren and M. Frånberg, 2024).
 */
export function adjustByRole(
  questions: readonly RoledPValue[],
  successes: Correction = "benjamini_hochberg",
): (RoledPValue & { readonly adjusted: number })[] {
  const adjusted = new Map<RoledPValue, number>();
  const corrections = { guardrail: "holm", success: successes, primary: "none" } as const;
  for (const role of ["guardrail", "success", "primary"] as const) {
    const group = questions.filter((question) => question.role === role);
    const values = adjust(
      group.map(({ pValue }) => pValue),
      corrections[role],
    );
    for (const [at, question] of group.entries()) adjusted.set(question, values[at] as number);
  }
  return questions.map((question) => ({ ...question, adjusted: adjusted.get(question) as number }));
}

function orderOf(pValues: readonly number[]): number[] {
  return pValues
    .map((_, at) => at)
    .toSorted((a, b) => (pValues[a] as number) - (pValues[b] as number));
}
