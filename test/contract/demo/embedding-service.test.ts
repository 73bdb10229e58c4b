import { request } from "node:http";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { compactDimension, compactVector } from "../../../src/faces/demo/compact-vector.ts";
import { embeddingLimits, encodeBase64 } from "../../../src/faces/demo/embedding-request.ts";
import { startEmbeddingService } from "../../../src/faces/demo/embedding-service.ts";
import type { EmbeddingService } from "../../../src/faces/demo/embedding-service.ts";
import { createMisbehave, type Fault } from "../../../src/faces/demo/fault.ts";
import type { Misbehave } from "../../../src/faces/demo/fault.ts";
import { fullDimension, loadEncoder } from "../../../src/faces/demo/model.ts";
import type { Encoder } from "../../../src/faces/demo/model.ts";
import { questions } from "../../../src/faces/demo/questions.ts";

type OpenAiAnswer = {
  object: string;
  model: string;
  data: { object: string; index: number; embedding: number[] | string }[];
  usage: { prompt_tokens: number; total_tokens: number };
};
type NativeAnswer = { embedding: number[]; dimension: number; model: string };
type ErrorAnswer = { error: { message: string; code: string; param: string | null } };

let encoder: Encoder;
let full: EmbeddingService;
let compact: EmbeddingService;

const serve = (dimension: number, misbehave: Misbehave = async () => "answer") =>
  startEmbeddingService({
    model: `model-${dimension}`,
    dimension,
    encoder,
    reduce: dimension === fullDimension ? (vector) => vector : compactVector,
    misbehave,
  });

beforeAll(async () => {
  encoder = await loadEncoder();
  [full, compact] = await Promise.all([serve(fullDimension), serve(compactDimension)]);
});
afterAll(async () => {
  await Promise.all([full.stop(), compact.stop()]);
});

function ask(
  { port }: { readonly port: number },
  path: string,
  body: unknown,
  method = "POST",
): Promise<{ status: number; retryAfter: string | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: "127.0.0.1", port, path, method, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => {
          expect(response.headers["content-type"]).toBe("application/json");
          const status = response.statusCode ?? 0;
          const retryAfter = response.headers["retry-after"];
          resolve({ status, retryAfter, body: JSON.parse(text) as unknown });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
  });
}

const native = async (service: EmbeddingService, text: string) =>
  (await ask(service, "/embeddings", { text })).body as NativeAnswer;
const cosine = (one: readonly number[], other: readonly number[]) =>
  one.reduce((sum, value, at) => sum + value * (other[at] as number), 0);

describe("the two services", () => {
  it("differ in dimension and agree on the text", async () => {
    const text = "How does HNSW find neighbours?";
    const [large, small] = await Promise.all([native(full, text), native(compact, text)]);
    expect([large.dimension, large.embedding.length]).toEqual([512, 512]);
    expect([small.dimension, small.embedding.length]).toEqual([256, 256]);
    expect(large.model).not.toBe(small.model);
    for (const { embedding } of [large, small]) {
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 1);
    }
    const head = large.embedding.slice(0, 256);
    expect(cosine(head, small.embedding) / Math.hypot(...head)).toBeGreaterThan(0.999);
  });

  it.each(["full", "compact"] as const)("%s understands text: related is nearer", async (name) => {
    const service = name === "full" ? full : compact;
    const [one, related, unrelated] = await Promise.all([
      native(service, "How do I make vector search faster?"),
      native(service, "Which settings speed up a search over vectors?"),
      native(service, "My cat likes to sleep on the sofa in the sun."),
    ]);
    expect(cosine(one.embedding, related.embedding)).toBeGreaterThan(
      cosine(one.embedding, unrelated.embedding) + 0.1,
    );
  });

  it("compact has one of 255 levels for each number", async () => {
    const { embedding } = await native(compact, "quantised");
    const step = Math.max(...embedding.map(Math.abs)) / 127;
    for (const value of embedding) {
      expect(Math.abs(value / step - Math.round(value / step))).toBeLessThan(1e-3);
    }
  });

  it("report their health", async () => {
    const { status, body } = await ask(compact, "/health", undefined, "GET");
    expect(status).toBe(200);
    expect(body).toEqual({ status: "ok", model: "model-256", dimension: 256 });
  });
});

const openAi = async (body: object, service = full) =>
  (await ask(service, "/v1/embeddings", body)).body as OpenAiAnswer;

