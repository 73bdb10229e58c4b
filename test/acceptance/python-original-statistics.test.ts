import { describe, expect, it } from "vitest";
import { bootstrap } from "../../src/core/statistics/bootstrap.ts";
import { normalQuantile } from "../../src/core/statistics/distributions/normal.ts";
import { createRandom, type Uniform } from "../../src/core/statistics/random.ts";
import { runCommandLine } from "../support/command-line.ts";

// Defects of the Python original's statistical_analysis and of its winner, shown by `sluice analyze` and `sluice power`.

type Row = readonly [variant: string, value: number];

const normal = (random: Uniform) => normalQuantile((Math.floor(random() * 1e6) + 0.5) / 1e6);

function samples(variant: string, rows: number, mean: number, random: Uniform): Row[] {
  return Array.from({ length: rows }, (): Row => [variant, mean + 10 * normal(random)]);
}

type Found = {
  readonly metrics: {
    readonly value: {
      readonly welch_t: { readonly p_value: number; readonly difference: number };
      readonly bootstrap: { readonly p_value: number };
    };
  };
  readonly decision: {
    readonly outcome: string;
    readonly blocked_by: string | null;
    readonly gates: readonly { readonly name: string; readonly reason: string }[];
  };
};

async function analyse(
  rows: readonly Row[],
  { better = "lower", control = "old", more = [] as readonly string[] } = {},
): Promise<Found> {
  const text = `variant,value\n${rows.map((row) => row.join(",")).join("\n")}\n`;
  const line = ["analyze", "d.csv", "--control", control, "--metric", `value:${better}`, "--json"];
  const { exitCode, stdout, stderr } = await runCommandLine([...line, ...more], { "d.csv": text });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Found;
}

describe("who wins", () => {
  it.each([
    ["lower", 90, "treatment_wins"],
    ["lower", 110, "control_wins"],
    ["higher", 110, "treatment_wins"],
    ["higher", 90, "control_wins"],
  ])(
    "significant is not always the treatment's win: %s is better and the treatment has %i against 100: %s",
    async (better, mean, expected) => {
      const random = createRandom(1);
      const rows = [...samples("old", 200, 100, random), ...samples("new", 200, mean, random)];
      expect((await analyse(rows, { better })).decision.outcome).toBe(expected);
    },
  );

  it("higher latency is worse: a slower treatment never wins, by however little it is slower", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = createRandom(seed);
      const slower = 100 + seed / 2;
      const rows = [...samples("old", 150, 100, random), ...samples("new", 150, slower, random)];
      outcomes.add((await analyse(rows)).decision.outcome);
    }
    expect(outcomes).toEqual(new Set(["keep_running", "control_wins"]));
  });

  it("a clear difference is found: not always 'no significant difference'", async () => {
    const random = createRandom(2);
    const rows = [...samples("old", 300, 100, random), ...samples("new", 300, 80, random)];
    const { decision } = await analyse(rows);
    expect(decision).toMatchObject({ outcome: "treatment_wins", blocked_by: null });
  });

  it("the control is the control, wherever it stands in the list", async () => {
    const random = createRandom(3);
    const [old, fresh] = [samples("old", 200, 100, random), samples("new", 200, 90, random)];
    const first = await analyse([...old, ...fresh]);
    const last = await analyse([...fresh, ...old]);
    for (const { decision, metrics } of [first, last]) {
      expect(decision.outcome).toBe("treatment_wins");
      // Treatment minus control.
      expect(Math.abs(metrics.value.welch_t.difference + 10)).toBeLessThan(4);
    }
    const swapped = await analyse([...old, ...fresh], { control: "new" });
    expect(swapped.decision.outcome).toBe("control_wins");
    expect(swapped.metrics.value.welch_t.difference).toBeCloseTo(
      -first.metrics.value.welch_t.difference,
      9,
    );
  });

  it("the smallest effect that counts is used: one real change, three answers", async () => {
    const random = createRandom(4);
    const rows = [...samples("old", 2000, 100, random), ...samples("new", 2000, 92, random)];
    const outcomeFor = async (size: string) =>
      (await analyse(rows, { more: ["--min-effect", size] })).decision.outcome;
    expect([await outcomeFor("5%"), await outcomeFor("8%"), await outcomeFor("12%")]).toEqual([
      "treatment_wins",
      "keep_running",
      "no_difference",
    ]);
  });
});

