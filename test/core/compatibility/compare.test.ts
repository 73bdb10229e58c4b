import { describe, expect, it } from "vitest";
import { compareVariants } from "../../../src/core/compatibility/compare.ts";
import type { VariantFacts } from "../../../src/core/compatibility/facts.ts";
import type { RoutePolicy } from "../../../src/core/traffic/policy.ts";
import { valid } from "../config/texts.ts";

const embeddings = routesOf(
  '{ match: "POST /v1/embeddings", experiment: e, classify: openai_embeddings }',
);
const pinned = embeddings.map((route) => ({ ...route, class: "pin" as const }));
const lightrag = routesOf("{ preset: lightrag, experiment: e }");
const strict = { allowMixedEmbeddings: false };

function routesOf(route: string): readonly RoutePolicy[] {
  return valid(`
upstreams: { a: { url: "http://a" }, b: { url: "http://b" } }
routes: [ ${route} ]
experiments: { e: { variants: { control: { upstream: a }, new: { upstream: b } } } }
`).routes;
}

function facts(variant: string, known: Partial<VariantFacts> = {}): VariantFacts {
  return { variant, health: null, authStatus: null, embedding: null, unknown: [], ...known };
}

function vectors(variant: string, dimension: number, model: string | null = null): VariantFacts {
  return facts(variant, { embedding: { dimension, model } });
}

function health(variant: string, known: Partial<NonNullable<VariantFacts["health"]>>) {
  const nothing = { authMode: null, coreVersion: null, apiVersion: null, embeddingModel: null };
  return facts(variant, { health: { ...nothing, ...known } });
}

function codes(one: VariantFacts, other: VariantFacts, routes: readonly RoutePolicy[]): string[] {
  return compareVariants(one, other, routes, strict).map(
    ({ severity, code }) => `${severity} ${code}`,
  );
}

describe("embeddings of an experiment", () => {
  it.each([
    ["one length, no names", vectors("control", 3), vectors("new", 3), []],
    ["one length and name", vectors("control", 3, "m"), vectors("new", 3, "m"), []],
    ["a tag that is meant anyway", vectors("control", 3, "M"), vectors("new", 3, "m:latest"), []],
    ["another length", vectors("control", 3, "m"), vectors("new", 4, "m"), ["dimension"]],
    ["another name", vectors("control", 3, "m"), vectors("new", 3, "n"), ["model"]],
    ["one name unknown", vectors("control", 3, "m"), vectors("new", 3), []],
  ])("%s", (_, control, treatment, refused) => {
    expect(codes(control, treatment, embeddings)).toEqual(
      refused.map((what) => `refuse embedding_${what}_differs`),
    );
  });

  it("are no matter where no route splits them", () => {
    expect(codes(vectors("control", 3), vectors("new", 4), pinned)).toEqual([]);
  });

  it("are refused with what, why and the override", () => {
    expect(compareVariants(vectors("control", 3), vectors("new", 4), embeddings, strict)).toEqual([
      {
        code: "embedding_dimension_differs",
        severity: "refuse",
        variant: "new",
        message:
          "control answers with vectors of 3 numbers, new of 4. Users' vectors would end in one store, where those of " +
          "two models match each other wrongly. Give both the same model, or write allow_mixed_embeddings: true if " +
          "each has a store of its own.",
        override: "allow_mixed_embeddings: true",
      },
    ]);
  });

  it("may differ where the experiment says so", () => {
    const found = compareVariants(vectors("control", 3), vectors("new", 4), embeddings, {
      allowMixedEmbeddings: true,
    });
    expect(found).toMatchObject([{ severity: "warn", code: "embedding_dimension_differs" }]);
  });

  it("go by the model that the health names, where the answer names none", () => {
    const control = { ...health("control", { embeddingModel: "m" }) };
    const treatment = { ...health("new", { embeddingModel: "n" }) };
    expect(codes(control, treatment, embeddings)).toContain("refuse embedding_model_differs");
  });

  it("that are unknown are no refusal", () => {
    const silent = facts("new", { unknown: ["POST /v1/embeddings: status 404."] });
    const found = compareVariants(vectors("control", 3), silent, embeddings, strict);
    expect(found).toMatchObject([
      { severity: "warn", code: "embedding_unknown", message: expect.stringContaining("404") },
    ]);
  });
});

describe("LightRAG", () => {
  const same = { authMode: "enabled", coreVersion: "1.4", apiVersion: "0267" };

  it.each([
    ["alike", same, same, []],
    ["another core", same, { ...same, coreVersion: "1.5" }, ["warn version_differs"]],
    ["another API", same, { ...same, apiVersion: "0268" }, ["warn version_differs"]],
    ["another mode", same, { ...same, authMode: "disabled" }, ["warn auth_differs"]],
    ["a version unknown", same, { ...same, apiVersion: null }, []],
    ["its own model for its own store", same, { ...same, embeddingModel: "n" }, []],
  ])("%s", (_, one, other, found) => {
    expect(codes(health("control", one), health("new", other), lightrag)).toEqual(found);
  });

  it("warns where one asks for a log-in and the other does not", () => {
    const open = { ...health("control", same), authStatus: { authConfigured: false } };
    const closed = { ...health("new", same), authStatus: { authConfigured: true } };
    expect(codes(open, closed, lightrag)).toEqual(["warn auth_differs"]);
  });

  it("warns of a health that was not told", () => {
    const silent = facts("new", { unknown: ["GET /health: status 500."] });
    expect(compareVariants(health("control", same), silent, lightrag, strict)).toMatchObject([
      { code: "health_unknown", severity: "warn", message: expect.stringContaining("status 500") },
    ]);
  });
});
