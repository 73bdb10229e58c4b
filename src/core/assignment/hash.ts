/** 32-bit FNV-1a over UTF-16 code units, as the GrowthBook SDKs compute it. */
export function fnv32a(text: string): number {
  throw new Error(`stub ${text}`);
}

/** The user's bucket in [0, 1), equal to GrowthBook's `hash(seed, user, version)`. */
export function bucketOf(user: string, seed: string, version: 1 | 2): number {
  throw new Error(`stub ${user} ${seed} ${version}`);
}

/** A 32-bit unsigned hash that picks an endpoint, independent of every bucket. */
export function endpointHash(user: string): number {
  throw new Error(`stub ${user}`);
}

/** The user's telemetry cluster, 0…255, independent of every bucket and of `endpointHash`. */
export function clusterHash(user: string): number {
  throw new Error(`stub ${user}`);
}
