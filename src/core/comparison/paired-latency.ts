import { err, ok, type Result } from "../../base/result.ts";
import type { DataFault } from "../statistics/fault.ts";
import { momentsOf } from "../statistics/moments.ts";
import { pairedT } from "../statistics/paired-t-test.ts";
import type { TTest } from "../statistics/t-test.ts";
import { wilcoxonSignedRank, type Wilcoxon } from "../statistics/wilcoxon-signed-rank.ts";

/** A test that could not be made says why: all differences are the same, or there are too few. */
export type TestOrFault<Test> = Test | { readonly error: DataFault };

/** How much longer the treatment took than the control for the same requests. Milliseconds, treatment − control. */
export type PairedLatency = {
  readonly pairs: number;
  /** Pairs in which the treatment took longer. */
  readonly slower: number;
  /** Pairs in which it took less time. */
  readonly faster: number;
  readonly meanMs: number;
  readonly medianMs: number;
  /** Of the mean, with its interval: what users wait for in sum. */
  readonly pairedT: TestOrFault<TTest>;
  /** Of symmetry about 0: not moved by a few slow requests. */
  readonly wilcoxon: TestOrFault<Wilcoxon>;
};

/** More pairs than this are refused: whoever collects them keeps a window of them. */
export const latencyPairsMax = 10_000;

/**
 * Analyses pairs of durations of the same request on both variants. The p-values are two-sided and for one look at data
 * that are complete. `empty`, `not_finite`, and `out_of_range` beyond `latencyPairsMax` or for absurdly large values.
 */
export function pairedLatency(
  differencesMs: ArrayLike<number>,
  { confidence = 0.95 }: { readonly confidence?: number } = {},
): Result<PairedLatency, DataFault> {
  const pairs = differencesMs.length;
  if (pairs > latencyPairsMax) {
    const message = `${pairs} pairs are more than the ${latencyPairsMax} that are analysed`;
    return err({ code: "out_of_range", message });
  }
  const moments = momentsOf(differencesMs);
  if (!moments.ok) return moments;
  const sorted = Float64Array.from(differencesMs).toSorted();
  return ok({
    pairs,
    slower: sorted.filter((value) => value > 0).length,
    faster: sorted.filter((value) => value < 0).length,
    meanMs: moments.value.mean,
    medianMs: medianOf(sorted),
    pairedT: orFault(pairedT(moments.value, { confidence })),
    wilcoxon: orFault(wilcoxonSignedRank(differencesMs)),
  });
}

function medianOf(sorted: Float64Array): number {
  const upper = sorted[Math.floor(sorted.length / 2)] as number;
  if (sorted.length % 2 === 1) return upper;
  const lower = sorted[sorted.length / 2 - 1] as number;
  return lower / 2 + upper / 2;
}

function orFault<Test>(result: Result<Test, DataFault>): TestOrFault<Test> {
  return result.ok ? result.value : { error: result.error };
}
