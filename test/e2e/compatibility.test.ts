import { afterEach, describe, expect, it } from "vitest";
import type { Status } from "../../src/wire/admin-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function startModel(dimension: number): Promise<TestUpstream> {
  const upstream = await startUpstream(`d${dimension}`);
  ends.push(() => upstream.close());
  upstream.respond((request, response) => {
    request.resume();
    const embedding = Array.from({ length: dimension }, () => 0.5);
    response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ data: [{ index: 0, embedding }] }));
  });
  return upstream;
}

function textOf(one: TestUpstream, other: TestUpstream, more: string): string {
  return `${freePorts({ workers: 2 })}
upstreams: { one: { url: "${one.url}" }, other: { url: "${other.url}" } }
routes: [ { preset: openai } ]
experiments:
  models:
    variants: { one: { upstream: one, control: true, weight: 0 }, other: { upstream: other, weight: 1 } }
    ${more}
`;
}

async function variantOf(sluice: TestSluice): Promise<string | null> {
  const response = await fetch(`${sluice.url}/v1/embeddings`, { method: "POST", body: "{}" });
  await response.text();
  return response.headers.get("x-sluice-variant");
}

async function stateOf(
  sluice: TestSluice,
): Promise<Status["experiments"][number]["compatibility"]> {
  const response = await fetch(`${sluice.adminUrl}/v1/status`);
  return ((await response.json()) as Status).experiments[0]?.compatibility ?? null;
}

describe("variants whose vectors do not go together", () => {
  it("are not split: everybody gets the control, with the reason and the override, which a reload may give", async () => {
    const [one, other] = [await startModel(8), await startModel(4)];
    const sluice = await startTestSluice(textOf(one, other, ""));
    ends.push(() => sluice.stop());
    await expect.poll(() => variantOf(sluice)).toBe("one");
    const state = await stateOf(sluice);
    expect(state?.refused).toBe(true);
    expect(state?.findings[0]).toMatchObject({
      code: "embedding_dimension_differs",
      override: expect.stringContaining("allow_mixed_embeddings") as string,
    });
    await sluice.sluice.reload(textOf(one, other, "allow_mixed_embeddings: true"));
    await expect.poll(() => variantOf(sluice)).toBe("other");
    expect((await stateOf(sluice))?.refused).toBe(false);
  });

  it("are split where they do", async () => {
    const [one, other] = [await startModel(8), await startModel(8)];
    const sluice = await startTestSluice(textOf(one, other, ""));
    ends.push(() => sluice.stop());
    await expect.poll(async () => (await stateOf(sluice))?.checked_at).not.toBeNull();
    expect(await variantOf(sluice)).toBe("other");
  });
});
