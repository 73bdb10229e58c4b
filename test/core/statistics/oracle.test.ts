import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Alternative } from "../../../src/core/statistics/alternative.ts";
import { brunnerMunzel } from "../../../src/core/statistics/brunner-munzel.ts";
import { goodnessOfFit, independence } from "../../../src/core/statistics/chi-square-test.ts";
import { betaCdf } from "../../../src/core/statistics/distributions/beta.ts";
import { binomialCdf } from "../../../src/core/statistics/distributions/binomial.ts";
import { chiSquareUpper } from "../../../src/core/statistics/distributions/chi-square.ts";
import { fUpper } from "../../../src/core/statistics/distributions/f.ts";
import { noncentralTCdf } from "../../../src/core/statistics/distributions/noncentral-t.ts";
import { normalQuantile, normalUpper } from "../../../src/core/statistics/distributions/normal.ts";
import { tUpper } from "../../../src/core/statistics/distributions/student-t.ts";
import { mannWhitney } from "../../../src/core/statistics/mann-whitney.ts";
import { momentsOf } from "../../../src/core/statistics/moments.ts";
import { adjust } from "../../../src/core/statistics/multiplicity.ts";
import { achievedPower as proportionsPower } from "../../../src/core/statistics/power/proportions.ts";
import { achievedPower as tPower } from "../../../src/core/statistics/power/t-test.ts";
import { createRandom, type Uniform } from "../../../src/core/statistics/random.ts";
import { pooledT, welchT } from "../../../src/core/statistics/t-test.ts";
import {
  clopperPearsonInterval,
  meansZ,
  newcombeInterval,
  proportionsZ,
  wilsonInterval,
} from "../../../src/core/statistics/z-test.ts";
import { valueOf } from "./sample.ts";

/** One case for both sides. */
type Case = {
  readonly kind: string;
  readonly question: object;
  readonly ours: readonly number[];
  readonly relative: number;
};

const script = fileURLToPath(new URL("../../support/oracle/scipy_oracle.py", import.meta.url));
/** Debian's packages belong to Debian's Python, which need not be the first in the path. */
const python = ["/usr/bin/python3", "python3"].find(
  (name) => spawnSync(name, ["-c", "import scipy.stats, statsmodels.stats.power"]).status === 0,
);
const seed = 20261123;
const casesEach = 84;

it.skipIf(python === undefined)(
  `agrees with SciPy and statsmodels on ${casesEach * 24} random inputs${python === undefined ? " (skipped: needs python3-scipy and python3-statsmodels)" : ""}`,
  () => {
    const random = createRandom(seed);
    const cases = Array.from({ length: casesEach }, () => drawCases(random)).flat();
    expect(cases.length).toBeGreaterThanOrEqual(2_000);
    const input = cases.map(({ question }) => JSON.stringify(question)).join("\n");
    const run = spawnSync(python ?? "", [script], { input, encoding: "utf8", maxBuffer: 1e9 });
    expect(run.stderr).toBe("");
    const theirs = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line.replaceAll("NaN", "null")) as (number | null)[]);
    expect(theirs).toHaveLength(cases.length);
    const apart: object[] = [];
    for (const [at, { kind, question, ours, relative }] of cases.entries()) {
      for (const [part, expected] of (theirs[at] ?? []).entries()) {
        const actual = ours[part] as number;
        // Below 1e-280 the oracles round to 0, and SciPy's Brunner-Munzel subtracts its tail from 1.
        const absolute = kind === "brunner_munzel" ? 1e-15 : 1e-280;
        const isClose =
          expected !== null &&
          Math.abs(actual - expected) <= relative * Math.abs(expected) + absolute;
        if (!isClose)
          apart.push({ kind, part, actual, expected, question: JSON.stringify(question) });
      }
    }
    expect(apart).toEqual([]);
  },
  120_000,
);

function drawCases(random: Uniform): Case[] {
  return [...sampleCases(random), ...distributionCases(random), ...countCases(random)];
}

function sampleCases(random: Uniform): Case[] {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const spread = 0.2 + random() * 3;
  const shift = (random() - 0.5) * 2;
  const values = (n: number, mean: number, scale: number, step: number) =>
    Array.from({ length: n }, () => {
      const value = mean + scale * (random() + random() + random() - 1.5);
      return step === 0 ? value : Math.round(value / step) * step;
    });
  const alternative = (["two_sided", "greater", "less"] as const)[between(0, 2)] as Alternative;
  const options = { alternative };
  // Ties in half of the samples, and scales far apart.
  const step = random() < 0.5 ? 0.25 : 0;
  const scale = 10 ** between(-6, 6);
  const x = values(between(3, 60), 10 + shift, 1, step).map((value) => value * scale);
  const y = values(between(3, 60), 10, spread, step).map((value) => value * scale);
  const [mx, my] = [valueOf(momentsOf(x)), valueOf(momentsOf(y))];
  const both = (
    kind: string,
    found: { statistic: number; pValue: number },
    relative = 1e-9,
  ): Case => ({
    kind,
    question: { kind, alternative, x, y },
    ours: [found.statistic, found.pValue],
    relative,
  });
  const small = { x: values(between(2, 8), shift, 1, 0), y: values(between(2, 20), 0, spread, 0) };
  const exact = valueOf(mannWhitney(small.x, small.y, { ...options, method: "exact" }));
  return [
    both("welch", valueOf(welchT(mx, my, options))),
    both("pooled", valueOf(pooledT(mx, my, options))),
    both("z_means", valueOf(meansZ(mx, my, options))),
    both("mann_whitney", valueOf(mannWhitney(x, y, { ...options, method: "asymptotic" }))),
    both("brunner_munzel", valueOf(brunnerMunzel(x, y, options))),
    {
      kind: "mann_whitney_exact",
      question: { kind: "mann_whitney_exact", alternative, ...small },
      ours: [exact.statistic, exact.pValue],
      relative: 1e-6,
    },
  ];
}

