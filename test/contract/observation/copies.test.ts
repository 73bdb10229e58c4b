import type { RequestListener } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { copiesMax } from "../../../src/data/copies/copier.ts";
import { copyRequestBytesMax } from "../../../src/data/copies/copy.ts";
import { startPlane, type TestPlane } from "../../support/plane.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";
import { Measuring } from "./measured.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

type Setup = {
  readonly shadow?: string;
  readonly route?: string;
  readonly weights?: readonly [number, number];
  readonly variant?: string;
};

async function start({
  shadow = "share: 100%",
  route = "classify: openai_embeddings",
  weights = [1, 0],
  variant = "",
}: Setup = {}) {
  const old = await startUpstream("old");
  const next = await startUpstream("new");
  const plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams:
  old: { url: "${old.url}" }
  new: { url: "${next.url}/v2", timeouts: { first_byte: 200ms } }
routes:
  - { match: "/**", experiment: test, ${route} }
experiments:
  test:
    variants:
      old: { upstream: old, control: true, weight: ${weights[0]} }
      new: { upstream: new, weight: ${weights[1]} ${variant} }
    assignment: { user: [ "header:x-user" ], cookie: false }
    shadow: { ${shadow} }
`);
  cleanups.push(
    () => old.close(),
    () => next.close(),
    () => plane.stop(),
  );
  return { old, next, plane, measuring: new Measuring(plane) };
}

async function ask(plane: TestPlane, body = `{"input":"a"}`, method = "POST"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${plane.port}/v1/embeddings`, {
    method,
    headers: { "content-type": "application/json", "x-user": "u1", "x-request-id": "r-1" },
    ...(method === "GET" ? {} : { body }),
  });
  return response.text();
}

function embedding(...vector: readonly number[]): RequestListener {
  return (request, response) => {
    request.resume();
    const data = [{ index: 0, embedding: vector }];
    const usage = { prompt_tokens: 4 * vector.length };
    response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ data, model: "m", usage }));
  };
}

async function untilPairs(measuring: Measuring, count: number): Promise<void> {
  await expect
    .poll(() => {
      measuring.collect();
      return measuring.pairs.length;
    })
    .toBe(count);
}

