import { afterEach, describe, expect, it } from "vitest";
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
    const { port } = await open({ token: present, sources: { token: () => present } });
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

describe("without a token", () => {
  it("refuses to listen beyond loopback", async () => {
    const { startAdmin } = await import("../../../src/faces/admin/server.ts");
    const opened = startAdmin({
      policy: { host: "0.0.0.0", port: 0, token: null },
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
});
