import { afterEach, describe, expect, it } from "vitest";
import { liveProtocol, liveTokenPrefix } from "../../../src/wire/live.ts";
import { ask } from "./admin-port.ts";
import { answerTo, listen, openLive } from "./live-port.ts";
import type { LivePort } from "./live-port.ts";

let admin: LivePort | null = null;
const open = async (options: Parameters<typeof openLive>[0] = {}) =>
  (admin = await openLive(options));
afterEach(async () => {
  await admin?.close();
  admin = null;
});

const token = "correct-horse";
const asProtocol = (text: string) => liveTokenPrefix + Buffer.from(text).toString("base64url");
const bearer = { authorization: `Bearer ${token}` };
const denied = (code: string, status: number) => ({ status, code });
const letIn = { status: 101, code: "" };

describe("with a token", () => {
  it.each([
    ["none", {}, letIn, "unauthorized"],
    ["the right one as a header", { headers: bearer }, letIn, ""],
    [
      "a wrong one as a header",
      { headers: { authorization: "Bearer wrong" } },
      letIn,
      "unauthorized",
    ],
    ["the right one as a subprotocol", { protocols: [liveProtocol, asProtocol(token)] }, letIn, ""],
    ["the right one first", { protocols: [asProtocol(token), liveProtocol] }, letIn, ""],
    [
      "a wrong one as a subprotocol",
      { protocols: [liveProtocol, asProtocol("wrong")] },
      letIn,
      "unauthorized",
    ],
    [
      "the right one not encoded",
      { protocols: [liveProtocol, liveTokenPrefix + token] },
      letIn,
      "unauthorized",
    ],
    ["an empty one", { protocols: [liveProtocol, liveTokenPrefix] }, letIn, "unauthorized"],
    [
      "a wrong header beside the right subprotocol",
      {
        headers: { authorization: "Bearer wrong" },
        protocols: [liveProtocol, asProtocol(token)],
      },
      letIn,
      "unauthorized",
    ],
    ["the right one in the address", { query: `?token=${token}` }, letIn, "unauthorized"],
  ])("%s", async (_, options, granted, code) => {
    const { port } = await open({ token });
    const expected = code === "" ? granted : denied(code, 401);
    expect(await answerTo(port, options)).toEqual(expected);
  });

  it("never says the token back", async () => {
    const { port } = await open({ token });
    const { socket } = await listen(port, { protocols: [asProtocol(token), liveProtocol] });
    expect(socket.protocol).toBe(liveProtocol);
    socket.terminate();
  });

  it("selects nothing where nothing known is offered", async () => {
    const { port } = await open();
    const { socket } = await listen(port, { protocols: [] });
    expect(socket.protocol).toBe("");
    socket.terminate();
    await expect(listen(port, { protocols: ["other"] })).rejects.toThrow("no subprotocol");
  });

  it.each([
    [{}, letIn],
    [{ "sec-fetch-site": "same-origin" }, letIn],
    [{ "sec-fetch-site": "none" }, letIn],
    [{ host: "sluice.example", origin: "https://sluice.example" }, letIn],
    [{ host: "sluice.example", origin: "http://sluice.example" }, letIn],
    [{ host: "sluice.example", origin: "https://evil.example" }, denied("cross_site_request", 403)],
    [
      { host: "sluice.example", origin: "https://sluice.example:8443" },
      denied("cross_site_request", 403),
    ],
    [{ host: "sluice.example", origin: "null" }, denied("cross_site_request", 403)],
    [{ "sec-fetch-site": "cross-site" }, denied("cross_site_request", 403)],
    [{ "sec-fetch-site": "same-site" }, denied("cross_site_request", 403)],
  ])("a page with %j → %j", async (fields, expected) => {
    const { port } = await open({ token });
    const headers = { ...bearer, ...fields } as Record<string, string>;
    expect(await answerTo(port, { headers })).toEqual(expected);
  });

  it("counts wrong ones together with the other requests'", async () => {
    const { port } = await open({ token, limits: { failuresMax: 2 } });
    const wrong = { authorization: "Bearer wrong" };
    expect(await answerTo(port, { headers: wrong })).toEqual(denied("unauthorized", 401));
    expect((await ask(port, "/v1/status", { headers: wrong })).status).toBe(401);
    expect(await answerTo(port, { headers: bearer })).toEqual(denied("too_many_failed_tries", 429));
    expect((await ask(port, "/v1/status", { headers: bearer })).status).toBe(429);
  });

  it("a page of another site cannot use up the tries", async () => {
    const { port } = await open({ token, limits: { failuresMax: 1 } });
    const headers = { origin: "http://evil.example" };
    const protocols = [liveProtocol, asProtocol("wrong")];
    for (let count = 0; count < 3; count += 1) {
      expect(await answerTo(port, { headers, protocols })).toEqual(
        denied("cross_site_request", 403),
      );
    }
    expect(await answerTo(port, { headers: bearer })).toEqual(letIn);
  });
});

