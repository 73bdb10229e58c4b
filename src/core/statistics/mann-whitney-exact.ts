/** More cells than this (each 8 bytes) are not computed. */
const cellsMax = 2 ** 23;

/** Whether the exact distribution of U can be had for samples of these sizes. */
export function isExactFeasible(m: number, n: number): boolean {
  const counted = logOrders(m, n) < 690;
  return counted && Math.floor((m * n) / 2) < cellsMax;
}

/**
 * P(U ≤ u) for samples of sizes m and n without ties when all orders are equally likely; u is an integer of 0…mn.
 *
 * The number of orders with U = u is the coefficient of q^u in Π_{i=1…m} (1 − q^(n+i))/(1 − q^i) (E. F. Harding, "An
 * efficient, minimal-storage procedure for calculating the Mann-Whitney U, generalized U and similar distributions",
 * Applied Statistics 33, 1984). The product is built up factor by factor, its upper half left out as its mirror image:
 * O(min(m, n)·u) steps. Counts are exact below 2^53; above, 2e-14 of relative error at m = n = 100. Throws
 * RangeError where `isExactFeasible` is false.
 */
export function mannWhitneyLower(u: number, m: number, n: number): number {
  if (!(Number.isInteger(m) && Number.isInteger(n) && m > 0 && n > 0 && isExactFeasible(m, n))) {
    throw new RangeError(`mannWhitneyLower: sizes ${m} and ${n} are not within reach`);
  }
  if (!(Number.isInteger(u) && u >= 0 && u <= m * n)) {
    throw new RangeError(`mannWhitneyLower: u must be an integer of 0…${m * n}, not ${u}`);
  }
  const mirrored = m * n - u - 1;
  return mirrored < u ? 1 - lowerHalf(mirrored, m, n) : lowerHalf(u, m, n);
}

/** P(U ≤ u) for u below the middle. */
function lowerHalf(u: number, m: number, n: number): number {
  if (u < 0) return 0;
  const few = Math.min(m, n);
  const many = Math.max(m, n);
  const counts = new Float64Array(u + 1);
  counts[0] = 1;
  let orders = 1;
  for (let i = 1; i <= few; i += 1) {
    for (let at = i; at <= u; at += 1) {
      counts[at] = (counts[at] as number) + (counts[at - i] as number);
    }
    for (let at = u; at >= many + i; at -= 1) {
      counts[at] = (counts[at] as number) - (counts[at - many - i] as number);
    }
    orders *= (many + i) / i;
  }
  let sum = 0;
  for (const count of counts) sum += count;
  return Math.min(1, sum / orders);
}

/** ln of the number of orders, which a double must hold; an upper bound of it by (N·e/k)^k. */
function logOrders(m: number, n: number): number {
  const few = Math.min(m, n);
  return few * (1 + Math.log((m + n) / few));
}
