import { request as ask } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config/parse.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

// Defects of the Python original's dashboard server: 0.0.0.0, CORS * and no authentication.

const site = "https://evil.example";
let upstream: TestUpstream;
let sluice: TestSluice | null = null;

beforeEach(async () => {
  upstream = await startUpstream();
});

afterEach(async () => {
  await sluice?.stop();
  sluice = null;
  await upstream.close();
});

const rest = () => `
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 5% }, { share: 100% } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`;

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders };

/** As a browser sends it: fields such as Origin and Host as given. */
function send(
  path: string,
  {
    method = "GET",
    headers = {},
    body = "",
  }: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = ask(
      `${sluice?.adminUrl}${path}`,
      { method, headers, agent: false },
      (incoming) => {
        incoming.resume();
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const command = (headers: Record<string, string>) =>
  send("/v1/rollouts/e", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ command: "promote_all", actor: "evil" }),
  });

const phase = () => sluice?.sluice.status().experiments[0]?.variants[1]?.configured_share;

const paths = [
  "/metrics",
  "/v1/status",
  "/v1/config",
  "/v1/rollouts",
  "/v1/experiments",
  "/v1/openapi.json",
  "/healthz",
  "/none",
];

describe("no CORS", () => {
  beforeEach(async () => {
    sluice = await startTestSluice(`${freePorts()}${rest()}`);
  });

  it("nothing that the admin port says is shared with another site", async () => {
    for (const path of paths) {
      const read = await send(path, { headers: { origin: site } });
      const asked = await send(path, {
        method: "OPTIONS",
        headers: {
          origin: site,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization, content-type",
        },
      });
      for (const { headers } of [read, asked]) {
        const shared = Object.keys(headers).filter((name) => name.startsWith("access-control-"));
        expect({ path, shared }).toEqual({ path, shared: [] });
        expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
      }
      // A browser sends the request itself only after a preflight that is answered with 2xx.
      expect(asked.status).toBeGreaterThanOrEqual(400);
    }
  });

  it("a page of another site cannot steer a rollout, by fetch, form or a name of its own for 127.0.0.1", async () => {
    const port = new URL(sluice?.adminUrl ?? "").port;
    for (const headers of [
      { origin: site, "content-type": "text/plain" },
      { origin: site },
      { "sec-fetch-site": "cross-site" },
      { origin: "null" },
      { host: `evil.example:${port}` },
      { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
    ] as Record<string, string>[]) {
      expect((await command(headers)).status).toBe(403);
    }
    expect(phase()).toBe(0);
    // The same command from this machine is taken: it was the site that was refused.
    expect((await command({})).status).toBe(200);
    await expect.poll(phase).toBe(1);
  });
});

describe("a token when not on loopback", () => {
  const admin = (fields: string) =>
    `listen: { host: 127.0.0.1, port: 0 }\nadmin: { ${fields} }\n${rest()}`;
  const read = (text: string) =>
    parseConfig(text, { env: {}, cores: 1, files: () => ({ ok: false, error: "none" }) });

  it("the admin port is on loopback unless somebody asks for more", () => {
    const parsed = read(rest());
    expect(parsed.ok && parsed.value.admin).toMatchObject({ host: "127.0.0.1", token: null });
  });

  it.each(["0.0.0.0", "::", "192.0.2.7", "sluice.example"])(
    "%s without a token is no configuration",
    async (host) => {
      const text = admin(`host: "${host}", port: 0`);
      const parsed = read(text);
      expect(parsed.ok ? null : parsed.error).toMatchObject([
        { path: "admin.token", message: expect.stringContaining("required") },
      ]);
      await expect(startTestSluice(text)).rejects.toThrow(/not valid/);
    },
  );

  it("with one, nothing is told or done without it; only the probes are open", async () => {
    sluice = await startTestSluice(admin('host: 127.0.0.1, port: 0, token: "correct-horse"'));
    for (const path of paths) {
      expect((await send(path)).status).toBe(path === "/healthz" ? 200 : 401);
    }
    expect((await command({})).status).toBe(401);
    expect((await command({ authorization: "Bearer wrong-horse" })).status).toBe(401);
    expect(phase()).toBe(0);
    const authorization = "Bearer correct-horse";
    expect((await send("/v1/status", { headers: { authorization } })).status).toBe(200);
    expect((await command({ authorization })).status).toBe(200);
    await expect.poll(phase).toBe(1);
  });
});
