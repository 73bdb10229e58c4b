import { err, type Result } from "../../base/result.ts";
import { normOf, type Norm, type VectorFault } from "./embedding.ts";

export type NeighbourOptions = {
  /** Inputs that are remembered; default 200. */
  readonly size?: number;
  /** Nearest neighbours that are compared; default 10. */
  readonly k?: number;
  /** Vectors longer than this are refused; default 4,096. Bounds the memory: 8 bytes × size × dimensionMax. */
  readonly dimensionMax?: number;
};

export type NeighbourOverlap =
  | { readonly kind: "compared"; readonly overlap: number }
  /** Remembered, but there are too few others to have neighbours among. */
  | { readonly kind: "filling"; readonly held: number; readonly needed: number }
  | { readonly kind: "refused"; readonly fault: VectorFault };

export type NeighbourWindow = {
  /**
   * Remembers an input with both variants' vectors, which may have different dimensions, and tells which share of its
   * k nearest neighbours (by cosine within each variant) the variants agree on; 0…1. `key` is a 32-bit hash of the
   * input: the same input again replaces its vectors and is no neighbour of itself. O(held × dimension).
   */
  readonly add: (key: number, control: Float64Array, treatment: Float64Array) => NeighbourOverlap;
  readonly counts: () => NeighbourCounts;
};

export type NeighbourCounts = {
  readonly held: number;
  /** How often another dimension emptied the window. */
  readonly restarts: number;
  /** Bytes of the vectors that are held or have room. */
  readonly bytes: number;
};

/**
 * Do two embedding models put the same texts side by side? Cosines of different models have nothing to do with each
 * other; but each model orders the other texts by nearness, and the tops of the two orders can be compared.
 *
 * Two models that agree on nothing still share k of m others by chance: k/m of the neighbours. Nothing is told before
 * there are 5k others (or the window is full), so that chance alone never reaches more than 0.2; at the default size it
 * is 0.05.
 *
 * Throws RangeError unless 3 ≤ size ≤ 1,000, 1 ≤ k ≤ size − 2 and 1 ≤ dimensionMax ≤ 16,384 (131 MB).
 */
export function createNeighbourWindow({
  size = 200,
  k = 10,
  dimensionMax = 4_096,
}: NeighbourOptions = {}): NeighbourWindow {
  requireWithin("size", size, 3, 1_000);
  requireWithin("k", k, 1, size - 2);
  requireWithin("dimensionMax", dimensionMax, 1, 16_384);
  const needed = Math.min(size - 1, 5 * k);
  const slots = new Map<number, number>();
  const keys = new Float64Array(size);
  const arms = { control: createRing(size), treatment: createRing(size) };
  let next = 0;
  let restarts = 0;

  const slotOf = (key: number): number => {
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot = next;
    if (slots.size === size) slots.delete(keys[slot] as number);
    keys[slot] = key;
    slots.set(key, slot);
    next = (next + 1) % size;
    return slot;
  };

  return {
    add: (key, control, treatment) => {
      const left = boundedNormOf(control, "the control's vector", dimensionMax);
      if (!left.ok) return { kind: "refused", fault: left.error };
      const right = boundedNormOf(treatment, "the treatment's vector", dimensionMax);
      if (!right.ok) return { kind: "refused", fault: right.error };
      const isOther = [
        arms.control.resize(control.length),
        arms.treatment.resize(treatment.length),
      ].includes(true);
      if (isOther && slots.size > 0) {
        slots.clear();
        next = 0;
        restarts += 1;
      }
      const slot = slotOf(key);
      arms.control.put(slot, control, left.value);
      arms.treatment.put(slot, treatment, right.value);
      const others = slots.size - 1;
      if (others < needed) return { kind: "filling", held: slots.size, needed: needed + 1 };
      const near = new Set(arms.control.nearest(slot, slots.size, k));
      let shared = 0;
      for (const other of arms.treatment.nearest(slot, slots.size, k)) {
        if (near.has(other)) shared += 1;
      }
      return { kind: "compared", overlap: shared / k };
    },
    counts: () => ({
      held: slots.size,
      restarts,
      bytes: arms.control.bytes() + arms.treatment.bytes(),
    }),
  };
}

/** Vectors of one variant, made one long, side by side in one block that only ever grows. */
function createRing(size: number) {
  let dimension = 0;
  let block = new Float32Array(0);
  const similarities = new Float64Array(size);
  return {
    /** Whether the dimension is another one than before. */
    resize: (to: number): boolean => {
      if (to === dimension) return false;
      dimension = to;
      if (block.length < size * to) block = new Float32Array(size * to);
      return true;
    },
    put: (slot: number, vector: Float64Array, { scale, squares }: Norm): void => {
      const length = Math.sqrt(squares);
      const from = slot * dimension;
      for (let at = 0; at < dimension; at += 1) {
        block[from + at] = (vector[at] as number) / scale / length;
      }
    },
    /** The `k` slots among the first `held` most like `slot`, itself apart; the lower slot where two are alike. */
    nearest: (slot: number, held: number, k: number): readonly number[] => {
      for (let other = 0; other < held; other += 1) {
        similarities[other] = dot(block, slot * dimension, other * dimension, dimension);
      }
      const found: number[] = [];
      for (let other = 0; other < held; other += 1) {
        if (other === slot) continue;
        const similarity = similarities[other] as number;
        const worst = found.at(-1);
        if (found.length === k && similarity <= (similarities[worst as number] as number)) continue;
        let at = found.length;
        while (at > 0 && similarity > (similarities[found[at - 1] as number] as number)) at -= 1;
        found.splice(at, 0, other);
        if (found.length > k) found.pop();
      }
      return found;
    },
    bytes: (): number => block.byteLength,
  };
}

/** Four sums at a time: one would wait for itself. */
function dot(block: Float32Array, left: number, right: number, length: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = length - (length % 4);
  for (let at = 0; at < whole; at += 4) {
    a += (block[left + at] as number) * (block[right + at] as number);
    b += (block[left + at + 1] as number) * (block[right + at + 1] as number);
    c += (block[left + at + 2] as number) * (block[right + at + 2] as number);
    d += (block[left + at + 3] as number) * (block[right + at + 3] as number);
  }
  for (let at = whole; at < length; at += 1) {
    a += (block[left + at] as number) * (block[right + at] as number);
  }
  return a + b + c + d;
}

function boundedNormOf(
  vector: Float64Array,
  name: string,
  dimensionMax: number,
): Result<Norm, VectorFault> {
  if (vector.length <= dimensionMax) return normOf(vector, name);
  const message = `${name} has ${vector.length} dimensions, more than the ${dimensionMax} that are compared`;
  return err({ code: "dimension", message });
}

function requireWithin(name: string, value: number, low: number, high: number): void {
  if (!(Number.isInteger(value) && value >= low && value <= high)) {
    throw new RangeError(`${name} must be an integer of ${low}…${high}, not ${value}`);
  }
}
