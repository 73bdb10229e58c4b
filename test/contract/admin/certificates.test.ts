import { request } from "node:https";
import type { RequestOptions } from "node:https";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AdminTls } from "../../../src/core/config/model.ts";
import { holds, type Proof } from "../../../src/faces/admin/guard.ts";
import { alternativeNamesOf } from "../../../src/faces/admin/peer-certificate.ts";
import type { AdminSources } from "../../../src/faces/admin/sources.ts";
import { createAuthority, hasOpenssl, type Authority } from "../../support/certificates.ts";
import { openAdmin, type AdminPort } from "./admin-port.ts";

type Pair = { readonly cert: string; readonly key: string };

const missing = hasOpenssl() ? "" : " (skipped: needs openssl)";

describe.skipIf(missing !== "")(`client certificates${missing}`, () => {
  let ours: Authority;
  let theirs: Authority;
  let server: Pair;
  let people: Record<"ann" | "prometheus" | "spiffe" | "stranger", Pair>;
  let admin: AdminPort | null = null;

  beforeAll(() => {
    [ours, theirs] = [createAuthority(), createAuthority()];
    server = ours.issue("sluice.test");
    people = {
      ann: ours.issue("laptop.test", "ann"),
      prometheus: ours.issue("prometheus.test", "prometheus"),
      spiffe: ours.issue("URI:spiffe://cluster/operator"),
      stranger: theirs.issue("laptop.test", "ann"),
    };
  });
  afterAll(() => {
    ours.remove();
    theirs.remove();
  });
  afterEach(async () => {
    await admin?.close();
    admin = null;
  });

  const tlsOf = (changes: Partial<AdminTls> = {}): AdminTls => ({
    ...server,
    certFile: "server.pem",
    keyFile: "server.key",
    clientCa: ours.ca,
    clientCaFile: "ca.pem",
    operators: ["ann", "spiffe://cluster/operator"],
    ...changes,
  });

  const open = async (options: Parameters<typeof openAdmin>[0]) =>
    (admin = await openAdmin({ tls: tlsOf(), ...options }));

  function ask(port: number, path: string, options: RequestOptions = {}, body?: string) {
    const settings = { host: "127.0.0.1", port, path, ca: ours.ca, servername: "sluice.test" };
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request({ agent: false, ...settings, ...options }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it.each([
    ["ann", 200, "operator"],
    ["spiffe", 200, "operator"],
    ["prometheus", 200, "viewer"],
    ["stranger", 401, null],
    [null, 401, null],
  ] as const)("%s → %i, %s", async (name, status, role) => {
    const { port } = await open({});
    const answer = await ask(port, "/v1/session", name === null ? {} : people[name]);
    expect(answer.status).toBe(status);
    if (role !== null) {
      expect(JSON.parse(answer.text)).toMatchObject({ role, authentication: "certificate" });
    }
    const post = { method: "POST", ...(name === null ? {} : people[name]) };
    const change = await ask(port, "/v1/alerts", post, "{}");
    expect(change.status).toBe(role === "operator" ? 400 : role === "viewer" ? 403 : 401);
  });

  it("probes need none", async () => {
    const { port } = await open({});
    for (const path of ["/healthz", "/readyz"]) expect((await ask(port, path)).status).toBe(200);
    expect((await ask(port, "/metrics")).status).toBe(401);
    expect((await ask(port, "/metrics", people.prometheus)).status).toBe(200);
  });

  it("a token does as well, makes an operator of a viewer, and is counted where it is wrong", async () => {
    const { port } = await open({ token: "t0ken", limits: { failuresMax: 1 } });
    const session = async (options: RequestOptions) =>
      JSON.parse((await ask(port, "/v1/session", options)).text) as object;
    expect(await session(bearer("t0ken"))).toMatchObject({ authentication: "token" });
    const both = { ...people.prometheus, ...bearer("t0ken") };
    expect(await session(both)).toMatchObject({ role: "operator", authentication: "token" });
    const wrong = { ...people.prometheus, ...bearer("guess") };
    expect(await session(wrong)).toMatchObject({ role: "viewer", authentication: "certificate" });
    expect(await session(both)).toMatchObject({ role: "viewer" });
    expect((await ask(port, "/v1/session", bearer("t0ken"))).status).toBe(429);
  });

  it("a viewer token works beside certificates alone", async () => {
    const { port } = await open({ token: null, viewerToken: "look" });
    expect((await ask(port, "/v1/session", bearer("look"))).text).toContain('"viewer"');
    expect((await ask(port, "/v1/session", bearer(""))).status).toBe(401);
  });

  it("read_only holds for operators", async () => {
    const { port } = await open({ readOnly: true });
    const change = await ask(port, "/v1/alerts", { method: "POST", ...people.ann }, "{}");
    expect(change.status).toBe(403);
  });

  it.each([
    ["https://sluice.test", undefined, 400],
    ["https://evil.test", undefined, 403],
    [undefined, "cross-site", 403],
    [undefined, "same-origin", 400],
  ])("a browser's change from %s (%s) → %i", async (origin, site, status) => {
    const { port } = await open({});
    const headers = {
      host: "sluice.test",
      ...(origin !== undefined && { origin }),
      ...(site !== undefined && { "sec-fetch-site": site }),
    };
    const post = { method: "POST", headers, ...people.ann };
    expect((await ask(port, "/v1/alerts", post, "{}")).status).toBe(status);
  });

  it("other authorities take over at once, also on connections and sessions of before", async () => {
    let tls = tlsOf();
    const access: AdminSources["access"] = () => ({
      token: null,
      viewerToken: null,
      readOnly: false,
      tls,
    });
    const { port } = await open({ sources: { access } });
    const options = { port, host: "127.0.0.1", ca: ours.ca, servername: "sluice.test" };
    const kept = connect({ ...options, ...people.ann });
    let session: Buffer | undefined;
    kept.on("session", (given) => (session = given));
    const say = (socket: ReturnType<typeof connect>) =>
      new Promise<string>((resolve) => {
        socket.once("data", (bytes: Buffer) => resolve(bytes.toString().slice(9, 12)));
        socket.write("GET /v1/session HTTP/1.1\r\nhost: sluice.test\r\n\r\n");
      });
    expect(await say(kept)).toBe("200");
    await expect.poll(() => session).toBeDefined();
    tls = tlsOf({ clientCa: theirs.ca, operators: [] });
    expect(await say(kept)).toBe("401");
    kept.destroy();
    const resumed = connect({ ...options, ...people.ann, ...(session && { session }) });
    expect(await say(resumed)).toBe("401");
    resumed.destroy();
    expect((await ask(port, "/v1/session", people.stranger)).text).toContain('"viewer"');
  });
});

it.each([
  ["DNS:a, DNS:b.test", ["a", "b.test"]],
  ["URI:spiffe://x/y, IP Address:10.0.0.1, email:a@b.c", ["spiffe://x/y", "a@b.c"]],
  ['DNS:"a, DNS:ann", DNS:c', ["a, DNS:ann", "c"]],
  ["", []],
])("reads the names of %j", (written, names) => {
  expect(alternativeNamesOf(written)).toEqual(names);
});

it.each<[Proof, boolean]>([
  [{ kind: "certificate", names: ["ann"], clientCa: "ours" }, true],
  [{ kind: "certificate", names: ["ann"], clientCa: "theirs" }, false],
  [{ kind: "none" }, false],
])("a listener that was let in by %j is kept: %s", (proof, expected) => {
  const tls = { cert: "", key: "", certFile: "", keyFile: "", clientCaFile: "", operators: [] };
  const access = { token: null, viewerToken: null, readOnly: false };
  expect(holds(proof, { ...access, tls: { ...tls, clientCa: "ours" } })).toBe(expected);
});
