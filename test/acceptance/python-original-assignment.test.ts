import { afterEach, describe, expect, it } from "vitest";
import { request } from "undici";
import { assign } from "../../src/core/assignment/assign.ts";
import { compileExperiment, type CompiledExperiment } from "../../src/core/assignment/compile.ts";
import { findUserKey, compileUserKey } from "../../src/core/assignment/user-key.ts";
import type { RequestHead } from "../../src/core/traffic/head.ts";
import { configOf, startPlane, type TestPlane } from "../support/plane.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

// Defects of the Python original's TrafficSplitter and traffic_router (lightrag.md, section 3), which Sluice must not have.

let plane: TestPlane | null = null;
let upstreams: TestUpstream[] = [];

afterEach(async () => {
  await plane?.stop();
  plane = null;
  for (const upstream of upstreams.splice(0)) await upstream.close();
});

const variants = "{ old: { upstream: old, control: true }, new: { upstream: new } }";

const text = (experiments: string, urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"]) => `
listen: { host: 127.0.0.1, port: 0 }
upstreams: { old: { url: "${urls[0]}" }, new: { url: "${urls[1]}" } }
routes: [ { match: "/**", experiment: first } ]
experiments: ${experiments}
`;

function compiled(experiments: string): CompiledExperiment[] {
  return Object.values(configOf(text(experiments)).experiments).map(compileExperiment);
}

const head: RequestHead = { method: "POST", target: "/query", headers: [] };

function isTreated(experiment: CompiledExperiment, user: string | null, chance = 0): boolean {
  const { variant } = assign(experiment, { head, user, trusted: false }, chance);
  return experiment.policy.variants[variant]?.key === "new";
}

async function serve(experiments: string): Promise<TestPlane> {
  upstreams = await Promise.all([startUpstream("old"), startUpstream("new")]);
  plane = await startPlane(
    text(
      experiments,
      upstreams.map(({ url }) => url),
    ),
  );
  return plane;
}

async function variantFor(headers: Record<string, string>, body = "{}"): Promise<string> {
  const answer = await request(`http://127.0.0.1:${plane?.port}/query`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  await answer.body.dump();
  return String(answer.headers["x-sluice-variant"]);
}

