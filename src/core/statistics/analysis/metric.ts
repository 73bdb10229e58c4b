import { err, ok, type Result } from "../../../base/result.ts";
import { bootstrap, type Bootstrap } from "../bootstrap.ts";
import { brunnerMunzel, type BrunnerMunzel } from "../brunner-munzel.ts";
import { compareRatios, ratioOf, sumsByUser, type RatioComparison } from "../clustered/ratio.ts";
import type { MetricDirection } from "../direction.ts";
import { relativeLift, riskDifference, riskRatio, type Estimate } from "../effect-size/relative.ts";
import { cohensD, hedgesG, type EffectSize } from "../effect-size/standardised.ts";
import type { DataFault } from "../fault.ts";
import { mannWhitney, type MannWhitney } from "../mann-whitney.ts";
import { momentsOf, type Moments } from "../moments.ts";
import { createRandom } from "../random.ts";
import { pooledT, welchT, type TTest } from "../t-test.ts";
import { meansZ, proportionsZ, type Count, type ZTest } from "../z-test.ts";
import type { ArmSample } from "./sample.ts";
import { warningsOf } from "./warnings.ts";

export type MetricDefinition = { readonly name: string; readonly direction: MetricDirection };

type Found<Value> = Result<Value, DataFault>;

/** Everything that applies to one metric of treatment (x) against control (y). */
export type MetricAnalysis = MetricDefinition & {
  /** `rate`: every value is 0 or 1. */
  readonly kind: "mean" | "rate";
  readonly treatment: Moments;
  readonly control: Moments;
  /** The test that the decision uses: over users where they are known. */
  readonly leading: "clustered" | "welch_t";
  readonly welchT: Found<TTest>;
  readonly pooledT: Found<TTest>;
  readonly z: Found<ZTest>;
  /** Of the difference of means. */
  readonly bootstrap: Found<Bootstrap>;
  readonly mannWhitney: Found<MannWhitney>;
  readonly brunnerMunzel: Found<BrunnerMunzel>;
  readonly cohensD: Found<EffectSize>;
  readonly hedgesG: Found<EffectSize>;
  readonly lift: Found<EffectSize>;
  /** Only of a rate; over users where they are known, as if each had one request. */
  readonly riskDifference: Found<EffectSize> | null;
  /** Only of a rate. */
  readonly riskRatio: Found<EffectSize> | null;
  /** Only with users. */
  readonly clustered: Found<RatioComparison> | null;
  readonly warnings: readonly string[];
};

/** Analyses one metric; the error says that the data themselves are unusable. */
export function analyseMetric(
  definition: MetricDefinition,
  x: ArmSample,
  y: ArmSample,
  { confidence, seed }: { readonly confidence: number; readonly seed: number },
): Result<MetricAnalysis, DataFault> {
  const xs = valuesOf(x, definition.name);
  const ys = valuesOf(y, definition.name);
  const treatment = momentsOf(xs);
  if (!treatment.ok) return err(of(x, treatment.error));
  const control = momentsOf(ys);
  if (!control.ok) return err(of(y, control.error));
  const options = { confidence };
  const isRate = isBinary(xs) && isBinary(ys);
  const counts = [countOf(treatment.value), countOf(control.value)] as const;
  const clustered = clusteredOf(x, y, xs, ys, confidence);
  const superiority = brunnerMunzel(xs, ys, options);
  return ok({
    ...definition,
    kind: isRate ? "rate" : "mean",
    treatment: treatment.value,
    control: control.value,
    leading: clustered === null ? "welch_t" : "clustered",
    welchT: welchT(treatment.value, control.value, options),
    pooledT: pooledT(treatment.value, control.value, options),
    z: isRate ? proportionsZ(...counts, options) : meansZ(treatment.value, control.value, options),
    bootstrap: bootstrap(xs, ys, { random: createRandom(seed), confidence }),
    mannWhitney: mannWhitney(xs, ys),
    brunnerMunzel: superiority,
    cohensD: cohensD(treatment.value, control.value, confidence),
    hedgesG: hedgesG(treatment.value, control.value, confidence),
    lift: liftOf(treatment.value, control.value, confidence),
    riskDifference: isRate
      ? riskDifference(perUser(counts[0], x), perUser(counts[1], y), confidence)
      : null,
    riskRatio: isRate ? riskRatio(...counts, confidence) : null,
    clustered,
    warnings: warningsOf({
      x,
      y,
      xs,
      ys,
      treatment: treatment.value,
      control: control.value,
      isRate,
    }),
  });
}

function clusteredOf(
  x: ArmSample,
  y: ArmSample,
  xs: Float64Array,
  ys: Float64Array,
  confidence: number,
): Found<RatioComparison> | null {
  if (x.users === null || y.users === null) return null;
  const ratioX = ratioOf(sumsByUser(xs, x.users, x.userCount ?? 0));
  if (!ratioX.ok) return err(of(x, ratioX.error));
  const ratioY = ratioOf(sumsByUser(ys, y.users, y.userCount ?? 0));
  if (!ratioY.ok) return err(of(y, ratioY.error));
  return compareRatios(ratioX.value, ratioY.value, { confidence });
}

function liftOf(x: Moments, y: Moments, confidence: number): Found<EffectSize> {
  if (x.n < 2 || y.n < 2) {
    return err({ code: "too_few", message: "at least 2 values are needed in each arm" });
  }
  return relativeLift(estimateOf(x), estimateOf(y), confidence);
}

function estimateOf({ mean, variance, n }: Moments): Estimate {
  return { value: mean, standardError: Math.sqrt(variance / n) };
}

function valuesOf({ values }: ArmSample, metric: string): Float64Array {
  return values.get(metric) ?? new Float64Array();
}

function isBinary(values: Float64Array): boolean {
  return values.every((value) => value === 0 || value === 1);
}

function countOf({ n, mean }: Moments): Count {
  return { successes: Math.round(mean * n), n };
}

/** The same rate over as many independent units as there are users. */
function perUser({ successes, n }: Count, { userCount }: ArmSample): Count {
  const units = userCount ?? n;
  return { successes: (successes / n) * units, n: units };
}

function of({ name }: ArmSample, { code, message }: DataFault): DataFault {
  return { code, message: `${name}: ${message}` };
}
