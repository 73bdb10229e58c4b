import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Readiness } from "../../../src/wire/admin-api.ts";
import { statusSchema } from "../../../src/wire/admin-api.ts";
import { ask, openAdmin, status } from "./admin-port.ts";
import type { AdminPort } from "./admin-port.ts";

let admin: AdminPort | null = null;
const sockets: Socket[] = [];
const open = async (options: Parameters<typeof openAdmin>[0] = {}) =>
  (admin = await openAdmin(options));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await admin?.close();
  admin = null;
});

const dial = async (port: number) => {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
};
const readAll = async (socket: Socket) => {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
};

describe("probes", () => {
  it("/healthz is up when nothing else is", async () => {
    const readiness = { ready: false, reasons: ["draining"] };
    const { port } = await open({ sources: { readiness: () => readiness } });
    const answer = await ask(port, "/healthz");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ status: "ok" });
  });

  it("/readyz follows the proxy's life, with its reasons", async () => {
    let readiness: Readiness = { ready: false, reasons: ["no routing table is applied yet"] };
    const { port } = await open({ sources: { readiness: () => readiness } });
    const before = await ask(port, "/readyz");
    expect(before.status).toBe(503);
    expect(JSON.parse(before.text)).toEqual(readiness);
    readiness = { ready: true, reasons: [] };
    const ready = await ask(port, "/readyz");
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toEqual(readiness);
    readiness = { ready: false, reasons: ["draining"] };
    expect((await ask(port, "/readyz")).status).toBe(503);
  });
});

describe("answers", () => {
  it("/metrics hands on text and content type", async () => {
    const { port } = await open();
    const answer = await ask(port, "/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4");
    expect(answer.text).toBe("sluice_up 1\n");
  });

  it("/v1/status is what the source says, and true to its schema", async () => {
    const { port } = await open();
    const answer = await ask(port, "/v1/status");
    expect(statusSchema.parse(JSON.parse(answer.text))).toEqual(status);
  });

  it.each(["/healthz", "/metrics", "/v1/status", "/v1/none"])(
    "%s carries the safety headers",
    async (path) => {
      const { port } = await open();
      const { headers } = await ask(port, path, { headers: { origin: "http://localhost" } });
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["cache-control"]).toBe("no-store");
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    },
  );

  it("elsewhere is 404 as a problem document", async () => {
    const { port } = await open();
    for (const path of ["/v1", "/v1/status/", "/V1/status", "/v1/../healthz/x"]) {
      const answer = await ask(port, path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.headers["content-type"]).toBe("application/problem+json");
      expect(JSON.parse(answer.text)).toMatchObject({ status: 404, code: "not_found" });
    }
  });

  it.each([
    ["DELETE", "/v1/config", "GET, HEAD, POST"],
    ["POST", "/v1/status", "GET, HEAD"],
    ["OPTIONS", "/v1/status", "GET, HEAD"],
  ])("%s %s is 405", async (method, path, allow) => {
    const { port } = await open();
    const answer = await ask(port, path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
  });

  it("HEAD is GET without the body", async () => {
    const { port } = await open();
    const answer = await ask(port, "/v1/status", { method: "HEAD" });
    expect(answer).toMatchObject({ status: 200, text: "" });
  });

  it("a bug is 500 without details, reported, and the port lives on", async () => {
    const bug = new Error("secret detail");
    const { port, faults } = await open({
      sources: {
        status: () => {
          throw bug;
        },
      },
    });
    const answer = await ask(port, "/v1/status");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret detail");
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
    expect(faults).toEqual([bug]);
    expect((await ask(port, "/healthz")).status).toBe(200);
  });
});

