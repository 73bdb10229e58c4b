/**
 * The hashes behind assignment.
 *
 * Buckets are GrowthBook's (`hash` in its SDKs' util): FNV-1a, 32 bits, over UTF-16 code units, so that any
 * GrowthBook SDK with the same seed agrees. FNV-1a is weak: the low bit of its result is only a parity of the
 * input, whatever the basis. Whatever must be independent of the bucket is therefore hashed with MurmurHash3
 * (x86, 32 bits; Appleby, public domain), with a block of one code unit and its full finaliser.
 */

const fnvBasis = 0x811c9dc5;
const fnvPrime = 0x01000193;

const endpointSeed = 0x51ed270b;
const clusterSeed = 0x2545f491;
const digestSeedHigh = 0x68e31da4;
const digestSeedLow = 0x1b56c4e9;

/** 32-bit FNV-1a over UTF-16 code units, as the GrowthBook SDKs compute it. */
export function fnv32a(text: string): number {
  return fnvContinue(fnvBasis, text) >>> 0;
}

/** The state after `text`, from which `fnvContinue` goes on: `fnv32a(a + b)` is a continuation of `a` by `b`. */
function fnvContinue(state: number, text: string): number {
  let hash = state;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), fnvPrime);
  }
  return hash;
}

/** The user's bucket in [0, 1), equal to GrowthBook's `hash(seed, user, version)`. */
export function bucketOf(user: string, seed: string, version: 1 | 2): number {
  if (version === 1) {
    return ((fnvContinue(fnvContinue(fnvBasis, user), seed) >>> 0) % 1000) / 1000;
  }
  const inner = fnvContinue(fnvContinue(fnvBasis, seed), user) >>> 0;
  return (fnv32a(String(inner)) % 10_000) / 10_000;
}

/** A 32-bit unsigned hash that picks an endpoint, independent of every bucket. */
export function endpointHash(user: string): number {
  return murmur32(user, endpointSeed);
}

/** The user in telemetry, 32 bits: counts distinct users. Independent of every bucket and of `endpointHash`. */
export function telemetryHash(user: string): number {
  return murmur32(user, clusterSeed);
}

/** The cluster, 0…255, of a user's telemetry hash. */
export function clusterOf(telemetryHash: number): number {
  return telemetryHash >>> 24;
}

/**
 * Sixteen hexadecimal digits that stand for a text too long or too secret to keep.
 *
 * Not cryptographic: it keeps a key out of logs and memory dumps, and two different keys apart
 * (64 bits), but a guessable key can be found again by trying.
 */
export function digest64(text: string): string {
  return hex32(murmur32(text, digestSeedHigh)) + hex32(murmur32(text, digestSeedLow));
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function murmur32(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) {
    let block = Math.imul(text.charCodeAt(at), 0xcc9e2d51);
    block = (block << 15) | (block >>> 17);
    hash ^= Math.imul(block, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  return mix32(hash ^ text.length);
}

/** MurmurHash3's finaliser: every input bit changes each output bit with a probability near one half. */
export function mix32(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
