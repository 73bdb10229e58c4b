/** Published samples that several rank tests are checked with. */

/** SciPy 1.17, scipy/stats/tests/test_hypotests.py, TestMannWhitneyU. */
export const scipyX = [210.05211, 110.19063, 307.918612];
export const scipyY = [
  436.08811482466416, 416.37397329768191, 179.96975939463582, 197.8118754228619, 34.038757281225756,
  138.54220550921517, 128.7769351470246, 265.92721427951852, 275.6617533155341, 592.34083395416258,
  448.73177590617018, 300.61495185038905, 187.97508449019588,
];

/** M. Hollander and D. A. Wolfe (1973), p. 69: permeability at term and at 12 to 26 weeks (R, example(wilcox.test)). */
export const permeable = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
export const earlyPermeable = [1.15, 0.88, 0.9, 0.74, 1.21];

/** E. Brunner and U. Munzel (2000): pain scores on the third day after surgery, two treatments. */
export const brunnerActive = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1];
export const brunnerNew = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4];

/** statsmodels, test_nonparametric.py, test_rank_compare_ord: counts in five ordered grades. */
export const gradesNew = [24, 37, 21, 19, 6];
export const gradesActive = [11, 51, 22, 21, 7];

/** 100 million values in each arm that hardly differ: in doubles θ − ½ would be rounding. */
export const hugeX = [20_000_300, 19_999_990, 20_000_010, 19_999_800, 19_999_900];
export const hugeY = [20_000_000, 20_000_000, 20_000_000, 20_000_000, 20_000_000];
