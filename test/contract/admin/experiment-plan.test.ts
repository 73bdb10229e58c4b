import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { experimentAddedSchema } from "../../../src/wire/experiments-api.ts";
import { ask, config, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

let admin: AdminPort | null = null;
const open = async (options: Parameters<typeof openAdmin>[0] = {}) =>
  (admin = await openAdmin(options));
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const variants = { old: { upstream: "full", control: true }, new: { upstream: "compact" } };
const post = (port: number, body: object, query = "?dry_run=true") =>
  ask(port, `/v1/experiments${query}`, { method: "POST", body: JSON.stringify(body) });

const rollout = {
  variants,
  rollout: { steps: [{ share: "5%", hold: "5m", gate: "approval" }, { share: "100%" }] },
  guardrails: [{ metric: "error_rate", max: "5%" }],
};

describe("POST /v1/experiments?dry_run=true", () => {
  it("says what would be written and what that would do, and does nothing", async () => {
    const { port, reloader, file } = await open();
    const answer = await post(port, {
      key: "canary",
      experiment: rollout,
      routes: ["POST /chat", "/v2/**"],
    });
    expect([answer.status, answer.headers.etag]).toEqual([200, undefined]);
    const planned = experimentAddedSchema.parse(JSON.parse(answer.text));
    expect(planned).toMatchObject({
      result: "planned",
      generation: 1,
      changes: ["routes: POST /chat added, /v2/** added", "experiments.canary added"],
      not_saved: null,
    });
    expect(planned.text).toBe(`routes:
  - { match: POST /chat, experiment: canary }
  - { match: /v2/**, experiment: canary }
experiments:
  canary:
    variants:
      old:
        upstream: full
        control: true
      new:
        upstream: compact
    rollout:
      steps:
        - share: 5%
          hold: 5m
          gate: approval
        - share: 100%
    guardrails:
      - metric: error_rate
        max: 5%
`);
    expect(file.text).toBe(config);
    expect(reloader.state()).toMatchObject({ generation: 1, last: null, text: config });
  });

  it.each([
    [
      "what it is made of",
      { variants, analysis: { primary: "speed" }, sate: "draft" },
      ["analysis.primary", "routes[0].match", "sate"],
    ],
    [
      "what it names",
      { variants: { old: { upstream: "no", control: true }, fresh: { upstream: "none" } } },
      ["routes[0].match", "variants.fresh.upstream", "variants.old.upstream"],
    ],
    [
      "its sum",
      { variants: { only: { upstream: "full", control: true } } },
      ["routes[0].match", "variants"],
    ],
  ])("tells every issue of %s by its place in the experiment", async (_, experiment, paths) => {
    const { port, reloader } = await open();
    const answer = await post(port, { key: "wrong", experiment, routes: ["NO GOOD MATCH"] });
    expect(answer.status).toBe(422);
    const { issues } = JSON.parse(answer.text) as {
      issues: { path: string; line: number | null }[];
    };
    expect(issues.map(({ path }) => path).toSorted()).toEqual(paths);
    expect(issues.every(({ line }) => line === null)).toBe(true);
    expect(reloader.state().last).toBeNull();
  });

  it.each([
    ["an experiment that is there", { key: "embeddings", experiment: { variants } }, 409],
    ["no experiment", { key: "x" }, 400],
    ["a key too long", { key: "x".repeat(129), experiment: { variants } }, 400],
  ])("of %s is refused", async (_, body, status) => {
    const { port } = await open();
    expect((await post(port, body)).status).toBe(status);
  });

  it("is true or false", async () => {
    const { port, file } = await open();
    const answer = await post(port, { key: "x", experiment: { variants } }, "?dry_run=yes");
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { code: "bad_query" }]);
    expect(file.text).toBe(config);
  });
});

describe("POST /v1/experiments", () => {
  it.each([
    ["a rollout with guardrails", rollout],
    ["a draft", { variants, state: "draft", analysis: { primary: "latency_mean" } }],
    ["an A/B experiment", { variants, ends: { users: 1000, after: "2h" } }],
  ])("takes %s, as the plan said", async (_, experiment) => {
    const { port, reloader, file } = await open();
    const body = { key: "fresh", experiment, routes: ["POST /fresh"] };
    const planned = experimentAddedSchema.parse(JSON.parse((await post(port, body)).text));
    const answer = await post(port, body, "");
    const added = experimentAddedSchema.parse(JSON.parse(answer.text));
    expect(added).toMatchObject({ result: "applied", generation: 2, changes: planned.changes });
    expect(added.text).toBe(planned.text);
    const written = parse(file.text) as { experiments: Record<string, unknown>; routes: unknown[] };
    expect(written.experiments["fresh"]).toEqual(experiment);
    expect(written.routes[0]).toEqual({ match: "POST /fresh", experiment: "fresh" });
    expect(file.text).toContain("# the sample");
    const policy = reloader.state().config.experiments["fresh"];
    expect([policy?.rollout?.guardrails.length ?? 0, policy?.lifecycle?.initial ?? null]).toEqual([
      "rollout" in experiment ? 1 : 0,
      "rollout" in experiment ? null : "state" in experiment ? "draft" : "running",
    ]);
  });
});

describe("GET /v1/config/schema", () => {
  it("is the one that sluice schema prints", async () => {
    const { configJsonSchema } = await import("../../../src/core/config/schema.ts");
    const { port } = await open();
    const answer = await ask(port, "/v1/config/schema");
    expect(answer.headers["content-type"]).toBe("application/schema+json");
    expect(JSON.parse(answer.text)).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
  });
});
