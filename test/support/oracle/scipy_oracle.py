"""Answers cases (one JSON a line on stdin) with what SciPy and statsmodels say (one JSON a line)."""
import json
import sys
import warnings

import numpy as np
from scipy import stats
from statsmodels.stats import multitest, power, proportion, weightstats

warnings.simplefilter("ignore")
ALTERNATIVES = {"two_sided": "two-sided", "greater": "greater", "less": "less"}


def test_of(case):
    x, y = np.array(case["x"]), np.array(case["y"])
    kind, side = case["kind"], ALTERNATIVES[case["alternative"]]
    if kind == "welch":
        found = stats.ttest_ind(x, y, equal_var=False, alternative=side)
        return [found.statistic, found.pvalue]
    if kind == "pooled":
        found = stats.ttest_ind(x, y, alternative=side)
        return [found.statistic, found.pvalue]
    if kind == "z_means":
        name = {"two-sided": "two-sided", "greater": "larger", "less": "smaller"}[side]
        means = weightstats.CompareMeans.from_data(x, y)
        return list(means.ztest_ind(alternative=name, usevar="unequal"))
    if kind == "mann_whitney":
        found = stats.mannwhitneyu(x, y, alternative=side, method="asymptotic")
        return [found.statistic, found.pvalue]
    if kind == "mann_whitney_exact":
        found = stats.mannwhitneyu(x, y, alternative=side, method="exact")
        return [found.statistic, found.pvalue]
    if kind == "brunner_munzel":
        # SciPy's statistic, unlike its alternative, is turned: negative where x is larger.
        found = stats.brunnermunzel(x, y, alternative=side)
        return [-found.statistic, found.pvalue]
    raise ValueError(kind)


def number_of(case):
    kind, a = case["kind"], case["arguments"]
    functions = {
        "normal_upper": lambda: stats.norm.sf(a[0]),
        "normal_quantile": lambda: stats.norm.ppf(a[0]),
        "t_upper": lambda: stats.t.sf(a[0], a[1]),
        "chi_square_upper": lambda: stats.chi2.sf(a[0], a[1]),
        "f_upper": lambda: stats.f.sf(a[0], a[1], a[2]),
        "beta_cdf": lambda: stats.beta.cdf(a[0], a[1], a[2]),
        "binomial_cdf": lambda: stats.binom.cdf(a[0], a[1], a[2]),
        "noncentral_t_cdf": lambda: stats.nct.cdf(a[0], a[1], a[2]),
        "fit": lambda: stats.chisquare(a[:2], np.array(a[2:]) / sum(a[2:]) * sum(a[:2])).pvalue,
        "independence": lambda: stats.chi2_contingency([a[:2], a[2:]], correction=False)[1],
        "proportions": lambda: proportion.proportions_ztest([a[0], a[2]], [a[1], a[3]])[1],
        "newcombe": lambda: proportion.confint_proportions_2indep(a[0], a[1], a[2], a[3], method="newcomb")[0],
        "wilson": lambda: proportion.proportion_confint(a[0], a[1], method="wilson")[1],
        "clopper_pearson": lambda: proportion.proportion_confint(a[0], a[1], method="beta")[0],
        "t_power": lambda: power.TTestIndPower().power(a[0], a[1], 0.05, ratio=a[2] / a[1]),
        "z_power": lambda: power.NormalIndPower().power(a[0], a[1], 0.05, ratio=a[2] / a[1]),
    }
    return [functions[kind]()]


def answer(case):
    if case["kind"] in ("holm", "fdr_bh"):
        return list(multitest.multipletests(case["arguments"], method=case["kind"])[1])
    return test_of(case) if "x" in case else number_of(case)


for line in sys.stdin:
    print(json.dumps([float(value) for value in answer(json.loads(line))]))
