import { afterEach, describe, expect, it } from "vitest";
import { sessionSchema } from "../../../src/wire/system-api.ts";
import { ask, openAdmin } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

let admin: AdminPort | null = null;
const open = async (options: Parameters<typeof openAdmin>[0]) => (admin = await openAdmin(options));
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const token = "correct-horse";
const bearer = (text: string) => ({ headers: { authorization: text } });
const codeOf = (answer: { text: string }) => (JSON.parse(answer.text) as { code: string }).code;

describe("with a token", () => {
  it.each(["/metrics", "/v1/status", "/v1/config", "/v1/openapi.json", "/v1/none", "/none"])(
    "%s needs it",
    async (path) => {
      const { port } = await open({ token });
      const bare = await ask(port, path);
      expect(bare.status).toBe(401);
      expect(codeOf(bare)).toBe("unauthorized");
      expect(bare.headers["www-authenticate"]).toBe('Bearer realm="sluice"');
      expect((await ask(port, path, bearer("Bearer wrong"))).status).toBe(401);
      const known = !path.endsWith("none");
      expect((await ask(port, path, bearer(`Bearer ${token}`))).status).toBe(known ? 200 : 404);
    },
  );

  it.each(["/healthz", "/readyz"])("%s is open, whatever Host says", async (path) => {
    const { port } = await open({ token });
    expect((await ask(port, path, { headers: { host: "sluice.example" } })).status).toBe(200);
  });

  it("POST needs it as well", async () => {
    const { port, reloader } = await open({ token });
    const headers = { "if-match": "*" };
    const answer = await ask(port, "/v1/config", { method: "POST", headers, body: "a: 1" });
    expect(answer.status).toBe(401);
    expect(reloader.state().last).toBeNull();
  });

  it.each([
    [`bearer ${token}`, 200],
    [`Bearer   ${token}`, 200],
    [`Bearer ${token}x`, 401],
    [`Bearer ${token.slice(0, -1)}`, 401],
    [`Bearer ${token.toUpperCase()}`, 401],
    ["Bearer ", 401],
    ["Bearer", 401],
    [`Basic ${token}`, 401],
    [token, 401],
  ])("%j → %i", async (authorization, expected) => {
    const { port } = await open({ token });
    expect((await ask(port, "/v1/status", bearer(authorization))).status).toBe(expected);
  });

  it("follows a reload that changes it", async () => {
    let present = "first";
    const access = () => ({ token: present, viewerToken: null, readOnly: false, tls: null });
    const { port } = await open({ token: present, sources: { access } });
    expect((await ask(port, "/v1/status", bearer("Bearer first"))).status).toBe(200);
    present = "second";
    expect((await ask(port, "/v1/status", bearer("Bearer first"))).status).toBe(401);
    expect((await ask(port, "/v1/status", bearer("Bearer second"))).status).toBe(200);
  });

  it("makes an address wait after its last allowed wrong try, and no longer than the window", async () => {
    const { port, clock } = await open({
      token,
      limits: { failuresMax: 3, failureWindowMs: 60_000 },
    });
    for (let count = 0; count < 3; count += 1) {
      expect((await ask(port, "/v1/status", bearer(`Bearer ${count}`))).status).toBe(401);
    }
    clock.nowMs = 500;
    const refused = await ask(port, "/v1/status", bearer(`Bearer ${token}`));
    expect(refused.status).toBe(429);
    expect(codeOf(refused)).toBe("too_many_failed_tries");
    expect(refused.headers["retry-after"]).toBe("60");
    expect((await ask(port, "/healthz")).status).toBe(200);
    clock.nowMs = 60_000;
    expect((await ask(port, "/v1/status", bearer(`Bearer ${token}`))).status).toBe(200);
  });

  it("counts no request without a token as a try", async () => {
    const { port } = await open({ token, limits: { failuresMax: 1 } });
    for (let count = 0; count < 3; count += 1) {
      expect((await ask(port, "/v1/status")).status).toBe(401);
    }
    expect((await ask(port, "/v1/status", bearer(`Bearer ${token}`))).status).toBe(200);
  });
});

describe("a viewer", () => {
  const viewerToken = "only-looking";
  const viewer = { authorization: `Bearer ${viewerToken}` };

  it.each([
    "/metrics",
    "/v1/status",
    "/v1/config",
    "/v1/rollouts",
    "/v1/experiments",
    "/v1/alerts",
    "/v1/openapi.json",
  ])("may see %s", async (path) => {
    const { port } = await open({ token, viewerToken });
    expect((await ask(port, path, { headers: viewer })).status).toBe(200);
    expect((await ask(port, path, { method: "HEAD", headers: viewer })).status).toBe(200);
  });

  it.each([
    ["POST", "/v1/config?dry_run=true"],
    ["POST", "/v1/config"],
    ["POST", "/v1/rollouts/embeddings"],
    ["POST", "/v1/experiments"],
    ["POST", "/v1/experiments/embeddings"],
    ["POST", "/v1/alerts"],
    ["POST", "/v1/metrics"],
    ["PUT", "/v1/status"],
    ["DELETE", "/v1/none"],
    ["OPTIONS", "/v1/config"],
  ])("may not %s %s", async (method, path) => {
    const { port, reloader } = await open({ token, viewerToken });
    const headers = { ...viewer, "if-match": "*" };
    const hasBody = method === "POST" || method === "PUT";
    const answer = await ask(port, path, { method, headers, ...(hasBody && { body: "{}" }) });
    expect(answer.status).toBe(403);
    expect(codeOf(answer)).toBe("read_only");
    expect(answer.text).not.toContain(viewerToken);
    expect(reloader.state().last).toBeNull();
  });

  it("whose token is wrong counts as a try like any other", async () => {
    const { port } = await open({ token, viewerToken, limits: { failuresMax: 1 } });
    expect((await ask(port, "/v1/status", bearer(`Bearer ${viewerToken}x`))).status).toBe(401);
    expect((await ask(port, "/v1/status", { headers: viewer })).status).toBe(429);
  });

  it("of an empty token there is none", async () => {
    const { port } = await open({ token });
    expect((await ask(port, "/v1/status", bearer("Bearer "))).status).toBe(401);
    expect((await ask(port, "/v1/status", { headers: viewer })).status).toBe(401);
  });
});

