import { bootstrap } from "../../src/core/statistics/bootstrap.ts";
import { brunnerMunzelBinned } from "../../src/core/statistics/brunner-munzel.ts";
import { histogramOfCounts, totalOf } from "../../src/core/statistics/histogram.ts";
import { mannWhitneyBinned } from "../../src/core/statistics/mann-whitney.ts";
import { createRandom } from "../../src/core/statistics/random.ts";
import { binomialVariate, normalVariate } from "../../src/core/statistics/random-variates.ts";
import { addErrors, createErrorRateTest } from "../../src/core/statistics/sequential/error-rate.ts";
import { quantileTest } from "../../src/core/statistics/sequential/quantile-test.ts";
import { createLatency, takeCounts } from "../../src/core/telemetry/latency.ts";

/** `npm run bench:statistics`: what the guardrails' statistics cost on telemetry of 100 million requests an arm. */
const random = createRandom(1);

/** HDR counts of about 100 million log-normal latencies, 3 significant digits. */
function drawCounts(shift: number): Int32Array {
  const latency = createLatency();
  const drawn = 300_000;
  for (let at = 0; at < drawn; at += 1) {
    latency.recordValue(Math.round(Math.exp(0.8 * normalVariate(random) + 10 + shift)));
  }
  const counts = takeCounts(latency);
  for (let at = 1; at < counts.length; at += 2) {
    counts[at] = binomialVariate(random, 1e9, (counts[at] as number) / drawn / 10);
  }
  return counts;
}

/** Median milliseconds of one of `count` calls, after as many to warm up. */
function measure(count: number, call: () => unknown): number {
  const times: number[] = [];
  for (let at = 0; at < 2 * count; at += 1) {
    const startMs = performance.now();
    call();
    if (at >= count) times.push(performance.now() - startMs);
  }
  return times.toSorted((one, other) => one - other)[Math.floor(count / 2)] as number;
}

const [countsX, countsY] = [drawCounts(0), drawCounts(0.0001)];
const bins = countsX.length / 2;
const requests = totalOf(histogramOfCounts(countsX).counts);
const histograms = measure(15, () => {
  const [x, y] = [histogramOfCounts(countsX), histogramOfCounts(countsY)];
  mannWhitneyBinned(x, y);
  brunnerMunzelBinned(x, y);
  for (const quantile of [0.5, 0.95, 0.99])
    quantileTest(x, y, { quantile, alpha: 0.05, plannedCount: 1e6 });
});
const updates = 100_000;
let evidence = 0;
const errors = measure(7, () => {
  let test = createErrorRateTest({ share: 0.1, kind: "not_worse", margin: 0.2 });
  for (let at = 0; at < updates; at += 1) test = addErrors(test, (at * 7) % 11, at % 3);
  evidence += test.logEvidence;
});
const values = [0, 0.01].map((shift) =>
  Float64Array.from({ length: 25_000 }, () => Math.exp(normalVariate(random) + shift)),
);
const resampling = measure(2, () =>
  bootstrap(values[0] as Float64Array, values[1] as Float64Array, { random }),
);

console.log(
  `Mann-Whitney, Brunner-Munzel and quantile tests (p50, p95, p99) over two histograms of ${requests} requests in ${bins} bins: ${histograms.toFixed(1)} ms (at most 20)`,
);
console.log(
  `one update of an error guardrail's e-process: ${((errors * 1000) / updates).toFixed(2)} µs (at most 2; ln E ${evidence.toFixed(0)})`,
);
console.log(`bootstrap of a difference of means, 2 × 25,000 values: ${resampling.toFixed(0)} ms`);
