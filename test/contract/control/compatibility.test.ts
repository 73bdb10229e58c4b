import type { RequestListener } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCompatibility } from "../../../src/control/compatibility.ts";
import type { Compatibility } from "../../../src/control/compatibility.ts";
import { probeLimits } from "../../../src/control/variant-probe.ts";
import { valid } from "../../core/config/texts.ts";
import { createFakeTime } from "../../support/fake-time.ts";
import type { FakeTime } from "../../support/fake-time.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

let one: TestUpstream;
let two: TestUpstream;
let time: FakeTime;
let compatibility: Compatibility;
let logs: string[] = [];
const waiting = new Set<() => void>();

beforeEach(async () => {
  [one, two] = await Promise.all([startUpstream("one"), startUpstream("two")]);
  time = createFakeTime();
  logs = [];
  compatibility = createCompatibility({
    clock: time.clock,
    timers: time.timers,
    log: (level, message) => logs.push(`${level}: ${message}`),
  });
  compatibility.onChange(() => {
    for (const look of waiting) look();
  });
});

afterEach(async () => {
  await compatibility.stop();
  await Promise.all([one.close(), two.close()]);
  expect(time.pending()).toBe(0);
});

/** Resolves when the status is so. */
function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isSo()) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    look();
  });
}

const codes = () => compatibility.status()[0]?.findings.map(({ code }) => code);
const facts = (variant: string) => {
  return compatibility.status()[0]?.facts.find((known) => known.variant === variant);
};
const asked = () => until(() => compatibility.status()[0]?.facts.length === 2);

function embedding(dimension: number, model?: string): RequestListener {
  const vector = Array.from({ length: dimension }, () => 0.5);
  return (_request, response) =>
    response.end(JSON.stringify({ data: [{ embedding: vector, index: 0 }], model }));
}

const embeddings = '{ match: "POST /v1/embeddings", experiment: e, classify: openai_embeddings }';

function apply(routes: string, more = "", treatment = ""): void {
  compatibility.apply(
    valid(`
upstreams: { a: { url: "${one.url}/base" }, b: { url: "${two.url}" } }
routes: [ ${routes} ]
experiments: { e: { variants: { control: { upstream: a }, new: { upstream: b${treatment} } }${more} } }
`),
  );
}

it("accepts variants with one model", async () => {
  one.respond(embedding(3, "m"));
  two.respond(embedding(3, "m"));
  apply(embeddings, "", ", headers: { set: { authorization: Bearer key } }");
  expect(compatibility.status()).toEqual([
    { experiment: "e", checkedAt: null, findings: [], facts: [] },
  ]);
  await asked();
  expect(codes()).toEqual([]);
  expect(compatibility.isRefused("e")).toBe(false);
  expect(one.requests).toMatchObject([{ method: "POST", url: "/base/v1/embeddings" }]);
  expect(two.requests).toMatchObject([{ headers: { authorization: "Bearer key" } }]);
  expect(logs).toEqual([]);
});

it.each([
  ["length", embedding(4, "m"), "embedding_dimension_differs"],
  ["model", embedding(3, "n"), "embedding_model_differs"],
])("refuses variants with another %s, unless that is allowed", async (_, other, code) => {
  one.respond(embedding(3, "m"));
  two.respond(other);
  apply(embeddings);
  await asked();
  expect(codes()).toEqual([code]);
  expect(compatibility.isRefused("e")).toBe(true);
  expect(compatibility.isRefused("other")).toBe(false);
  apply(embeddings, ", allow_mixed_embeddings: true");
  expect(codes()).toEqual([code]);
  expect(compatibility.isRefused("e")).toBe(false);
  expect(one.requests).toHaveLength(1);
  expect(logs).toEqual(["error: split refused", "warn: variants differ"]);
});

