// How much of the permitted false-alarm chance may be used up by a given share of the planned information.
import { unreachable } from "../../../base/result.ts";
import { normalUpper, normalUpperQuantile } from "../distributions/normal.ts";

/**
 * `pocock`: α·ln(1 + (e−1)t); `obrien_fleming`: 2(1 − Φ(z_{α/2}/√t)), both Lan & DeMets, Biometrika 70:659
 * (1983); `power`: α·t^exponent (Kim & DeMets, Biometrika 74:149, 1987), exponent > 0; `hwang_shih_decani`:
 * α(1 − e^{−γt})/(1 − e^{−γ}) (Stat. Med. 9:1439, 1990), α·t at γ = 0: −4 is close to O'Brien-Fleming, 1 to Pocock.
 */
export type AlphaSpending =
  | { readonly kind: "pocock" }
  | { readonly kind: "obrien_fleming" }
  | { readonly kind: "power"; readonly exponent: number }
  | { readonly kind: "hwang_shih_decani"; readonly gamma: number };

/**
 * The chance that one side with total `alpha` may have used by information fraction `time`; all of it from
 * time 1 on. Throws RangeError on time ≤ 0, alpha outside 0…1 or a parameter outside its range.
 */
export function spentAlpha(spending: AlphaSpending, time: number, alpha: number): number {
  if (!(time > 0)) throw new RangeError(`time must be above 0, got ${time}`);
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha must lie between 0 and 1, got ${alpha}`);
  }
  const share = Math.min(1, time);
  switch (spending.kind) {
    case "pocock":
      return alpha * Math.log1p((Math.E - 1) * share);
    case "obrien_fleming":
      return 2 * normalUpper(normalUpperQuantile(alpha / 2) / Math.sqrt(share));
    case "power":
      if (!(spending.exponent > 0 && spending.exponent < Infinity)) {
        throw new RangeError(`exponent must be above 0 and finite, got ${spending.exponent}`);
      }
      return alpha * share ** spending.exponent;
    case "hwang_shih_decani":
      return alpha * hwangShihDeCani(share, spending.gamma);
    default:
      return unreachable(spending);
  }
}

function hwangShihDeCani(share: number, gamma: number): number {
  if (!(Math.abs(gamma) <= 500)) {
    throw new RangeError(`gamma must lie between -500 and 500, got ${gamma}`);
  }
  return gamma === 0 ? share : Math.expm1(-gamma * share) / Math.expm1(-gamma);
}
