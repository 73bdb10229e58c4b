import { build } from "hdr-histogram-js";

/** A histogram of integer microseconds with three significant digits that grows with what it sees. */
export type Latency = ReturnType<typeof createLatency>;

/** The counts of a histogram that are not 0, as [index, count] one behind the other. */
export type SparseCounts = Int32Array;

/** What a new histogram covers; one that sees longer times grows by 1024 counters for each doubling. */
const coveredUs = 100_000;

/** `counterBits` 32 for what is taken out often, 64 for totals that grow as long as Sluice runs. */
export function createLatency(counterBits: 32 | 64 = 32) {
  return build({
    bitBucketSize: counterBits,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: coveredUs,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  }) as JsLatency;
}

/** The parts of hdr-histogram-js' plain implementation that it does not declare on its interface. */
type JsLatency = ReturnType<typeof build> & {
  countsArrayIndex(value: number): number;
  getCountAtIndex(index: number): number;
  valueFromIndex(index: number): number;
  readonly maxValue: number;
  readonly minNonZeroValue: number;
};

/** Takes all counts out of a histogram and leaves it empty. */
export function takeCounts(latency: Latency): SparseCounts {
  const counts = readCounts(latency);
  if (counts.length > 0) latency.reset();
  return counts;
}

/** All counts of a histogram, which keeps them. */
export function readCounts(latency: Latency): SparseCounts {
  if (latency.totalCount === 0) return new Int32Array(0);
  const pairs: number[] = [];
  const last = latency.countsArrayIndex(latency.maxValue);
  for (let index = 0; index <= last; index += 1) {
    const count = latency.getCountAtIndex(index);
    if (count !== 0) pairs.push(index, count);
  }
  return Int32Array.from(pairs);
}

/** Adds counts taken from another histogram of this kind; nothing is lost: equal values share an index. */
export function addCounts(latency: Latency, counts: SparseCounts): void {
  for (let at = 0; at < counts.length; at += 2) {
    latency.recordValueWithCount(
      latency.valueFromIndex(counts[at] as number),
      counts[at + 1] as number,
    );
  }
}

const indexBeyond = 0x7fffffff;

/** The sum of counts that two histograms of this kind gave. */
export function mergeCounts(left: SparseCounts, right: SparseCounts): SparseCounts {
  if (left.length === 0) return right;
  if (right.length === 0) return left;
  const merged = new Int32Array(left.length + right.length);
  let [leftAt, rightAt, at] = [0, 0, 0];
  while (leftAt < left.length || rightAt < right.length) {
    // A whole number, for Infinity would make doubles of all of them.
    const leftIndex = left[leftAt] ?? indexBeyond;
    const rightIndex = right[rightAt] ?? indexBeyond;
    merged[at] = Math.min(leftIndex, rightIndex);
    if (leftIndex <= rightIndex) {
      merged[at + 1] = left[leftAt + 1] as number;
      leftAt += 2;
    }
    if (rightIndex <= leftIndex) {
      merged[at + 1] = (merged[at + 1] as number) + (right[rightAt + 1] as number);
      rightAt += 2;
    }
    at += 2;
  }
  return merged.slice(0, at);
}