it("asks an upstream that is not up again every five seconds until it answers", async () => {
  one.respond(embedding(3));
  two.respond((_request, response) => response.writeHead(503).end());
  apply(embeddings);
  await asked();
  expect(codes()).toEqual(["embedding_unknown"]);
  expect(compatibility.isRefused("e")).toBe(false);
  time.advance(probeLimits.againMs - 1);
  expect(two.requests).toHaveLength(1);
  two.respond(embedding(4));
  time.advance(1);
  await until(() => compatibility.isRefused("e"));
  expect(time.pending()).toBe(0);
  expect([one.requests.length, two.requests.length]).toEqual([1, 2]);
});

it("keeps what it knew of a variant that is down, and takes its next answer", async () => {
  one.respond(embedding(3));
  two.respond(embedding(4));
  apply(embeddings);
  await asked();
  two.respond((request) => request.socket.destroy());
  compatibility.recheck("b");
  // The third request shows that the second one's failure was taken.
  await expect
    .poll(() => {
      time.advance(probeLimits.againMs);
      return two.requests.length;
    })
    .toBeGreaterThan(2);
  expect(compatibility.isRefused("e")).toBe(true);
  two.respond(embedding(3));
  compatibility.recheck("b");
  await until(() => !compatibility.isRefused("e"));
  expect(one.requests).toHaveLength(1);
});

it("asks again after a reload that changes a variant, and no one else", async () => {
  one.respond(embedding(3));
  two.respond(embedding(4));
  apply(embeddings);
  await asked();
  two.respond(embedding(3));
  apply(embeddings, "", ", body: { model: m }");
  expect(compatibility.isRefused("e")).toBe(false);
  await asked();
  expect(codes()).toEqual([]);
  expect([one.requests.length, two.requests.length]).toEqual([1, 2]);
  apply('{ match: "POST /other", experiment: e }');
  expect(compatibility.status()).toEqual([]);
});

it.each<[string, RequestListener, string]>([
  ["junk", (_, response) => response.end("<html>"), "not what was asked for"],
  ["no such page", (_, response) => response.writeHead(404).end(), "status 404"],
  [
    "too long an answer",
    (_, response) => response.end(" ".repeat(probeLimits.bodyBytesMax + 1)),
    "more than 1MiB",
  ],
])("takes %s for unknown, once", async (_, answer, reason) => {
  one.respond(embedding(3));
  two.respond(answer);
  apply(embeddings);
  await asked();
  expect(codes()).toEqual(["embedding_unknown"]);
  expect(facts("new")?.unknown).toEqual([expect.stringContaining(reason)]);
  expect(time.pending()).toBe(0);
});

it("reads an answer as long as the limit", async () => {
  const json = JSON.stringify({ data: [{ embedding: [1, 2, 3] }] });
  one.respond((_, response) => response.end(json.padEnd(probeLimits.bodyBytesMax)));
  two.respond(embedding(3));
  apply(embeddings);
  await asked();
  expect(facts("control")?.embedding).toEqual({ dimension: 3, model: null });
});

it("waits for an answer no longer than ten seconds", async () => {
  one.respond(embedding(3));
  two.respond(() => {});
  apply(embeddings);
  await two.until(1);
  await until(() => facts("control") !== undefined);
  time.advance(probeLimits.timeoutMs);
  await asked();
  expect(facts("new")?.unknown).toEqual([expect.stringContaining("no whole answer within 10s")]);
});

it("compares the builds and log-ins of LightRAG", async () => {
  const answers = (core_version: string, auth_configured: boolean): RequestListener => {
    return ({ url }, response) => {
      const path = url?.replace("/base", "");
      if (path === "/health") response.end(JSON.stringify({ core_version, api_version: "1" }));
      else if (path === "/auth-status") response.end(JSON.stringify({ auth_configured }));
      else response.writeHead(404).end();
    };
  };
  one.respond(answers("1.4", true));
  two.respond(answers("1.5", false));
  apply("{ preset: lightrag, experiment: e }");
  await asked();
  expect(codes()).toEqual(["auth_differs", "version_differs"]);
  expect(one.requests.map(({ url }) => url)).toEqual(["/base/health", "/base/auth-status"]);
});