describe("POST /v1/embeddings", () => {
  it.each(["full", "compact"] as const)("%s: floats and base64 agree", async (name) => {
    const service = name === "full" ? full : compact;
    const input = ["What is RAG?", "What is a vector index?"];
    const floats = await openAi({ input, encoding_format: "float" }, service);
    const encoded = await openAi({ input, encoding_format: "base64" }, service);
    expect(floats.object).toBe("list");
    expect(floats.data.map(({ index, object }) => [index, object])).toEqual([
      [0, "embedding"],
      [1, "embedding"],
    ]);
    for (const [at, { embedding }] of encoded.data.entries()) {
      const bytes = Buffer.from(embedding as string, "base64");
      const decoded = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
      expect(decoded).toEqual(floats.data[at]?.embedding);
    }
    expect(encoded.usage).toEqual(floats.usage);
  });

  it("takes one text, and agrees with the plain shape", async () => {
    const { data, usage } = await openAi({ input: "What is RAG?", model: "x", user: "y" });
    expect(data).toHaveLength(1);
    const { embedding } = await native(full, "What is RAG?");
    const other = data[0]?.embedding as number[];
    for (const [at, value] of embedding.entries()) expect(other[at]).toBeCloseTo(value, 5);
    expect(usage.prompt_tokens).toBe(encoder.countTokens("What is RAG?"));
    expect(usage.total_tokens).toBe(usage.prompt_tokens);
  });

  it("takes its own dimension and the largest batch", async () => {
    const input = Array.from({ length: embeddingLimits.textsMax }, (_, at) => `text ${at}`);
    expect((await openAi({ input, dimensions: 512 })).data).toHaveLength(64);
  });
});

describe("bad input", () => {
  const long = "x".repeat(embeddingLimits.textCharactersMax + 1);
  it.each([
    ["/embeddings", "{", 400, "invalid_json", null],
    ["/embeddings", "", 400, "invalid_json", null],
    ["/embeddings", [], 400, "invalid_input", null],
    ["/embeddings", "null", 400, "invalid_input", null],
    ["/embeddings", {}, 400, "invalid_input", "text"],
    ["/embeddings", { text: 1 }, 400, "invalid_input", "text"],
    ["/embeddings", { text: "" }, 400, "empty_input", "input"],
    ["/embeddings", { text: long }, 400, "invalid_input", "text"],
    ["/v1/embeddings", { text: "x" }, 400, "invalid_input", "input"],
    ["/v1/embeddings", { input: [] }, 400, "invalid_input", "input"],
    ["/v1/embeddings", { input: [1, 2] }, 400, "invalid_input", "input"],
    ["/v1/embeddings", { input: ["a", ""] }, 400, "empty_input", "input"],
    [
      "/v1/embeddings",
      { input: Array.from({ length: 65 }, () => "a") },
      400,
      "invalid_input",
      "input",
    ],
    [
      "/v1/embeddings",
      { input: Array.from({ length: 5 }, () => "a".repeat(8000)) },
      400,
      "invalid_input",
      "input",
    ],
    [
      "/v1/embeddings",
      { input: "a", encoding_format: "hex" },
      400,
      "invalid_input",
      "encoding_format",
    ],
    ["/v1/embeddings", { input: "a", dimensions: 256 }, 400, "invalid_input", "dimensions"],
    ["/embeddings", "x".repeat(embeddingLimits.bodyBytesMax + 1), 413, "request_too_large", null],
    ["/none", {}, 404, "not_found", null],
    ["/constructor", {}, 404, "not_found", null],
    ["/health", {}, 405, "method_not_allowed", null],
  ])("POST %s %.40j → %i %s", async (path, sent, status, code, param) => {
    const answer = await ask(full, path, sent);
    expect(answer.status).toBe(status);
    expect((answer.body as ErrorAnswer).error).toMatchObject({ code, param });
  });
});

