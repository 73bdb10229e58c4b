import { describe, expect, it } from "vitest";
import { createPairComparer, type ComparedAnswer } from "../../../src/core/comparison/compare.ts";
import { PairLog, pairsKeptMax, refusalsMax } from "../../../src/core/comparison/pair-log.ts";
import { compareTexts } from "../../../src/core/comparison/text.ts";
import { pairMetrics } from "../../../src/core/telemetry/metric-names.ts";
import { readText, readVectors } from "../../../src/core/inspection/answer-content.ts";
import { base64Of, knownAnswers } from "../inspection/answers.ts";

function answer(body: string | null, more: Partial<ComparedAnswer> = {}): ComparedAnswer {
  return { body, durationMs: 10, tokensIn: null, tokensOut: null, ...more };
}

function embeddings(vectors: readonly (readonly number[])[], model = "m"): string {
  return JSON.stringify({ model, data: vectors.map((embedding, index) => ({ index, embedding })) });
}

describe("two answers", () => {
  it("vectors of the same model: cosine, lengths, largest difference", () => {
    const { compare } = createPairComparer("openai_embeddings", null);
    const found = compare(1, answer(embeddings([[3, 4]])), answer(embeddings([[4, 3]])));
    const metrics = Object.fromEntries(found.metrics);
    expect(metrics["embedding_cosine"]).toBeCloseTo(0.96, 15);
    expect(metrics["semantic_similarity"]).toBe(metrics["embedding_cosine"]);
    expect(metrics["embedding_max_abs_difference"]).toBe(1);
    expect(found.refused).toBeNull();
  });

  it.each([
    ["another dimension", embeddings([[1, 2, 3]]), null],
    ["another model by name", embeddings([[1, 2]], "n"), null],
    ["models that the configuration says differ", embeddings([[1, 2]]), false],
  ])("%s: no cosine, with the reason", (_, treatment, sameModel) => {
    const { compare } = createPairComparer("openai_embeddings", sameModel);
    const found = compare(1, answer(embeddings([[1, 2]])), answer(treatment));
    expect(Object.fromEntries(found.metrics)).not.toHaveProperty("embedding_cosine");
    expect(Object.fromEntries(found.metrics)).toHaveProperty("embedding_norm_ratio");
    expect(found.refused).toContain("share no axes");
  });

  it("models that the configuration says are one, under two names, have a cosine", () => {
    const { compare } = createPairComparer("openai_embeddings", true);
    const found = compare(1, answer(embeddings([[1, 2]])), answer(embeddings([[1, 2]], "n")));
    expect(Object.fromEntries(found.metrics)["embedding_cosine"]).toBe(1);
  });

  it("different models are compared by neighbours once enough inputs came", () => {
    const { compare } = createPairComparer("openai_embeddings", null);
    const overlaps: number[] = [];
    for (let key = 0; key < 80; key += 1) {
      const angle = key * 0.07;
      const control = embeddings([[Math.cos(angle), Math.sin(angle)]]);
      const treatment = embeddings([[Math.cos(angle), Math.sin(angle), 0.1]]);
      const { metrics } = compare(key, answer(control), answer(treatment));
      overlaps.push(
        ...metrics.flatMap(([name, value]) => (name === "neighbour_overlap" ? value : [])),
      );
    }
    expect(overlaps).toHaveLength(30);
    expect(Math.min(...overlaps)).toBeGreaterThan(0.8);
  });

  it("retrieval, text and citations", () => {
    const data = (ids: readonly string[]) =>
      JSON.stringify({ data: { chunks: ids.map((id) => ({ chunk_id: id })), entities: [] } });
    const retrieval = createPairComparer("lightrag_data", null);
    const chunks = retrieval.compare(1, answer(data(["a", "b"])), answer(data(["b", "a"])));
    const ranked = Object.fromEntries(chunks.metrics);
    expect(ranked["retrieval_overlap"]).toBe(1);
    expect(ranked["retrieval_rank_overlap"]).toBeCloseTo(0.9, 12);
    const said = (response: string, path: string) =>
      JSON.stringify({ response, references: [{ file_path: path }] });
    const text = createPairComparer("lightrag_query", null);
    const { metrics } = text.compare(
      1,
      answer(said("one two", "a.md"), { tokensOut: 100 }),
      answer(said("one two three four", "b.md"), { tokensOut: 50 }),
    );
    const found = Object.fromEntries(metrics);
    expect(found["text_token_overlap"]).toBeCloseTo(4 / 6, 15);
    expect(found["text_length_ratio"]).toBeCloseTo(18 / 7, 15);
    expect(found["citation_overlap"]).toBe(0);
    expect(found["token_efficiency"]).toBe(2);
  });

  it("what is not there is not compared, times always are", () => {
    const { compare } = createPairComparer("openai_embeddings", null);
    const without = compare(1, answer(null, { durationMs: 30 }), answer(embeddings([[1]])));
    expect(without.metrics).toEqual([["latency_difference", -20]]);
    expect(without.refused).toContain("too large");
    expect(compare(1, answer("{}"), answer("{}")).refused).toContain("no vectors");
    const plain = createPairComparer(null, null).compare(1, answer("a"), answer("b"));
    expect(plain).toEqual({ metrics: [["latency_difference", 0]], refused: null });
  });

  it("every known answer compares with itself, with known metrics and without a throw", () => {
    const names = new Set<string>(pairMetrics);
    for (const { reader, body } of knownAnswers) {
      const { compare } = createPairComparer(reader, null);
      for (let at = 0; at <= body.length; at += 1) {
        const { metrics } = compare(at, answer(body), answer(body.slice(0, at)));
        for (const [name, value] of metrics) {
          expect(names.has(name) && Number.isFinite(value)).toBe(true);
        }
      }
    }
  });
});