describe("who gets which variant", () => {
  it("a user stays on one variant although the session changes", async () => {
    const experiments = `{ first: { variants: ${variants} } }`;
    await serve(experiments);
    const seen = new Set<string>();
    for (let user = 0; user < 8; user += 1) {
      const answers = new Set<string>();
      for (let session = 0; session < 6; session += 1) {
        answers.add(
          await variantFor(
            {
              "x-user-id": `user-${user}`,
              "x-session-id": `s-${session}`,
              cookie: `session=${session}; sluice_uid=${session}`,
            },
            JSON.stringify({ session_id: session }),
          ),
        );
      }
      expect(answers.size).toBe(1);
      for (const answer of answers) seen.add(answer);
    }
    expect(seen).toEqual(new Set(["old", "new"]));
  });

  it("a user stays on one variant over a restart and on another replica", async () => {
    const experiments = `{ first: { variants: ${variants} } }`;
    const users = Array.from({ length: 24 }, (_, at) => `user-${at}`);
    const ask = () => Promise.all(users.map((user) => variantFor({ "x-user-id": user })));
    await serve(experiments);
    const before = await ask();
    expect(new Set(before).size).toBe(2);
    await plane?.stop();
    for (const upstream of upstreams.splice(0)) await upstream.close();
    await serve(experiments);
    expect(await ask()).toEqual(before);
  });

  it("a renewed token is the same user: the claim is the key, not the token", () => {
    const experiment = configOf(text(`{ first: { variants: ${variants} } }`)).experiments["first"];
    const finder = compileUserKey(experiment?.assignment.user ?? []);
    const tokenOf = (claims: object) =>
      `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;
    const keyOf = (issued: number) =>
      findUserKey(
        finder,
        { ...head, headers: ["authorization", tokenOf({ sub: "ada", iat: issued })] },
        "192.0.2.1",
        null,
      );
    expect(keyOf(1)).toEqual({ kind: "found", key: "ada", source: "jwt" });
    expect(keyOf(2)).toEqual(keyOf(1));
  });

  it.each([
    ["first", "second"],
    ["exp1", "exp2"],
    ["a", "b"],
    ["embedding", "embedding_"],
    ["model-2026-11-23", "model-2026-11-24"],
  ])("two experiments do not put the same users in the treatment (%s, %s)", (one, other) => {
    const experiments = `{ ${one}: { variants: ${variants} }, ${other}: { variants: ${variants} } }`;
    const config = text(experiments).replace("experiment: first", `experiment: ${one}`);
    const [first, second] = Object.values(configOf(config).experiments).map(compileExperiment) as [
      CompiledExperiment,
      CompiledExperiment,
    ];
    expect(Math.abs(correlation(first, second))).toBeLessThan(0.02);
    // The measure sees it where it is: one seed for both.
    expect(correlation(first, first)).toBeCloseTo(1, 10);
  });

  it.each([0.0005, 0.0025, 0.005, 0.0075, 0.125])(
    "shares finer than 1 %% are possible: %d of the users",
    (share) => {
      const [canary] = compiled(
        `{ first: { variants: ${variants}, rollout: { share: ${share} } } }`,
      ) as [CompiledExperiment];
      const users = 400_000;
      let treated = 0;
      for (let user = 0; user < users; user += 1) if (isTreated(canary, `u${user}`)) treated += 1;
      // Four standard deviations of a binomial count.
      expect(Math.abs(treated - users * share)).toBeLessThan(
        4 * Math.sqrt(users * share * (1 - share)),
      );
    },
  );

  it("round_robin is exact, not random", async () => {
    await serve(`{ first: { variants: { old: { upstream: old, control: true, weight: 3 },
      new: { upstream: new, weight: 1 } }, assignment: { strategy: round_robin } } }`);
    const answers: string[] = [];
    for (let at = 0; at < 40; at += 1) answers.push(await variantFor({ "x-user-id": "one" }));
    for (let from = 0; from <= 36; from += 1) {
      const period = answers.slice(from, from + 4);
      expect(period.filter((variant) => variant === "new")).toHaveLength(1);
    }
  });

  it.each([
    ["random", true],
    ["hash", false],
  ])(
    "strategy %s: whether requests were randomised is marked in what is measured",
    async (strategy, marked) => {
      await serve(`{ first: { variants: ${variants}, assignment: { strategy: ${strategy} } } }`);
      const answers = new Set<string>();
      for (let at = 0; at < 40; at += 1) answers.add(await variantFor({ "x-user-id": "ada" }));
      // 40 fair coins that agree: once in 5 · 10¹¹ runs.
      expect(answers.size).toBe(marked ? 2 : 1);
      const series = plane?.plane.snapshot().telemetry.series ?? [];
      expect(series.map(({ key }) => key.randomised)).toEqual(series.map(() => marked));
      expect(series.length).toBeGreaterThan(0);
    },
  );
});

/** Of being treated in one and in the other, over 40,000 users (phi); 1/√n = 0.005 is its standard error. */
function correlation(one: CompiledExperiment, other: CompiledExperiment): number {
  const users = 40_000;
  let [inOne, inOther, inBoth] = [0, 0, 0];
  for (let user = 0; user < users; user += 1) {
    const a = isTreated(one, `user-${user}`);
    const b = isTreated(other, `user-${user}`);
    if (a) inOne += 1;
    if (b) inOther += 1;
    if (a && b) inBoth += 1;
  }
  const [p, q] = [inOne / users, inOther / users];
  return (inBoth / users - p * q) / Math.sqrt(p * (1 - p) * q * (1 - q));
}

describe("the proxy that carries it", () => {
  it.each([
    ["with a body that is passed on as it comes", "", '{"text":"a new document"}'],
    [
      "with a body that was read and could be sent again",
      "assignment: { user: [ body:user ] }",
      "{}",
    ],
    ["without a body, as LightRAG's scan", "", null],
  ])(
    "a write (POST) is never failed over to another variant: %s",
    async (_name, field, sentBody) => {
      // Even where the control may stand in: the treatment read the request, so it may have done the work.
      const [old, fresh] = await serveFailover(`on_unavailable: control, ${field}`);
      fresh.respond((incoming) => {
        incoming.resume();
        incoming.on("end", () => incoming.socket.destroy());
      });
      const answers = await Promise.all(Array.from({ length: 12 }, () => write(sentBody)));
      expect(answers).toEqual(answers.map(() => 502));
      // Nor is it sent to the same variant twice.
      expect([old.requests.length, fresh.requests.length]).toEqual([0, 12]);
    },
  );

  it("a 5xx of a variant is its answer, not a reason to ask another", async () => {
    const [old, fresh] = await serveFailover("on_unavailable: control");
    fresh.respond((_incoming, outgoing) => outgoing.writeHead(503).end("busy"));
    const answers = await Promise.all(Array.from({ length: 12 }, () => write()));
    expect(answers).toEqual(answers.map(() => 503));
    expect([old.requests.length, fresh.requests.length]).toEqual([0, 12]);
  });

  it("an experiment's users do not move silently: without a healthy endpoint its variant fails", async () => {
    const [old, fresh] = await serveFailover("");
    plane?.plane.setHealth([{ upstream: "new", origin: fresh.url, healthy: false }]);
    expect(await write()).toBe(503);
    expect([old.requests.length, fresh.requests.length]).toEqual([0, 0]);
  });

  it.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] as const)(
    "is a proxy: %s on any path reaches the variant as it is, in no envelope",
    async (method) => {
      const [, fresh] = await serveFailover("");
      const path = "/documents/paginated/%7Bx%7D?limit=2&limit=3";
      const { statusCode, body } = await request(`http://127.0.0.1:${plane?.port}${path}`, {
        method,
        headers: { "x-api-key": "k", "lightrag-workspace": "w" },
        ...(method === "GET" || method === "OPTIONS" ? {} : { body: '{"a":1}' }),
      });
      expect(statusCode).toBe(200);
      const bytes = method === "GET" || method === "OPTIONS" ? 0 : 7;
      expect(await body.json()).toEqual({ upstream: "new", method, url: path, bytes });
      expect(fresh.requests[0]?.headers).toMatchObject({
        "x-api-key": "k",
        "lightrag-workspace": "w",
      });
    },
  );
});

/** Everybody has the treatment. */
async function serveFailover(field: string): Promise<[TestUpstream, TestUpstream]> {
  await serve(`{ first: { variants: { old: { upstream: old, control: true, weight: 0 },
    new: { upstream: new, weight: 1 } }, ${field} } }`);
  return upstreams as [TestUpstream, TestUpstream];
}

async function write(sentBody: string | null = "{}"): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${plane?.port}/documents/text`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: sentBody,
  });
  await body.dump();
  return statusCode;
}