describe("faults", () => {
  const services: EmbeddingService[] = [];
  const serveWith = async (misbehave: Misbehave) => {
    const service = await serve(compactDimension, misbehave);
    services.push(service);
    return service;
  };
  const clock = { monotonicMs: () => 1000 };
  const at = (kind: Fault) => ({ kind, afterMs: 0 });
  const noTimers = { after: () => () => undefined, every: () => () => undefined };
  afterEach(async () => {
    for (const service of services.splice(0)) await service.stop();
  });

  it("errors: below 0.3 fails with 500, from 0.3 on answers", async () => {
    const drawn = [0, 0.29, 0.3, 0.99];
    const random = { next: () => drawn.shift() ?? 1, hex32: () => "" };
    const service = await serveWith(
      createMisbehave(at("errors"), { random, timers: noTimers, clock }),
    );
    const statuses = [];
    for (let count = 0; count < 4; count += 1) {
      statuses.push((await ask(service, "/embeddings", { text: "a" })).status);
    }
    expect(statuses).toEqual([500, 500, 200, 200]);
  });

  it("begins when its time has come, counted from the first request", async () => {
    const random = { next: () => 0, hex32: () => "" };
    let nowMs = 5000;
    const planned = { kind: "errors", afterMs: 3000 } as const;
    const misbehave = createMisbehave(planned, {
      random,
      timers: noTimers,
      clock: { monotonicMs: () => nowMs },
    });
    const seen = [await misbehave()];
    nowMs = 7999;
    seen.push(await misbehave());
    nowMs = 8000;
    seen.push(await misbehave());
    expect(seen).toEqual(["answer", "answer", "fail"]);
  });

  it("slow: answers after 300 ms", async () => {
    const waits: number[] = [];
    const timers = {
      ...noTimers,
      after(delayMs: number, run: () => void) {
        waits.push(delayMs);
        queueMicrotask(run);
        return () => undefined;
      },
    };
    const random = { next: () => 0, hex32: () => "" };
    const service = await serveWith(createMisbehave(at("slow"), { random, timers, clock }));
    expect((await ask(service, "/embeddings", { text: "a" })).status).toBe(200);
    expect(waits).toEqual([300]);
  });

  it("hang: never answers, though health does, and refuses beyond its limit", async () => {
    const random = { next: () => 0, hex32: () => "" };
    const hang = createMisbehave(at("hang"), { random, timers: noTimers, clock });
    const arrived = Promise.withResolvers<void>();
    let count = 0;
    const service = await serveWith(() => {
      count += 1;
      if (count === embeddingLimits.pendingMax) arrived.resolve();
      return hang();
    });
    const hanging = Array.from({ length: embeddingLimits.pendingMax }, () =>
      ask(service, "/embeddings", { text: "a" }).then(
        () => "answered",
        (error: Error) => error.message,
      ),
    );
    const early = Promise.race(hanging).then((how) => {
      throw new Error(`ended before its time: ${how}`);
    });
    await Promise.race([arrived.promise, early]);
    expect((await ask(service, "/health", undefined, "GET")).status).toBe(200);
    const refused = await ask(service, "/embeddings", { text: "a" });
    expect(refused).toMatchObject({ status: 503, retryAfter: "1" });
    await service.stop();
    expect(new Set(await Promise.all(hanging))).toEqual(new Set(["socket hang up"]));
  });
});

describe("compact vectors", () => {
  const vectors = fc
    .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 512, maxLength: 512 })
    .map((values) => Float32Array.from(values));

  it("are within half a step of the normalised truncation", () => {
    fc.assert(
      fc.property(vectors, (vector) => {
        const head = vector.slice(0, compactDimension);
        const length = Math.hypot(...head);
        fc.pre(length > 1e-3);
        const compacted = compactVector(vector);
        const largest = Math.max(...head.map(Math.abs)) / length;
        const errors = compacted.map((value, at) => value - (head[at] as number) / length);
        expect(Math.max(...errors.map(Math.abs))).toBeLessThanOrEqual(largest / 254 + 1e-6);
      }),
    );
  });

  it("of nothing is nothing", () => {
    expect([...compactVector(new Float32Array(512))]).toEqual(Array.from({ length: 256 }, () => 0));
  });

  it("survive base64 to the bit", () => {
    fc.assert(
      fc.property(vectors, (vector) => {
        const bytes = Buffer.from(encodeBase64(vector), "base64");
        const decoded = vector.map((_, at) => bytes.readFloatLE(at * 4));
        expect(decoded).toEqual(vector);
      }),
    );
  });
});

describe("the questions", () => {
  it("are many, different and short enough", () => {
    expect(questions.length).toBeGreaterThanOrEqual(150);
    expect(new Set(questions).size).toBe(questions.length);
    for (const question of questions) {
      expect(question).toMatch(/^[A-Z].{20,160}\?$/);
      expect(encoder.countTokens(question)).toBeGreaterThan(3);
    }
  });
});