describe("OpenAPI", () => {
  type Operation = { responses: Record<string, { content?: Record<string, { schema: object }> }> };
  type Document = {
    openapi: string;
    info: { version: string };
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object> };
  };
  const read = async (port: number) =>
    JSON.parse((await ask(port, "/v1/openapi.json")).text) as Document;

  it("names every route and no other", async () => {
    const { port } = await open();
    const document = await read(port);
    expect(document.openapi).toBe("3.1.0");
    expect(document.info.version).toBe("1.2.3");
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => [method.toUpperCase(), path] as const),
    );
    expect(described).toHaveLength(28);
    for (const [method, path] of described) {
      const answer = await ask(port, path, { method });
      expect(Object.keys(document.paths[path]?.[method.toLowerCase()]?.responses ?? {})).toContain(
        String(answer.status),
      );
      expect(answer.status).not.toBe(405);
      // What is asked for by name is not there; the path itself is.
      if (!path.includes("{")) expect(answer.status).not.toBe(404);
    }
  });

  it("describes what is answered", async () => {
    const { port } = await open({
      sources: { readiness: () => ({ ready: false, reasons: ["x"] }) },
    });
    const document = await read(port);
    const asked = [
      ["get", "/healthz", {}],
      ["get", "/readyz", {}],
      ["get", "/v1/status", {}],
      ["get", "/v1/session", {}],
      ["get", "/v1/system", {}],
      ["post", "/v1/config", { body: "x: 1" }],
      ["post", "/v1/config", { body: "x: 1", headers: { "if-match": "*" } }],
      ["post", "/v1/config", { body: "x: 1", headers: { "if-match": '"no"' } }],
      ["get", "/v1/config", { headers: { host: "evil.example" } }],
    ] as const;
    const statuses = [];
    for (const [method, path, options] of asked) {
      const answer = await ask(port, path, { method: method.toUpperCase(), ...options });
      statuses.push(answer.status);
      const described = document.paths[path]?.[method]?.responses[String(answer.status)];
      const type = answer.headers["content-type"] ?? "";
      const schema = described?.content?.[type]?.schema;
      expect(schema, `${method} ${path} ${answer.status} ${type}`).toBeDefined();
      const { schemas } = document.components;
      const whole = JSON.parse(
        JSON.stringify({ ...schema, $defs: schemas }).replaceAll(
          "#/components/schemas/",
          "#/$defs/",
        ),
      ) as Parameters<typeof z.fromJSONSchema>[0];
      expect(z.fromJSONSchema(whole).safeParse(JSON.parse(answer.text)).error).toBeUndefined();
      expect(z.fromJSONSchema(whole).safeParse({}).success).toBe(false);
    }
    expect(statuses).toEqual([200, 503, 200, 200, 200, 428, 422, 412, 403]);
  });
});

describe("limits", () => {
  it("closes a connection beyond the limit, and serves those within", async () => {
    const { port } = await open({ limits: { connectionsMax: 2 } });
    const [first, second] = [await dial(port), await dial(port)];
    const third = connect(port, "127.0.0.1");
    sockets.push(third);
    third.on("error", () => undefined);
    await once(third, "close");
    for (const socket of [first, second]) {
      socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it("ends a head that does not come", async () => {
    const { port } = await open({ limits: { headTimeoutMs: 100 } });
    const socket = await dial(port);
    socket.write("GET /healthz HTTP/1.1\r\nHost: loc");
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("ends a body that does not come", async () => {
    const { port, reloader } = await open({
      limits: { headTimeoutMs: 100, requestTimeoutMs: 200 },
    });
    const socket = await dial(port);
    socket.write(
      "POST /v1/config HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\nContent-Length: 9\r\n\r\nx",
    );
    await readAll(socket);
    expect(reloader.state().last).toBeNull();
  });

  it("refuses a head larger than the limit", async () => {
    const { port } = await open({ limits: { headBytesMax: 1024 } });
    const headers = { "x-long": "x".repeat(1024) };
    expect((await ask(port, "/healthz", { headers })).status).toBe(431);
  });
});

describe("close", () => {
  it("ends within the deadline although a request hangs, and is the same when called again", async () => {
    const { promise: asked, resolve: arrive } = Promise.withResolvers<void>();
    const opened = await open({
      limits: { closeMsMax: 50 },
      sources: {
        metrics: () => {
          arrive();
          return new Promise(() => undefined);
        },
      },
    });
    const hanging = ask(opened.port, "/metrics").catch((error: unknown) => error);
    await asked;
    await Promise.all([opened.close(), opened.close()]);
    expect(await hanging).toBeInstanceOf(Error);
    await expect(ask(opened.port, "/healthz")).rejects.toThrow("ECONNREFUSED");
  });

  it("fails to start on a port that is taken", async () => {
    const { port } = await open();
    const { startAdmin } = await import("../../../src/faces/admin/server.ts");
    const taken = startAdmin({
      policy: {
        host: "127.0.0.1",
        port,
        token: null,
        viewerToken: null,
        readOnly: false,
        tls: null,
      },
      sources: { version: "1" } as never,
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      timers: { after: () => () => undefined, every: () => () => undefined },
    });
    await expect(taken).rejects.toThrow("EADDRINUSE");
  });
});