function distributionCases(random: Uniform): Case[] {
  const between = (low: number, high: number) => low + random() * (high - low);
  const spanning = (low: number, high: number) => 10 ** between(low, high);
  const one = (
    kind: string,
    arguments_: readonly number[],
    ours: number,
    relative = 1e-9,
  ): Case => ({
    kind,
    question: { kind, arguments: arguments_ },
    ours: [ours],
    relative,
  });
  const z = between(-30, 30);
  const p = random() < 0.5 ? spanning(-200, 0) : random();
  const df = spanning(0, 6);
  const t = between(-8, 8);
  const chi = Math.max(0.01, df + between(-5, 8) * Math.sqrt(2 * df));
  const [a, b] = [spanning(-1, 4), spanning(-1, 4)];
  const share = Math.min(
    0.999,
    Math.max(
      0.001,
      a / (a + b) + between(-4, 4) * Math.sqrt((a * b) / ((a + b) ** 2 * (a + b + 1))),
    ),
  );
  const ratio = spanning(-0.5, 0.5);
  const n = Math.floor(spanning(0, 5));
  const rate = random();
  const k = Math.floor(
    Math.min(n, Math.max(0, n * rate + between(-4, 4) * Math.sqrt(n * rate * (1 - rate)))),
  );
  const [ncDf, ncp] = [spanning(0.5, 3), between(-6, 6)];
  const nc = ncp + between(-3, 3);
  return [
    one("normal_upper", [z], normalUpper(z)),
    one("normal_quantile", [p], normalQuantile(p)),
    one("t_upper", [t, df], tUpper(t, df)),
    one("chi_square_upper", [chi, df], chiSquareUpper(chi, df)),
    one("f_upper", [ratio, a, b], fUpper(ratio, a, b)),
    one("beta_cdf", [share, a, b], betaCdf(share, a, b)),
    one("binomial_cdf", [k, n, rate], binomialCdf(k, n, rate)),
    one("noncentral_t_cdf", [nc, ncDf, ncp], noncentralTCdf(nc, ncDf, ncp), 1e-6),
  ];
}

function countCases(random: Uniform): Case[] {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const one = (
    kind: string,
    arguments_: readonly number[],
    ours: number,
    relative = 1e-9,
  ): Case => ({
    kind,
    question: { kind, arguments: arguments_ },
    ours: [ours],
    relative,
  });
  const [nx, ny] = [between(5, 5000), between(5, 5000)];
  const [kx, ky] = [between(1, nx - 1), between(1, ny - 1)];
  const [x, y] = [
    { successes: kx, n: nx },
    { successes: ky, n: ny },
  ];
  const shares = [between(1, 99), between(1, 99)];
  const pValues = Array.from({ length: between(1, 12) }, () => random() ** 3);
  const several = (kind: "holm" | "fdr_bh"): Case => ({
    kind,
    question: { kind, arguments: pValues },
    ours: adjust(pValues, kind === "holm" ? "holm" : "benjamini_hochberg"),
    relative: 1e-9,
  });
  const effect = 0.05 + random();
  const sizes = [between(5, 400), between(5, 400)] as const;
  const baseline = 0.05 + random() * 0.4;
  const changed = baseline + 0.02 + random() * 0.2;
  const h = 2 * Math.asin(Math.sqrt(changed)) - 2 * Math.asin(Math.sqrt(baseline));
  const design = { alpha: 0.05, alternative: "two_sided", sizes } as const;
  return [
    one("fit", [nx, ny, ...shares], valueOf(goodnessOfFit([nx, ny], shares)).pValue),
    one(
      "independence",
      [kx, nx - kx, ky, ny - ky],
      valueOf(
        independence([
          [kx, nx - kx],
          [ky, ny - ky],
        ]),
      ).pValue,
    ),
    one("proportions", [kx, nx, ky, ny], valueOf(proportionsZ(x, y)).pValue),
    one("newcombe", [kx, nx, ky, ny], newcombeInterval(x, y).low, 1e-8),
    one("wilson", [kx, nx], wilsonInterval(x).high),
    one("clopper_pearson", [kx, nx], clopperPearsonInterval(x).low),
    one("t_power", [effect, ...sizes], tPower({ ...design, effectSize: effect }), 1e-6),
    one(
      "z_power",
      [h, ...sizes],
      proportionsPower({ ...design, baseline, difference: changed - baseline, method: "cohens_h" }),
    ),
    several("holm"),
    several("fdr_bh"),
  ];
}