describe("a viewer", () => {
  const viewerToken = "only-looking";

  it.each([
    ["as a header", { headers: { authorization: `Bearer ${viewerToken}` } }],
    ["as a subprotocol", { protocols: [liveProtocol, asProtocol(viewerToken)] }],
  ])("is let in with its token %s", async (_, options) => {
    const { port } = await open({ token, viewerToken });
    expect(await answerTo(port, options)).toEqual(letIn);
  });

  it("is ended when its token is another one, and operators are not", async () => {
    const port = await open({ token, viewerToken });
    const viewer = await listen(port.port, { headers: { authorization: `Bearer ${viewerToken}` } });
    const operator = await listen(port.port, { headers: bearer });
    port.tick();
    expect(port.live()).toMatchObject({ closedTokenChanged: 0, listeners: 2 });
    port.setViewerToken("another");
    port.tick();
    expect(await viewer.closed).toEqual({ code: 4401, reason: "the token has changed" });
    expect(port.live().closedTokenChanged).toBe(1);
    port.show({ count: 1 });
    port.tick();
    await operator.reached(1);
    operator.socket.terminate();
  });
});

describe("a token that changes", () => {
  it.each([
    ["first", "second"],
    ["first", null],
    [null, "first"],
  ])("%j → %j ends those let in by the old one at the next tick", async (before, after) => {
    const port = await open({ ...(before !== null && { token: before }) });
    const headersOf = (text: string | null) =>
      text === null ? {} : { headers: { authorization: `Bearer ${text}` } };
    const listener = await listen(port.port, headersOf(before));
    port.setToken(after);
    const next = await listen(port.port, headersOf(after));
    expect(port.live().closedTokenChanged).toBe(0);
    port.tick();
    expect(port.live().closedTokenChanged).toBe(1);
    port.show({ count: 1 });
    port.tick();
    expect(port.live()).toMatchObject({ closedTokenChanged: 1, deltasSent: 1 });
    expect(await listener.closed).toEqual({ code: 4401, reason: "the token has changed" });
    await next.reached(1);
    expect(listener.frames.filter(({ type }) => type === "delta")).toEqual([]);
    next.socket.terminate();
  });
});

describe("without a token", () => {
  it.each([
    [{ host: "localhost:7" }, letIn],
    [{ host: "[::1]:7" }, letIn],
    [{ host: "localhost:7", origin: "http://localhost:7" }, letIn],
    [{ host: "localhost:7", "sec-fetch-site": "same-origin" }, letIn],
    [{ host: "evil.example" }, denied("host_not_allowed", 403)],
    // As after DNS rebinding: of the same site, but not of this machine.
    [{ host: "evil.example:7", origin: "http://evil.example:7" }, denied("host_not_allowed", 403)],
    [{ host: "localhost:7", origin: "http://evil.example" }, denied("cross_site_request", 403)],
    [{ host: "localhost:7", origin: "http://localhost:8" }, denied("cross_site_request", 403)],
    [{ host: "localhost:7", origin: "https://localhost:7" }, denied("cross_site_request", 403)],
    [{ host: "localhost:7", origin: "null" }, denied("cross_site_request", 403)],
    [{ host: "localhost:7", "sec-fetch-site": "cross-site" }, denied("cross_site_request", 403)],
    [{ host: "localhost:7", "sec-fetch-site": "same-site" }, denied("cross_site_request", 403)],
  ])("%j → %j", async (fields, expected) => {
    const { port } = await open();
    const headers = { ...fields } as Record<string, string>;
    expect(await answerTo(port, { headers })).toEqual(expected);
  });
});

describe("a refusal", () => {
  it("is a problem document with the headers of every answer", async () => {
    const { port } = await open({ token });
    const refused = (await listen(port).catch((error: unknown) => error)) as {
      response: { headers: Record<string, string> };
      message: string;
    };
    expect(refused.response.headers).toMatchObject({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "www-authenticate": 'Bearer realm="sluice"',
      connection: "close",
    });
    expect(JSON.parse(refused.message)).toMatchObject({ status: 401, code: "unauthorized" });
  });

  it.each([
    [{ query: "?after=-1" }, 400, "bad_query"],
    [{ query: "?after=1e3" }, 400, "bad_query"],
    [{ query: `?stream=${"x".repeat(101)}` }, 400, "bad_query"],
    [{ protocolVersion: 8 }, 426, "upgrade_required"],
  ])("%j → %i %s", async (options, status, code) => {
    const { port } = await open();
    expect(await answerTo(port, options)).toEqual({ status, code });
  });
});
