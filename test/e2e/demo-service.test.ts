import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DemoService, ServiceName } from "../../src/faces/demo/demo.ts";
import { embeddingLimits } from "../../src/faces/demo/embedding-request.ts";
import { startEmbeddingService } from "../../src/faces/demo/embedding-service.ts";
import { spawnEmbeddingService } from "../../src/main/embedding-thread.ts";

const services = new Map<ServiceName, DemoService>();

async function start(name: ServiceName): Promise<void> {
  services.set(name, await spawnEmbeddingService(name, null));
}

beforeAll(() => Promise.all([start("full"), start("compact")]));
afterAll(() => Promise.all(Array.from(services.values(), (service) => service.stop())));

function post(port: number, text: string, signal: AbortSignal | null = null): Promise<Response> {
  const url = `http://127.0.0.1:${port}/embeddings`;
  return fetch(url, { method: "POST", body: JSON.stringify({ text }), signal });
}

function cosine(a: readonly number[], b: readonly number[]): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
}

test.each([
  ["full", 512],
  ["compact", 256],
] as const)(
  "the thread %s serves the openai SDK, which asks for base64",
  async (name, dimension) => {
    const { port } = services.get(name) as DemoService;
    const baseURL = `http://127.0.0.1:${port}/v1`;
    const client = new OpenAI({ apiKey: "none", baseURL, maxRetries: 0 });
    const input = ["first question about ranking", "second question about quantisation"];
    const { data, usage } = await client.embeddings.create({ model: "any", input });
    expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, dimension],
      [1, dimension],
    ]);
    const alone = (await (await post(port, input[1] as string)).json()) as { embedding: number[] };
    expect(cosine(data[1]?.embedding ?? [], alone.embedding)).toBeCloseTo(1, 5);
    expect(cosine(data[0]?.embedding ?? [], alone.embedding)).toBeLessThan(0.9);
    expect(usage.total_tokens).toBe(usage.prompt_tokens);
  },
);

test("a body and a text at their limits are taken", async () => {
  const { port } = services.get("compact") as DemoService;
  const { bodyBytesMax, textCharactersMax } = embeddingLimits;
  expect((await post(port, "a ".repeat(textCharactersMax / 2))).status).toBe(200);
  const body = JSON.stringify({ text: "hello" }).padEnd(bodyBytesMax, " ");
  const padded = await fetch(`http://127.0.0.1:${port}/embeddings`, { method: "POST", body });
  expect(padded.status).toBe(200);
});

test("whoever gives up leaves the queue, so that a service that hangs goes on hanging", async () => {
  let entered = 0;
  let awaited = embeddingLimits.pendingMax;
  let reached = Promise.withResolvers<void>();
  const service = await startEmbeddingService({
    model: "none",
    dimension: 1,
    encoder: { embed: async () => [new Float32Array(1)], countTokens: () => 1 },
    reduce: (vector) => vector,
    misbehave: () => {
      entered += 1;
      if (entered === awaited) reached.resolve();
      return new Promise(() => undefined);
    },
  });
  const hang = (count: number, giveUp: AbortController) =>
    Promise.allSettled(Array.from({ length: count }, () => post(service.port, "a", giveUp.signal)));
  const first = new AbortController();
  const crowd = hang(embeddingLimits.pendingMax, first);
  await reached.promise;
  expect((await post(service.port, "a")).status).toBe(503);
  first.abort();
  await crowd;
  // The service learns a little later that they are gone; until then it is full.
  awaited += 1;
  reached = Promise.withResolvers<void>();
  const last = new AbortController();
  let seen: number | string = 503;
  for (let attempt = 0; attempt < 1000 && seen === 503; attempt += 1) {
    const answer = post(service.port, "a", last.signal).then(
      ({ status }) => status,
      () => "given up",
    );
    seen = await Promise.race([answer, reached.promise.then(() => "hangs")]);
  }
  expect(seen).toBe("hangs");
  last.abort();
  await service.stop();
});
