/**
 * Sums by cluster of users, for variances that are right although one user sends many requests
 * (cluster-robust, delta method): each of 256 clusters holds n, Σx, Σx² and Σfail. Users are hashed to
 * clusters independently of their assignment; the sums merge by addition and never grow.
 */
export const clusterCount = 256;
/** n, Σx, Σx², Σfail; x is the duration in milliseconds. */
const clusterFields = 4;

export type ClusterSums = Float64Array;

export function createClusterSums(): ClusterSums {
  return new Float64Array(clusterCount * clusterFields);
}

export function addToCluster(
  sums: ClusterSums,
  cluster: number,
  durationMs: number,
  failed: boolean,
): void {
  const at = cluster * clusterFields;
  sums[at] = (sums[at] as number) + 1;
  sums[at + 1] = (sums[at + 1] as number) + durationMs;
  sums[at + 2] = (sums[at + 2] as number) + durationMs * durationMs;
  if (failed) sums[at + 3] = (sums[at + 3] as number) + 1;
}

/** The clusters that hold anything, as [cluster, n, Σx, Σx², Σfail] one behind the other. */
export function packClusters(sums: ClusterSums): Float64Array {
  const packed: number[] = [];
  for (let cluster = 0; cluster < clusterCount; cluster += 1) {
    const at = cluster * clusterFields;
    if (sums[at] === 0) continue;
    packed.push(cluster, ...sums.subarray(at, at + clusterFields));
  }
  return Float64Array.from(packed);
}

export function addPackedClusters(sums: ClusterSums, packed: Float64Array): void {
  for (let at = 0; at < packed.length; at += clusterFields + 1) {
    const base = (packed[at] as number) * clusterFields;
    for (let field = 0; field < clusterFields; field += 1) {
      sums[base + field] = (sums[base + field] as number) + (packed[at + 1 + field] as number);
    }
  }
}
