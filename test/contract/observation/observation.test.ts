import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../../support/plane.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";
import { knownAnswers } from "../../core/inspection/answers.ts";
import { Measuring } from "./measured.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Everybody has the control; its route reads answers as `classify` says. */
function configOf(upstream: TestUpstream, route: string, experiment = "", variant = ""): string {
  return `
listen: { host: 127.0.0.1, port: 0 }
upstreams:
  one: { url: "${upstream.url}" }
routes:
  - { match: "/**", experiment: test, ${route} }
experiments:
  test:
    variants:
      old: { upstream: one, control: true, weight: 1 ${variant} }
      new: { upstream: one, weight: 0 }
    assignment: { user: [ "header:x-user" ], cookie: false }
    ${experiment}
`;
}

async function start(route: string, experiment = "", variant = "") {
  const upstream = await startUpstream();
  const plane = await startPlane(configOf(upstream, route, experiment, variant));
  cleanups.push(
    () => upstream.close(),
    () => plane.stop(),
  );
  return { upstream, plane, measuring: new Measuring(plane) };
}

function ask(plane: TestPlane, body = "{}", path = "/v1/embeddings"): Promise<Response> {
  return fetch(`http://127.0.0.1:${plane.port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-user": "u1" },
    body,
  });
}

describe("answers that are read", () => {
  it("a bad one with status 200 counts as a bad answer, with its reason, and reaches the client unchanged", async () => {
    const { upstream, plane, measuring } = await start("classify: lightrag_query");
    const body = `{"response":"Sorry.[no-context]"}`;
    upstream.respond((_, response) =>
      response.setHeader("content-type", "application/json").end(body),
    );
    const response = await ask(plane);
    expect([response.status, await response.text()]).toEqual([200, body]);
    expect(measuring.of("old")).toMatchObject({
      outcomes: { bad_answer: 1 },
      failures: { no_context: 1 },
    });
  });

  it("tokens and cost are counted; what nobody told is unknown, not 0", async () => {
    const { upstream, plane, measuring } = await start(
      "classify: openai_chat",
      "",
      ", price: { input: 2, output: 10, request: 0.5 }",
    );
    const told = `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100}}`;
    const untold = `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`;
    for (const body of [told, untold]) {
      upstream.respond((_, response) =>
        response.setHeader("content-type", "application/json").end(body),
      );
      await (await ask(plane)).text();
    }
    const { metrics, outcomes } = measuring.of("old");
    expect(outcomes).toEqual({ success: 2 });
    expect(metrics["tokens_in"]).toEqual({ n: 1, sum: 1000 });
    expect(metrics["tokens_out"]).toEqual({ n: 1, sum: 100 });
    expect(metrics["cost"]?.n).toBe(1);
    expect(metrics["cost"]?.sum).toBeCloseTo(0.5 + 0.002 + 0.001, 12);
    expect(metrics["first_token"]).toBeUndefined();
  });

  it("a stream's first token is apart from its first byte, and its tokens have a speed", async () => {
    const { upstream, plane, measuring } = await start("classify: ollama_generate");
    let goOn: () => void = () => {};
    upstream.respond((_, response) => {
      response.setHeader("content-type", "application/x-ndjson");
      response.write(`{"message":{"content":""},"done":false}\n`);
      goOn = () => {
        response.write(`{"message":{"content":"Hi"},"done":false}\n`);
        goOn = () => response.end(`{"done":true,"prompt_eval_count":3,"eval_count":5}\n`);
      };
    });
    const reader = (await ask(plane)).body?.getReader();
    for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      goOn();
    }
    const { metrics } = measuring.of("old");
    expect(metrics["first_token"]?.sum).toBeGreaterThan(10);
    expect(metrics["tokens_per_second"]?.sum).toBeGreaterThan(0);
    expect(metrics["tokens_per_second"]?.sum).toBeLessThan(4 / 0.01);
  });

  it("every known answer, in pieces of any size, reaches the client byte for byte", async () => {
    for (const { reader, mediaType, fields = {}, body } of knownAnswers) {
      const { upstream, plane } = await start(`classify: ${reader}`);
      const bytes = Buffer.from(body, "utf8");
      for (const size of [1, 7, bytes.length]) {
        upstream.respond((_, response) => {
          response.writeHead(200, { ...fields, "content-type": mediaType });
          for (let at = 0; at < bytes.length; at += size) {
            response.write(bytes.subarray(at, at + size));
          }
          response.end();
        });
        const received = Buffer.from(await (await ask(plane)).arrayBuffer());
        expect(digest(received)).toBe(digest(bytes));
      }
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    }
  });

  it("a vector of another length is wrong; one that the request asked for is not", async () => {
    const { upstream, plane, measuring } = await start("classify: openai_embeddings");
    let dimension = 8;
    upstream.respond((_, response) => {
      const embedding = Array.from({ length: dimension }, () => 0.5);
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ data: [{ index: 0, embedding }] }));
    });
    const answered = async (body: string) => (await ask(plane, body)).text();
    for (let turn = 0; turn < 10; turn += 1) await answered(`{"input":"a","model":"m"}`);
    dimension = 4;
    await answered(`{"input":"a","model":"m","dimensions":4}`);
    await answered(`{"input":"a","model":"m"}`);
    expect(measuring.of("old")).toMatchObject({
      outcomes: { success: 11, bad_answer: 1 },
      failures: { wrong_dimension: 1 },
    });
  });

  it("what is encoded passes, and is counted as uninspected", async () => {
    const { upstream, plane } = await start("classify: lightrag_query");
    upstream.respond((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "br" });
      response.end("not really");
    });
    await ask(plane).catch(() => null);
    await expect.poll(() => plane.counters().uninspected).toEqual({ encoded: 1 });
    expect(plane.counters().uninspectedOf).toEqual({ test: 1 });
  });
});

describe("metrics of one's own", () => {
  it("come in response fields, which the client does not get, and in answers", async () => {
    const { upstream, plane, measuring } = await start(
      "timeouts: {}",
      `metrics: { cache_hits: { from: header }, depth: { from: answer, pointer: /graph/depth } }`,
    );
    upstream.respond((_, response) => {
      response.setHeader("x-sluice-metric-cache-hits", "2.5");
      response.setHeader("content-type", "application/json");
      response.end(`{"graph":{"depth":3}}`);
    });
    const response = await ask(plane);
    expect(response.headers.get("x-sluice-metric-cache-hits")).toBeNull();
    await response.text();
    const { metrics } = measuring.of("old");
    expect(metrics["cache_hits"]).toEqual({ n: 1, sum: 2.5 });
    expect(metrics["depth"]).toEqual({ n: 1, sum: 3 });
  });

  it.each([
    ["field", "much", `{"graph":{"depth":3}}`],
    ["answer", "1", `{"graph":{"depth":"deep"}}`],
  ])("a %s that is no number is refused and counted", async (_, field, body) => {
    const { upstream, plane } = await start(
      "timeouts: {}",
      `metrics: { cache_hits: { from: header }, depth: { from: answer, pointer: /graph/depth } }`,
    );
    upstream.respond((_request, response) => {
      response.setHeader("x-sluice-metric-cache_hits", field);
      response.end(body);
    });
    await (await ask(plane)).text();
    expect(plane.counters().metricsRefused).toBe(1);
  });

  it("are taken afterwards by request id, if they are declared and the request is known", async () => {
    const { plane, measuring } = await start("timeouts: {}", `metrics: { liked: { from: api } }`);
    const response = await ask(plane);
    await response.text();
    const requestId = response.headers.get("x-request-id") ?? "";
    const report = (name: string, id: string) => ({ requestId: id, name, value: 1 });
    expect(
      plane.plane.takeMetrics([
        report("liked", requestId),
        report("other", requestId),
        report("liked", "unknown"),
      ]),
    ).toEqual([0]);
    expect(measuring.of("old").metrics).toEqual({ liked: { n: 1, sum: 1 } });
  });

  it("first_seen tells times of new inputs from those of repeated ones", async () => {
    const { plane, measuring } = await start("timeouts: {}", "first_seen: true");
    for (const body of ["a", "b", "a", "a"]) await (await ask(plane, body)).text();
    const { metrics } = measuring.of("old");
    expect([metrics["latency_first_seen"]?.n, metrics["latency_repeated"]?.n]).toEqual([2, 2]);
  });
});

describe("what is not split", () => {
  it("a write is answered by the control, and its handle leads back to whoever gave it out", async () => {
    const old = await startUpstream("old");
    const next = await startUpstream("new");
    const config = (weights: readonly [number, number], primary = "old") => `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { old: { url: "${old.url}" }, new: { url: "${next.url}" } }
