import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import OpenAI from "openai";
import type { DemoService, ServiceName } from "../../src/faces/demo/demo.ts";
import { questions } from "../../src/faces/demo/questions.ts";
import { spawnEmbeddingService } from "../../src/main/embedding-thread.ts";
import type { Status } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";

const services = new Map<ServiceName, DemoService>();
const started: TestSluice[] = [];

beforeAll(async () => {
  for (const name of ["full", "compact"] as const) {
    services.set(name, await spawnEmbeddingService(name, null));
  }
});
afterEach(async () => {
  for (const sluice of started.splice(0)) await sluice.stop();
});
afterAll(() => Promise.all(Array.from(services.values(), (service) => service.stop())));

type Copies = NonNullable<Status["experiments"][number]["variants"][number]["copies"]>;

/** Asks `count` questions with copies of all of them; what the treatment's copies came to. */
async function compare(treatment: ServiceName, count: number): Promise<Copies> {
  const urlOf = (name: ServiceName) => `http://127.0.0.1:${services.get(name)?.port}`;
  const sluice = await startTestSluice(`${freePorts()}
upstreams:
  full: { url: "${urlOf("full")}" }
  other: { url: "${urlOf(treatment)}" }
routes:
  - { preset: openai, experiment: models }
experiments:
  models:
    variants: { full: { upstream: full, control: true }, other: { upstream: other } }
    shadow: { share: 100% }
    allow_mixed_embeddings: true
`);
  started.push(sluice);
  const client = new OpenAI({ apiKey: "none", baseURL: `${sluice.url}/v1`, maxRetries: 0 });
  const copiesOf = async () => {
    const response = await fetch(`${sluice.adminUrl}/v1/status`);
    const { experiments } = (await response.json()) as Status;
    return experiments[0]?.variants.find(({ key }) => key === "other")?.copies ?? null;
  };
  for (let at = 0; at < count; at += 1) {
    // The SDK asks for base64.
    await client.embeddings.create({
      model: "any",
      input: questions[at] as string,
      user: `u${at}`,
    });
  }
  await expect.poll(async () => (await copiesOf())?.paired?.pairs, { timeout: 30_000 }).toBe(count);
  return (await copiesOf()) as Copies;
}

describe("the demo's models in shadow mode", () => {
  it("different dimensions: cosine is refused with the reason, neighbour overlap is reported", async () => {
    const { metrics, refused, paired } = await compare("compact", 70);
    expect(metrics["embedding_cosine"]).toBeUndefined();
    expect(metrics["semantic_similarity"]).toBeUndefined();
    expect(Object.entries(refused)).toEqual([
      ["cosine: the vectors are of different models and share no axes", 70],
    ]);
    expect(metrics["neighbour_overlap"]?.count).toBe(20);
    // The compact one is made of the full one: far more than the fifth that chance allows at most.
    expect(metrics["neighbour_overlap"]?.mean).toBeGreaterThan(0.5);
    expect(paired).toMatchObject({ pairs: 70, t_p_value: expect.any(Number) as number });
    expect(metrics["token_efficiency"]?.mean).toBe(1);
  });

  it("full against itself gives cosine 1", async () => {
    const { metrics, refused } = await compare("full", 20);
    expect(metrics["embedding_cosine"]).toEqual({
      count: 20,
      mean: expect.closeTo(1, 12) as number,
    });
    expect(metrics["embedding_max_abs_difference"]?.mean).toBe(0);
    expect(refused).toEqual({});
  });
});
