import { err, ok, type Result } from "../../base/result.ts";
import type { DataFault } from "./fault.ts";
import { momentsOf, type Moments } from "./moments.ts";
import { oneSampleT, type TestOptions, type TTest } from "./t-test.ts";

/**
 * Student's paired t-test: is the mean of the differences x − y of pairs another one than `nullDifference`? Takes the
 * differences or their moments; needs two pairs whose differences differ. The interval is that of the mean difference.
 */
export function pairedT(
  differences: Moments | ArrayLike<number>,
  options: TestOptions = {},
): Result<TTest, DataFault> {
  const moments = "mean" in differences ? ok(differences) : momentsOf(differences);
  if (!moments.ok) return moments;
  const { n, variance } = moments.value;
  if (n < 2) {
    return err({ code: "too_few", message: `at least 2 pairs are needed, there are ${n}` });
  }
  // The variance itself can be above 0 where its share of the mean is too small for a double.
  if (variance / n === 0) {
    return err({
      code: "zero_variance",
      message: "all differences are the same: there is no variance to compare their mean with",
    });
  }
  return oneSampleT(moments.value, options);
}