describe("p-values", () => {
  // scipy 1.17.1: ttest_ind(b, a, equal_var=False).
  it.each([
    [0.2, 0.7710322372580178],
    [0.6, 0.7477957626749798],
    [1.0, 0.35700321377566746],
    [1.4, 0.13720600203585878],
    [1.8, 0.04508952353119636],
    [2.2, 0.013554904528623776],
  ])("a p-value is computed, not read from a table of four steps: shift %d", async (shift, p) => {
    const old = [12.1, 9.8, 11.4, 10.9, 13.0, 8.7, 10.2, 11.1];
    const rows = [
      ...old.map((value): Row => ["old", value]),
      ...old.map((value): Row => ["new", value * 0.9 + shift + 0.7]),
    ];
    expect((await analyse(rows)).metrics.value.welch_t.p_value).toBeCloseTo(p, 10);
  });

  it("the bootstrap's p-value is that of a world without a difference: even there, small where there is one", () => {
    const random = createRandom(5);
    const draw = (mean: number) => samples("", 40, mean, random).map(([, value]) => value);
    const pValues = (mean: number, runs: number) =>
      Array.from({ length: runs }, () => {
        const found = bootstrap(draw(mean), draw(100), { random, resamples: 400 });
        return found.ok ? found.value.pValue : Number.NaN;
      });
    const under = pValues(100, 400);
    const below = (limit: number) => under.filter((p) => p <= limit).length / under.length;
    // Each within four standard errors of what a fair p-value has; the original's were all about a half.
    for (const share of [0.05, 0.2, 0.5, 0.8]) {
      expect(Math.abs(below(share) - share)).toBeLessThan(
        4 * Math.sqrt((share * (1 - share)) / 400),
      );
    }
    // One in 401 is the least that 400 resamples can say.
    expect(pValues(115, 20).every((p) => p < 0.005)).toBe(true);
  });
});

describe("power", () => {
  it("low power is said, not a crash", async () => {
    const random = createRandom(6);
    const rows = [...samples("old", 6, 100, random), ...samples("new", 6, 99, random)];
    const { decision } = await analyse(rows, { more: ["--min-effect", "2%"] });
    expect(decision.outcome).toBe("keep_running");
    expect(decision.gates.find(({ name }) => name === "power")?.reason).toMatch(
      /^to find a change of 2 % with a chance of 80 % the smaller arm needs [\d,]+ requests and has 6$/,
    );
  });

  it("the power asked for is used", async () => {
    const random = createRandom(6);
    const rows = [...samples("old", 6, 100, random), ...samples("new", 6, 99, random)];
    const neededFor = async (power: string) => {
      const { decision } = await analyse(rows, { more: ["--min-effect", "2%", "--power", power] });
      const { reason } = decision.gates.find(({ name }) => name === "power") ?? { reason: "" };
      return Number(/needs ([\d,]+)/.exec(reason)?.[1]?.replaceAll(",", ""));
    };
    expect(await neededFor("0.95")).toBeGreaterThan(await neededFor("0.8"));
    expect(await neededFor("0.8")).toBeGreaterThan(await neededFor("0.5"));
  });

  // By scipy 1.17.1's noncentral t: the smallest size whose power is 0.8.
  it.each([
    ["1", 1571],
    ["2", 394],
    ["3.7", 116],
    ["5", 64],
    ["6.3", 41],
    ["8", 26],
  ])(
    "a sample size is computed, not looked up: a change of %s with deviation 10",
    async (mde, n) => {
      const line = ["power", "--baseline", "100", "--mde", mde, "--sd", "10", "--json"];
      const { exitCode, stdout } = await runCommandLine(line);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ per_arm: { control: n, treatment: n } });
    },
  );
});