describe("a port that is read-only", () => {
  it.each([[null], [token]])("takes no command, with token %j", async (given) => {
    const { port, reloader } = await open({ token: given, readOnly: true });
    const headers = {
      "if-match": "*",
      ...(given !== null && { authorization: `Bearer ${given}` }),
    };
    const answer = await ask(port, "/v1/config", { method: "POST", headers, body: "a: 1" });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({
      code: "read_only",
      detail: "admin.read_only is set: only the configuration file changes anything.",
    });
    expect(reloader.state().last).toBeNull();
    expect((await ask(port, "/v1/config", { headers })).status).toBe(200);
  });
});

describe("/v1/session", () => {
  const viewerToken = "only-looking";
  it.each([
    [{}, null, { role: "operator", authentication: "none" }],
    [{ readOnly: true }, null, { role: "viewer", authentication: "none" }],
    [{ token, viewerToken }, token, { role: "operator", authentication: "token" }],
    [{ token, viewerToken }, viewerToken, { role: "viewer", authentication: "token" }],
    [{ token, readOnly: true }, token, { role: "viewer", authentication: "token" }],
  ] as const)("with %j asked by %j is %j", async (options, given, expected) => {
    const { port } = await open(options);
    const answer = await ask(port, "/v1/session", given === null ? {} : bearer(`Bearer ${given}`));
    expect(sessionSchema.parse(JSON.parse(answer.text))).toEqual({ ...expected, version: "1.2.3" });
  });

  it("is nobody's without a token where one is needed", async () => {
    const { port } = await open({ token });
    expect((await ask(port, "/v1/session")).status).toBe(401);
  });
});

describe("without a token", () => {
  it("refuses to listen beyond loopback", async () => {
    const { startAdmin } = await import("../../../src/faces/admin/server.ts");
    const opened = startAdmin({
      policy: {
        host: "0.0.0.0",
        port: 0,
        token: null,
        viewerToken: null,
        readOnly: false,
        tls: null,
      },
      sources: {} as never,
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      timers: { after: () => () => undefined, every: () => () => undefined },
    });
    await expect(opened).rejects.toThrow("admin.token is required when admin.host is 0.0.0.0");
  });

  it.each([
    ["localhost", 200],
    ["LOCALHOST:9090", 200],
    ["127.0.0.1:9090", 200],
    ["[::1]:9090", 200],
    ["[::1]", 200],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example:9090", 403],
    ["10.0.0.1", 403],
    ["[::2]", 403],
    ["not a host", 400],
  ])("Host %j → %i", async (host, expected) => {
    const { port } = await open({});
    const answer = await ask(port, "/v1/status", { headers: { host } });
    expect(answer.status).toBe(expected);
    expect(answer.text.includes('"host_not_allowed"')).toBe(expected === 403);
  });

  it.each([
    [{}, 428],
    [{ "sec-fetch-site": "same-origin" }, 428],
    [{ "sec-fetch-site": "none" }, 428],
    [{ origin: "http://localhost:7" }, 428],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ origin: "http://evil.example" }, 403],
    [{ origin: "http://localhost:8" }, 403],
    [{ origin: "https://localhost:7" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://evil.example", "sec-fetch-site": "same-origin" }, 403],
  ])("POST with %j → %i", async (fields, expected) => {
    const { port } = await open({});
    const headers = { host: "localhost:7", ...fields } as Record<string, string>;
    const answer = await ask(port, "/v1/config", { method: "POST", headers, body: "a: 1" });
    expect(answer.status).toBe(expected);
    expect(codeOf(answer)).toBe(expected === 403 ? "cross_site_request" : "precondition_required");
  });

  const commands = [
    "/v1/config",
    "/v1/experiments",
    "/v1/experiments/embeddings",
    "/v1/rollouts/embeddings",
    "/v1/alerts",
    "/v1/metrics",
  ];
  const form = { "content-type": "text/plain", "sec-fetch-site": "cross-site" };

  it.each(commands)("a page of another site cannot command %s", async (path) => {
    const { port, reloader } = await open({});
    for (const [fields, code] of [
      // A form, which needs no leave of CORS; older browsers send Origin only, and of a sandboxed page it is null.
      [{ host: "localhost:7", ...form }, "cross_site_request"],
      [{ host: "localhost:7", origin: "http://evil.example" }, "cross_site_request"],
      [{ host: "localhost:7", origin: "null" }, "cross_site_request"],
      // DNS rebinding: the page's own name leads to 127.0.0.1, and all looks like one site but for the name.
      [
        {
          host: "evil.example:7",
          origin: "http://evil.example:7",
          "sec-fetch-site": "same-origin",
        },
        "host_not_allowed",
      ],
    ] as const) {
      const headers = { "if-match": "*", ...fields } as Record<string, string>;
      const answer = await ask(port, path, { method: "POST", headers, body: '{"command":"stop"}' });
      expect([answer.status, codeOf(answer)]).toEqual([403, code]);
    }
    expect(reloader.state().last).toBeNull();
  });
});
