import { expect, test } from "vitest";
import {
  planEmbeddingProbe,
  readEmbeddingAnswer,
} from "../../../src/core/compatibility/embedding-probe.ts";
import {
  nameLengthMax,
  readAuthStatus,
  readHealth,
} from "../../../src/core/compatibility/health-answers.ts";
import { valid } from "../config/texts.ts";

function plan(route: string, variant = ""): ReturnType<typeof planEmbeddingProbe> {
  const { routes, experiments } = valid(`
upstreams: { a: { url: "http://a" }, b: { url: "http://b" } }
routes: [ ${route} ]
experiments: { e: { variants: { control: { upstream: a }, new: { upstream: b${variant} } } } }
`);
  const treatment = experiments["e"]?.variants[1];
  if (treatment === undefined) throw new Error("no treatment");
  return planEmbeddingProbe(routes, treatment);
}

const text = "sluice compatibility probe";

test.each([
  ["openai_embeddings", "/v1/embeddings", "", { input: text }],
  ["openai_embeddings", "/v1/embeddings", ", body: { model: m }", { input: text, model: "m" }],
  ["ollama_embed", "/api/embed", ", body: { model: m }", { input: text, model: "m" }],
  ["ollama_embed", "/api/embeddings", ", body: { model: m }", { prompt: text, model: "m" }],
  ["tei_embed", "/embed", "", { inputs: text }],
  [
    "cohere_embed",
    "/v2/embed",
    "",
    { texts: [text], input_type: "search_document", embedding_types: ["float"] },
  ],
])("a request for %s at %s%s", (reader, path, variant, body) => {
  const route = `{ match: "POST ${path}", experiment: e, classify: ${reader} }`;
  expect(plan(route, variant)).toEqual({ reader, path, body });
});

test("the variant's own path", () => {
  const route = '{ match: "POST /v1/embeddings", experiment: e, classify: openai_embeddings }';
  expect(plan(route, ", path: { from: /v1, to: /v2 }")).toMatchObject({ path: "/v2/embeddings" });
});

test("the path without the route's prefix", () => {
  const route = "{ preset: tei, prefix: /tei, experiment: e }";
  expect(plan(route)).toMatchObject({ path: "/embed" });
});

test.each([
  ["POST /api/embed", "ollama_embed", "needs a model"],
  ["POST /v1/:tenant/embeddings", "openai_embeddings", "no single path"],
  ["POST /v1/**", "openai_embeddings", "no single path"],
  ["GET /embed", "tei_embed", "by POST"],
])("no request for %s (%s)", (match, reader, reason) => {
  expect(plan(`{ match: "${match}", experiment: e, classify: ${reader} }`)).toContain(reason);
});

test.each([
  ["openai_embeddings", '{"model":"m","data":[{"embedding":[1,2,3]}]}', 3, "m"],
  ["openai_embeddings", '{"data":[{"embedding":"AACAPwAAAEA="}]}', 2, null],
  ["ollama_embed", '{"model":"m","embeddings":[[1,2]]}', 2, "m"],
  ["tei_embed", "[[1,2,3,4]]", 4, null],
  ["cohere_embed", '{"embeddings":{"float":[[1,2]]}}', 2, null],
] as const)("a vector of %s: %s", (reader, answer, dimension, model) => {
  expect(readEmbeddingAnswer(reader, answer)).toEqual({ dimension, model });
});

test.each([
  "",
  "<html>",
  "null",
  "[]",
  "{}",
  '{"error":"no model"}',
  '{"data":[{"embedding":[]}]}',
])("no vector: %s", (answer) => {
  expect(readEmbeddingAnswer("openai_embeddings", answer)).toBe(null);
});

test("a health", () => {
  const told = '{"auth_mode":"enabled","core_version":"1","configuration":{"embedding_model":"m"}}';
  const read = { authMode: "enabled", coreVersion: "1", apiVersion: null, embeddingModel: "m" };
  expect(readHealth(told)).toEqual(read);
});

test.each(["", "OK", "[]", "null"])("no health: %s", (answer) => {
  expect(readHealth(answer)).toBe(null);
  expect(readAuthStatus(answer)).toBe(null);
});

test("names are as long as the limit at most", () => {
  const told = (length: number) => readHealth(`{"core_version":"${"x".repeat(length)}"}`);
  expect(told(nameLengthMax)?.coreVersion).toHaveLength(nameLengthMax);
  expect(told(nameLengthMax + 1)?.coreVersion).toBe(null);
});

test("an authentication status", () => {
  expect(readAuthStatus('{"auth_configured":true}')).toEqual({ authConfigured: true });
  expect(readAuthStatus('{"auth_configured":"yes"}')).toBe(null);
});
