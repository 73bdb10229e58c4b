/**
 * Counts distinct users by their 32-bit hash: exactly up to a bound, then with a HyperLogLog sketch of 4096
 * registers (Flajolet et al. 2007; standard error 1.04/√4096 = 1.6 %), whose size no longer grows. Both
 * forms merge, so that the union over workers and replicas is the union of the users.
 */
export const distinctExactMax = 20_000;

const indexBits = 12;
const registersCount = 2 ** indexBits;
const alpha = 0.7213 / (1 + 1.079 / registersCount);

/** What is new since the last delta: hashes not seen before, or all registers once there is a sketch. */
export type DistinctDelta =
  | { readonly kind: "exact"; readonly added: Uint32Array }
  | { readonly kind: "sketch"; readonly registers: Uint8Array };

export class DistinctUsers {
  readonly #exactMax: number;
  #seen = new Set<number>();
  #registers: Uint8Array | null = null;
  #added: number[] = [];
  #changed = false;

  constructor(exactMax = distinctExactMax) {
    this.#exactMax = exactMax;
  }

  get isExact(): boolean {
    return this.#registers === null;
  }

  add(hash: number): void {
    if (this.#registers !== null) {
      this.#changed = note(this.#registers, hash) || this.#changed;
      return;
    }
    if (this.#seen.has(hash)) return;
    this.#seen.add(hash);
    this.#added.push(hash);
    if (this.#seen.size > this.#exactMax) this.#toSketch();
  }

  /** Adds the users of another counter's delta. */
  merge(delta: DistinctDelta): void {
    if (delta.kind === "exact") {
      for (const hash of delta.added) this.add(hash);
      return;
    }
    if (this.#registers === null) this.#toSketch();
    const registers = this.#registers as unknown as Uint8Array;
    for (let at = 0; at < registersCount; at += 1) {
      if ((delta.registers[at] as number) > (registers[at] as number)) {
        registers[at] = delta.registers[at] as number;
        this.#changed = true;
      }
    }
  }

  /** Takes what is new since the last call; null when nothing is. */
  takeDelta(): DistinctDelta | null {
    if (this.#registers !== null) {
      if (!this.#changed) return null;
      this.#changed = false;
      return { kind: "sketch", registers: this.#registers.slice() };
    }
    if (this.#added.length === 0) return null;
    const added = Uint32Array.from(this.#added);
    this.#added = [];
    return { kind: "exact", added };
  }

  estimate(): number {
    if (this.#registers === null) return this.#seen.size;
    let sum = 0;
    let zeros = 0;
    for (const register of this.#registers) {
      sum += 2 ** -register;
      if (register === 0) zeros += 1;
    }
    const raw = (alpha * registersCount * registersCount) / sum;
    if (raw <= 2.5 * registersCount && zeros > 0) {
      return Math.round(registersCount * Math.log(registersCount / zeros));
    }
    return Math.round(raw);
  }

  #toSketch(): void {
    const registers = new Uint8Array(registersCount);
    for (const hash of this.#seen) note(registers, hash);
    this.#registers = registers;
    this.#changed = true;
    this.#seen = new Set();
    this.#added = [];
  }
}

/** Notes a hash in the registers; true when one rose. */
function note(registers: Uint8Array, hash: number): boolean {
  const index = hash >>> (32 - indexBits);
  const rank = Math.clz32((hash << indexBits) | (1 << (indexBits - 1))) + 1;
  if (rank <= (registers[index] as number)) return false;
  registers[index] = rank;
  return true;
}