routes:
  - { match: "POST /documents/text", experiment: test, class: write, classify: lightrag_write }
  - { match: "GET /documents/track_status/:id", experiment: test, class: affinity, handle: "segment:id" }
experiments:
  test:
    variants:
      old: { upstream: old, weight: ${weights[0]} ${primary === "old" ? ", control: true" : ""} }
      new: { upstream: new, weight: ${weights[1]} ${primary === "new" ? ", control: true" : ""} }
`;
    const plane = await startPlane(config([0, 1]));
    cleanups.push(
      () => old.close(),
      () => next.close(),
      () => plane.stop(),
    );
    old.respond((request, response) => {
      request.resume();
      response
        .setHeader("content-type", "application/json")
        .end(`{"status":"success","track_id":"t 1"}`);
    });
    const written = await ask(plane, "{}", "/documents/text");
    expect(written.headers.get("x-sluice-variant")).toBe("old");
    await written.text();
    expect(plane.handles).toEqual([{ experiment: "test", handle: "t 1", variant: "old" }]);
    // Another control from here on: the handle still leads to the one that knows it.
    plane.apply(config([0, 1], "new"));
    const variantOf = async (id: string) => {
      const response = await fetch(`http://127.0.0.1:${plane.port}/documents/track_status/${id}`);
      await response.text();
      return response.headers.get("x-sluice-variant");
    };
    expect(await variantOf("t%201")).toBe("old");
    expect(await variantOf("unknown")).toBe("new");
  });
});

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
