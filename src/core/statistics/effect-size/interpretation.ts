/** Which scale an effect size is on. */
export type EffectScale = "cohens_d" | "hedges_g" | "cohens_h" | "cliffs_delta";

export type EffectMagnitude = "negligible" | "small" | "medium" | "large";

/**
 * Bounds of small, medium and large: J. Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), for d,
 * g and h; J. Romano et al. (2006) for Cliff's delta. They are conventions of other fields: what counts in an
 * experiment is its own threshold.
 */
const bounds: Record<EffectScale, readonly [number, number, number]> = {
  cohens_d: [0.2, 0.5, 0.8],
  hedges_g: [0.2, 0.5, 0.8],
  cohens_h: [0.2, 0.5, 0.8],
  cliffs_delta: [0.147, 0.33, 0.474],
};

/** The usual word for the size of an effect, whatever its sign. */
export function interpretEffectSize(scale: EffectScale, value: number): EffectMagnitude {
  if (Number.isNaN(value)) throw new RangeError("interpretEffectSize: the value is not a number");
  const [small, medium, large] = bounds[scale];
  const size = Math.abs(value);
  if (size < small) return "negligible";
  if (size < medium) return "small";
  return size < large ? "medium" : "large";
}
