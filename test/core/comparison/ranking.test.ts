import { describe, expect, it } from "vitest";
import {
  compareRetrieval,
  rankBiasedOverlap,
  rankedIdsMax,
} from "../../../src/core/comparison/ranking.ts";
import { referencePaths, retrievedIds } from "../../../src/core/comparison/retrieval.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";

function shuffled(random: () => number, length: number): string[] {
  return Array.from({ length }, (_, at) => ({ id: `c${at}`, by: random() }))
    .toSorted((one, other) => one.by - other.by)
    .map(({ id }) => id);
}

describe("rank-biased overlap", () => {
  it("by hand: two ranks that changed places", () => {
    // X_1 = 0, X_2 = 2: (1 − p)/p · (2/2 · p²) + 2/2 · p² = (1 − p)p + p² = p.
    expect(rankBiasedOverlap(["a", "b"], ["b", "a"], 0.9)).toBeCloseTo(0.9, 15);
  });

  it("1 for equal rankings, 0 for strangers, the same either way round, never outside 0…1", () => {
    const random = createRandom(3);
    for (let turn = 0; turn < 300; turn += 1) {
      const one = shuffled(random, 30).slice(0, 1 + Math.floor(random() * 20));
      const other = shuffled(random, 30).slice(0, 1 + Math.floor(random() * 20));
      const found = rankBiasedOverlap(one, other, 0.9);
      expect(found).toBeGreaterThanOrEqual(0);
      expect(found).toBeLessThanOrEqual(1);
      expect(rankBiasedOverlap(other, one, 0.9)).toBeCloseTo(found, 14);
      expect(rankBiasedOverlap(one, one, 0.9)).toBeCloseTo(1, 12);
    }
    expect(rankBiasedOverlap(["a"], ["b"], 0.9)).toBe(0);
  });

  it("weighs the top: a swap there costs more than one below", () => {
    const same = ["a", "b", "c", "d", "e", "f"];
    const top = rankBiasedOverlap(same, ["b", "a", "c", "d", "e", "f"], 0.9);
    const bottom = rankBiasedOverlap(same, ["a", "b", "c", "d", "f", "e"], 0.9);
    expect(top).toBeLessThan(bottom);
  });
});

describe("retrieval", () => {
  it("Jaccard counts each id once; nothing found on either side is no comparison", () => {
    expect(compareRetrieval(["a", "b", "a"], ["b", "c"])?.jaccard).toBeCloseTo(1 / 3, 15);
    expect(compareRetrieval([], [])).toBeNull();
    expect(compareRetrieval(["a"], [])).toEqual({ jaccard: 0, rankOverlap: 0 });
  });

  it(`reads ${rankedIdsMax} ids at most`, () => {
    const ids = Array.from({ length: rankedIdsMax + 1 }, (_, at) => `c${at}`);
    expect(compareRetrieval(ids, [`c${rankedIdsMax}`])?.jaccard).toBe(0);
    expect(compareRetrieval(ids, [`c${rankedIdsMax - 1}`])?.jaccard).toBe(1 / rankedIdsMax);
  });

  it("finds the ids in a LightRAG answer", () => {
    const data = {
      chunks: [{ chunk_id: "k1" }, { file_path: "b.md" }, { content: "text" }, { other: 1 }, null],
      entities: [{ entity_name: "Paris" }],
      relationships: [{ src_id: "b", tgt_id: "a" }],
      references: [{ reference_id: "1", file_path: "a.md" }],
    };
    expect(retrievedIds({ status: "success", data })).toEqual({
      chunks: ["k1", "b.md", "text"],
      entities: ["Paris"],
      relationships: ['["a","b"]'],
      references: ["a.md"],
    });
    for (const other of [null, [], {}, { data: 1 }, { data: {} }, { status: "failure", data }]) {
      expect(retrievedIds(other)).toBeNull();
    }
    expect(referencePaths("no list")).toEqual([]);
  });
});