describe("what answers hold", () => {
  it.each([
    [
      "openai_embeddings",
      embeddings([
        [1, 2],
        [3, 4],
      ]),
    ],
    ["openai_embeddings", `{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]}`],
    [
      "openai_embeddings",
      `{"data":[{"embedding":"${base64Of(1, 2)}"},{"embedding":"${base64Of(3, 4)}"}]}`,
    ],
    ["ollama_embed", `{"embeddings":[[1,2],[3,4]]}`],
    ["tei_embed", `[[1,2],[3,4]]`],
    ["cohere_embed", `{"embeddings":{"float":[[1,2],[3,4]]}}`],
  ] as const)("%s: %s", (reader, body) => {
    expect(readVectors(reader, body)?.map((vector) => Array.from(vector))).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("text in one object, in lines, in events", () => {
    expect(
      readText("lightrag_stream", `{"references":[]}\n{"response":"a"}\n{"response":"b"}\n`),
    ).toBe("ab");
    expect(readText("ollama_generate", `{"message":{"content":"x"}}\n{"done":true}`)).toBe("x");
    expect(
      readText("openai_chat", `data: {"choices":[{"delta":{"content":"h"}}]}\n\ndata: [DONE]\n\n`),
    ).toBe("h");
    expect(readText("openai_chat", `{"choices":[{"message":{"content":"h"}}]}`)).toBe("h");
    expect(readText("lightrag_data", "{}")).toBeNull();
  });

  it("citations by path under References, else by number", () => {
    const cited = (text: string) => ({ text });
    const overlap = (one: string, other: string) =>
      compareTexts(cited(one), cited(other), { charsMax: 1_000 }).citationOverlap;
    expect(overlap("x [1]\n### References\n- [1] a.md", "y [2]\n### References\n- [2] a.md")).toBe(
      1,
    );
    expect(overlap("x [1] [2]", "y [2]")).toBe(0.5);
    expect(overlap("none", "none")).toBeNull();
  });
});

describe("the log of pairs", () => {
  it("analyses the last ones", () => {
    const log = new PairLog();
    expect(log.latency).toBeNull();
    for (let at = 0; at < 3 * pairsKeptMax; at += 1)
      log.add(at < 2 * pairsKeptMax ? 1_000 : (at % 7) - 2, null);
    expect(log.latency).toMatchObject({ pairs: pairsKeptMax });
    expect(log.latency?.meanMs).toBeCloseTo(1, 1);
    expect(log.latency?.pairedT).toMatchObject({ pValue: expect.any(Number) as number });
  });

  it(`tells ${refusalsMax} reasons apart`, () => {
    const log = new PairLog();
    for (let at = 0; at < refusalsMax + 5; at += 1) log.add(0, `reason ${at}`);
    expect(log.refusals.size).toBe(refusalsMax + 1);
    expect(log.refusals.get("other reasons")).toBe(5);
  });
});
