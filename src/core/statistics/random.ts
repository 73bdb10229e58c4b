/** A source of chance: each call gives the next number, uniform in [0, 1). */
export type Uniform = () => number;

/**
 * A repeatable source of chance in steps of 2^-32, not for secrets: xoshiro128** (see `xoshiro128`) whose state comes
 * from `seed` (any finite number; all its 64 bits count) by splitmix32, the mixer of G. L. Steele, D. Lea and
 * C. H. Flood ("Fast splittable pseudorandom number generators", 2014) with 32 bits and MurmurHash3's constants.
 */
export function createRandom(seed: number): Uniform {
  if (!Number.isFinite(seed)) throw new RangeError(`seed must be a finite number, not ${seed}`);
  // Adding 0 makes 0 of -0.
  const words = new Uint32Array(Float64Array.of(seed + 0).buffer);
  let mixed = mix(words[0] as number) ^ (words[1] as number);
  const next = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    return mix(mixed);
  };
  // splitmix32 visits each value once in its period: the four are never all 0.
  return xoshiro128(next(), next(), next(), next());
}

/**
 * xoshiro128** 1.1 of period 2^128 − 1 (D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators",
 * 2021) from a state of four 32-bit words, not all 0.
 */
export function xoshiro128(word0: number, word1: number, word2: number, word3: number): Uniform {
  let a = word0 | 0;
  let b = word1 | 0;
  let c = word2 | 0;
  let d = word3 | 0;
  return () => {
    const scaled = Math.imul(b, 5);
    const output = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return output * 2 ** -32;
  };
}

/** A uniform number in (0, 1) with all 53 bits, for where 2^-32 steps or an exact 0 would show. */
export function openUniform(random: Uniform): number {
  const high = Math.floor(random() * 2 ** 26);
  const low = Math.floor(random() * 2 ** 26);
  return (high * 2 ** 26 + low + 0.5) * 2 ** -52;
}

function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}