/** Keeps the bodies that came. */
function keeping(upstream: TestUpstream): { bodies: string[] } {
  const kept = { bodies: [] as string[] };
  upstream.respond((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      kept.bodies.push(body);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  return kept;
}

describe("a copy", () => {
  it("is the request as the other variant gets it, marked, with the same id, and its answers are compared", async () => {
    const { old, next, plane, measuring } = await start();
    old.respond(embedding(1, 0));
    next.respond(embedding(1, 1));
    await ask(plane);
    await next.until(1);
    expect(next.requests[0]).toMatchObject({
      method: "POST",
      url: "/v2/v1/embeddings",
      headers: {
        "x-sluice-shadow": "true",
        "x-sluice-variant": "new",
        "x-request-id": "r-1",
        "x-user": "u1",
      },
    });
    expect(old.requests[0]?.headers["x-sluice-shadow"]).toBeUndefined();
    await untilPairs(measuring, 1);
    const copies = measuring.of("new copies");
    expect(copies.outcomes).toEqual({ success: 1 });
    expect(copies.metrics["embedding_cosine"]?.sum).toBeCloseTo(Math.SQRT1_2, 12);
    expect(copies.metrics["semantic_similarity"]?.sum).toBeCloseTo(Math.SQRT1_2, 12);
    expect(copies.metrics["embedding_max_abs_difference"]?.sum).toBe(1);
    expect(copies.metrics["token_efficiency"]?.sum).toBe(1);
    expect(copies.metrics["latency_difference"]?.n).toBe(1);
    expect(measuring.of("old").outcomes).toEqual({ success: 1 });
    expect(measuring.of("new").outcomes).toEqual({});
  });

  it("of a treatment's user goes to the control, and counts for the treatment all the same", async () => {
    const { old, next, plane, measuring } = await start({ weights: [0, 1] });
    old.respond(embedding(1, 0));
    next.respond(embedding(1, 1));
    await ask(plane);
    await untilPairs(measuring, 1);
    expect(measuring.of("old copies").outcomes).toEqual({ success: 1 });
    expect(measuring.of("new copies").metrics["embedding_cosine"]?.n).toBe(1);
  });

  it("of another model's vectors has no cosine, and says why", async () => {
    const { old, next, plane, measuring } = await start();
    old.respond(embedding(1, 0));
    next.respond(embedding(1, 0, 0));
    await ask(plane);
    await untilPairs(measuring, 1);
    const { metrics } = measuring.of("new copies");
    expect(metrics["embedding_cosine"]).toBeUndefined();
    expect(metrics["embedding_norm_ratio"]?.sum).toBe(1);
    expect(measuring.pairs[0]?.refused).toContain("different models");
  });

  it("has the receiving variant's body, not the sender's", async () => {
    const { next, plane } = await start({ variant: ', body: { model: "next" }' });
    const kept = keeping(next);
    await ask(plane, `{"input":"ä"}`);
    await expect.poll(() => kept.bodies).toEqual([`{"input":"ä","model":"next"}`]);
  });

  it("leaves after the answer, or at once", async () => {
    for (const when of ["after", "at_once"]) {
      const { old, next, plane } = await start({ shadow: `share: 100%, when: ${when}` });
      let answer: () => void = () => {};
      old.respond((_, response) => {
        answer = () => response.end("{}");
      });
      const asked = ask(plane);
      await old.until(1);
      if (when === "at_once") await next.until(1);
      else expect(next.requests).toHaveLength(0);
      answer();
      await asked;
      await next.until(1);
    }
  });

  it("that fails, or never answers, is counted at the copies and hurts nobody", async () => {
    const { next, plane, measuring } = await start();
    const answers: RequestListener[] = [
      (_, response) => response.writeHead(500).end(),
      (_, response) => response.destroy(),
      () => {},
      (_, response) => response.setHeader("content-type", "application/json").end(`{"data":[]}`),
    ];
    for (const [at, answer] of answers.entries()) {
      next.respond(answer);
      expect(await ask(plane)).toContain("old");
      await next.until(at + 1);
    }
    const wanted = { upstream_error: 1, proxy_error: 1, timeout: 1, bad_answer: 1 };
    await expect.poll(() => measuring.of("new copies").outcomes).toEqual(wanted);
    expect(measuring.of("new copies").failures).toEqual({ empty_embedding: 1 });
    expect(measuring.pairs).toHaveLength(0);
    expect(plane.plane.held().exchanges).toBe(0);
  });

  it("is not made of what is not split, nor of what changes things by its method", async () => {
    const writes = await start({ route: "class: write" });
    await ask(writes.plane);
    const { next, plane } = await start();
    await ask(plane, "{}", "DELETE");
    await ask(plane, "{}", "POST");
    await next.until(1);
    expect(next.requests.map(({ method }) => method)).toEqual(["POST"]);
    expect(plane.counters().copiesSkipped).toEqual({ method: 1 });
    expect(writes.next.requests).toHaveLength(0);
    expect(writes.old.requests).toHaveLength(1);
  });

  it.each([
    [copyRequestBytesMax, {}, 1],
    [copyRequestBytesMax + 1, { too_large: 1 }, 0],
  ])("of a body of %i bytes: skipped %o", async (size, skipped, copies) => {
    const { next, plane, measuring } = await start({ route: "timeouts: {}" });
    const kept = keeping(next);
    await ask(plane, "x".repeat(size));
    if (copies === 1) await expect.poll(() => kept.bodies[0]?.length).toBe(size);
    measuring.collect();
    expect(plane.counters().copiesSkipped).toEqual(skipped);
  });

  it(`beyond ${copiesMax} that are under way is not made`, async () => {
    const { old, next, plane } = await start({ shadow: "share: 100%, when: at_once" });
    const waiting: (() => void)[] = [];
    old.respond((_, response) => waiting.push(() => response.end("{}")));
    const asked = Array.from({ length: copiesMax + 1 }, () => ask(plane));
    await old.until(copiesMax + 1);
    await expect.poll(() => plane.counters().copiesSkipped).toEqual({ busy: 1 });
    for (const answer of waiting) answer();
    await Promise.all(asked);
    await next.until(copiesMax);
    // The next one finds room again.
    old.respond((_, response) => response.end("{}"));
    await expect.poll(() => ask(plane).then(() => next.requests.length)).toBeGreaterThan(copiesMax);
  });

  it("of a request that its client gave up is not made, and leaves its place", async () => {
    const { old, next, plane } = await start();
    old.respond(() => {});
    const stop = new AbortController();
    const asked = fetch(`http://127.0.0.1:${plane.port}/`, { signal: stop.signal });
    await old.until(1);
    stop.abort();
    await expect(asked).rejects.toThrow("aborted");
    await expect.poll(() => plane.counters().copiesSkipped).toEqual({ unfinished: 1 });
    expect(next.requests).toHaveLength(0);
  });

  it("is drawn for the share that was asked for", async () => {
    const { next, plane } = await start({ shadow: "share: 50%" });
    for (let turn = 0; turn < 100; turn += 1) await ask(plane);
    await next.until(20);
    expect(next.requests.length).toBeLessThan(80);
  });
});
