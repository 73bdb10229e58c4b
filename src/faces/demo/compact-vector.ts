export const compactDimension = 256;

/**
 * A vector as a smaller model would give it: the first 256 numbers, made length 1 again, each stored in one signed
 * byte (symmetric, one scale for the vector: v ≈ q · max|v| / 127) and read back. The error of a number is at most
 * half a step, max|v| / 254.
 */
export function compactVector(vector: Float32Array): Float32Array {
  const head = vector.slice(0, compactDimension);
  const length = Math.hypot(...head);
  // A zero vector has no direction; it stays what it is.
  if (length === 0) return head;
  const largest = head.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / length;
  const stepSize = largest / 127;
  const quantised = Int8Array.from(head, (value) => Math.round(value / length / stepSize));
  return Float32Array.from(quantised, (value) => value * stepSize);
}
