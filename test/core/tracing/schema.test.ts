import { describe, expect, it } from "vitest";
import { tracingSchema } from "../../../src/core/tracing/schema.ts";

describe("tracing", () => {
  it("has defaults for all but the collector", () => {
    expect(tracingSchema.parse({ otlp: "http://collector:4318" })).toEqual({
      url: "http://collector:4318/v1/traces",
      headers: {},
      sample: 0.01,
      serviceName: "sluice",
      timeoutMs: 10_000,
      queueMax: 2048,
    });
  });

  it.each([
    ["http://c:4318/", "http://c:4318/v1/traces"],
    ["http://c:4318/v1/traces", "http://c:4318/v1/traces"],
    ["https://otlp.example.com/otlp", "https://otlp.example.com/otlp/v1/traces"],
    ["https://c/otlp/v1/traces/?key=x", "https://c/otlp/v1/traces?key=x"],
  ])("%s is asked at %s", (otlp, url) => {
    expect(tracingSchema.parse({ otlp })).toMatchObject({ url });
  });

  it.each([
    [{}, "otlp"],
    [{ otlp: "collector:4318" }, "otlp"],
    [{ otlp: "grpc://collector:4317" }, "otlp"],
    [{ otlp: "http://c", sample: "101%" }, "sample"],
    [{ otlp: "http://c", queue: 1 }, "queue"],
    [{ otlp: "http://c", headers: { "a b": "x" } }, "headers"],
    [{ otlp: "http://c", timeout: "2m" }, "timeout"],
    [{ otlp: "http://c", sampling: 1 }, undefined],
  ])("%j is refused", (written, field) => {
    const { success, error } = tracingSchema.safeParse(written);
    expect([success, error?.issues[0]?.path[0]]).toEqual([false, field]);
  });
});
