import { err, ok, type Result } from "../../base/result.ts";

/** Why two answers' vectors cannot be compared: a code for counters and a sentence for people. */
export type VectorFault = {
  readonly code:
    | "empty"
    | "dimension"
    | "not_finite"
    | "no_direction"
    | "out_of_range"
    | "batch_size"
    | "batch_too_large";
  readonly message: string;
};

export type VectorComparison = {
  /** −1…1; exactly 1 for a vector and itself. Only vectors of the same model share axes. */
  readonly cosine: number;
  /** Length of the treatment's vector by that of the control's. */
  readonly normRatio: number;
  /** The largest |treatment − control| of any component. */
  readonly maxAbsDifference: number;
};

export type BatchComparison = {
  readonly vectors: number;
  /** Mean over the vectors. */
  readonly cosine: number;
  /** Of the vector that agrees least. */
  readonly cosineMin: number;
  /** Mean over the vectors. */
  readonly normRatio: number;
  /** The largest of all vectors. */
  readonly maxAbsDifference: number;
};

/** As many inputs as OpenAI and Infinity take in one request. */
export const batchVectorsMax = 2_048;

/**
 * One text's vectors of two variants of the same model. Refused, with the reason, when they are empty, differ in
 * dimension, hold what is no finite number, are 0 throughout, or differ by more than a double can hold.
 */
export function compareVectors(
  control: Float64Array,
  treatment: Float64Array,
): Result<VectorComparison, VectorFault> {
  const left = normOf(control, "the control's vector");
  if (!left.ok) return left;
  const right = normOf(treatment, "the treatment's vector");
  if (!right.ok) return right;
  if (control.length !== treatment.length) {
    return err({
      code: "dimension",
      message: `the control's vector has ${control.length} dimensions, the treatment's ${treatment.length}: they share no axes`,
    });
  }
  const { scale: leftScale, squares: leftSquares } = left.value;
  const { scale: rightScale, squares: rightSquares } = right.value;
  let product = 0;
  let maxAbsDifference = 0;
  for (let at = 0; at < control.length; at += 1) {
    const x = control[at] as number;
    const y = treatment[at] as number;
    product += (x / leftScale) * (y / rightScale);
    const distance = Math.abs(y - x);
    if (distance > maxAbsDifference) maxAbsDifference = distance;
  }
  const ratio = ratioOf(left.value, right.value);
  if (!ratio.ok) return ratio;
  if (!Number.isFinite(maxAbsDifference)) return err(tooFarApart);
  const cosine = Math.min(1, Math.max(-1, product / Math.sqrt(leftSquares * rightSquares)));
  return ok({ cosine, normRatio: ratio.value, maxAbsDifference });
}

/**
 * The vectors of one request's inputs, in order. One pair that is refused refuses all of them: an answer with a broken
 * vector in it is no answer to compare.
 */
export function compareBatches(
  control: readonly Float64Array[],
  treatment: readonly Float64Array[],
): Result<BatchComparison, VectorFault> {
  const each = compareEach(control, treatment, compareVectors);
  if (!each.ok) return each;
  const found = each.value;
  return ok({
    vectors: found.length,
    cosine: meanOf(found.map(({ cosine }) => cosine)),
    cosineMin: Math.min(...found.map(({ cosine }) => cosine)),
    normRatio: meanOf(found.map(({ normRatio }) => normRatio)),
    maxAbsDifference: Math.max(...found.map(({ maxAbsDifference }) => maxAbsDifference)),
  });
}

/** The mean ratio of the vectors' lengths, which vectors of different models and dimensions have too. */
export function compareNorms(
  control: readonly Float64Array[],
  treatment: readonly Float64Array[],
): Result<number, VectorFault> {
  const each = compareEach(control, treatment, (x, y) => {
    const left = normOf(x, "the control's vector");
    if (!left.ok) return left;
    const right = normOf(y, "the treatment's vector");
    return right.ok ? ratioOf(left.value, right.value) : right;
  });
  return each.ok ? ok(meanOf(each.value)) : each;
}

/** A length as scale·√squares, which neither overflows nor vanishes where the components do not. */
export type Norm = { readonly scale: number; readonly squares: number };

/** A vector's length; the reason, about `name`, for a vector that has none to compare. */
export function normOf(vector: Float64Array, name: string): Result<Norm, VectorFault> {
  if (vector.length === 0) return err({ code: "empty", message: `${name} is empty` });
  let scale = 0;
  for (let at = 0; at < vector.length; at += 1) {
    const value = vector[at] as number;
    if (!Number.isFinite(value)) {
      const message = `${name} holds ${value} as component ${at + 1}, which is no finite number`;
      return err({ code: "not_finite", message });
    }
    scale = Math.max(scale, Math.abs(value));
  }
  if (scale === 0) {
    return err({ code: "no_direction", message: `${name} is 0 throughout: it has no direction` });
  }
  let squares = 0;
  for (let at = 0; at < vector.length; at += 1) {
    const share = (vector[at] as number) / scale;
    squares += share * share;
  }
  return ok({ scale, squares });
}

const tooFarApart: VectorFault = {
  code: "out_of_range",
  message: "the vectors are too far apart in size to be compared as doubles",
};

function ratioOf(control: Norm, treatment: Norm): Result<number, VectorFault> {
  const ratio = (treatment.scale / control.scale) * Math.sqrt(treatment.squares / control.squares);
  return Number.isFinite(ratio) && ratio > 0 ? ok(ratio) : err(tooFarApart);
}

function compareEach<Found>(
  control: readonly Float64Array[],
  treatment: readonly Float64Array[],
  compare: (x: Float64Array, y: Float64Array) => Result<Found, VectorFault>,
): Result<Found[], VectorFault> {
  if (control.length !== treatment.length) {
    const message = `the control answered with ${control.length} vectors, the treatment with ${treatment.length}`;
    return err({ code: "batch_size", message });
  }
  if (control.length === 0) return err({ code: "empty", message: "the answers hold no vectors" });
  if (control.length > batchVectorsMax) {
    const message = `${control.length} vectors are more than the ${batchVectorsMax} that are compared`;
    return err({ code: "batch_too_large", message });
  }
  const each: Found[] = [];
  for (const [at, vector] of control.entries()) {
    const found = compare(vector, treatment[at] as Float64Array);
    if (!found.ok) {
      return err({ ...found.error, message: `vector ${at + 1}: ${found.error.message}` });
    }
    each.push(found.value);
  }
  return ok(each);
}

function meanOf(values: readonly number[]): number {
  let mean = 0;
  // A running mean: a sum of ratios could overflow.
  for (const [at, value] of values.entries()) mean += (value - mean) / (at + 1);
  return mean;
}
