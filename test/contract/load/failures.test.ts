import { createServer as createTlsServer } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { failureOf } from "../../../src/faces/load/failure.ts";
import { createAuthority, hasOpenssl } from "../../support/certificates.ts";
import { runLoadTest } from "../../support/load.ts";

let server: Server | null = null;

afterEach(async () => {
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

/** A server of bytes: `answer` gets each request's connection once some of the request is there. */
async function serve(answer: (socket: Socket) => void): Promise<string> {
  const opened = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => answer(socket));
  });
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(opened.address() as AddressInfo).port}`;
}

const few = { rate: 50, requests: 10 };
const head = "HTTP/1.1 200 OK\r\n";

describe("every kind of failure is told apart", () => {
  it.each([
    ["a connection that is reset", (socket: Socket) => void socket.resetAndDestroy(), "reset", {}],
    ["a connection that just closes", (socket: Socket) => void socket.end(), "reset", {}],
    ["no answer in time", () => {}, "timeout", { timeout: "80ms" }],
    [
      "an answer that does not end in time",
      (socket: Socket) => void socket.write(`${head}content-length: 9\r\n\r\nabc`),
      "timeout",
      { timeout: "80ms" },
    ],
    [
      "an answer shorter than it said",
      (socket: Socket) => void socket.end(`${head}content-length: 9\r\n\r\nabc`),
      "truncated",
      {},
    ],
    [
      "chunks without an end",
      (socket: Socket) => void socket.end(`${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`),
      "truncated",
      {},
    ],
    ["what is no HTTP", (socket: Socket) => void socket.end("SSH-2.0-OpenSSH\r\n"), "protocol", {}],
    [
      "a status that was not expected",
      (socket: Socket) => void socket.write("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
      "status",
      {},
    ],
    [
      "a body without the expected text",
      (socket: Socket) => void socket.write(`${head}content-length: 5\r\n\r\nhello`),
      "body",
      { endpoints: { request: { expect: { contains: "world" } } } },
    ],
  ])("%s", async (_name, answer, kind, options) => {
    const target = await serve(answer);
    const { all, requests } = await runLoadTest({ target, ...few, ...options });
    expect(requests.started).toBe(10);
    expect(all).toMatchObject({ ended: 10, failed: 10, failures: { [kind]: 10 } });
    // Who waited in vain did wait; who lost the connection has no time.
    const hasTime = !["reset", "protocol"].includes(kind);
    expect(all.responseTime?.count ?? 0).toBe(hasTime ? 10 : 0);
    if (kind === "timeout") expect(all.responseTime?.minMs).toBeGreaterThanOrEqual(79.9);
  });

  it("a refused connection", async () => {
    const target = await serve(() => {});
    await new Promise((resolve) => server?.close(resolve));
    server = null;
    const { all } = await runLoadTest({ target, ...few });
    expect(all).toMatchObject({ failed: 10, failures: { refused: 10 }, statuses: {} });
  });

  it.runIf(hasOpenssl())(
    "a certificate that nobody vouches for, unless it is not checked",
    async () => {
      const authority = createAuthority();
      try {
        const opened = createTlsServer(authority.issue("localhost"), (_request, response) =>
          response.end("ok"),
        );
        server = opened;
        await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
        const target = `https://localhost:${(opened.address() as AddressInfo).port}`;
        const checked = await runLoadTest({ target, ...few });
        expect(checked.all).toMatchObject({ failed: 10, failures: { tls: 10 } });
        const unchecked = await runLoadTest({ target, ...few, insecure: true });
        expect(unchecked.all).toMatchObject({ failed: 0, statuses: { "200": 10 } });
      } finally {
        authority.remove();
      }
    },
  );

  it("a text that comes in two pieces is found", async () => {
    const target = await serve((socket) => {
      socket.write(`${head}content-length: 11\r\n\r\nhello wo`);
      setImmediate(() => socket.write("rld"));
    });
    const { all } = await runLoadTest({
      target,
      ...few,
      endpoints: { request: { expect: { contains: "world" } } },
    });
    expect(all.failed).toBe(0);
  });
});

describe("an error of the client", () => {
  it.each([
    [{ code: "ECONNREFUSED" }, false, "refused"],
    [{ code: "UND_ERR_SOCKET" }, false, "reset"],
    [{ code: "UND_ERR_SOCKET" }, true, "truncated"],
    [{ code: "ENOTFOUND" }, false, "dns"],
    [{ code: "EMFILE" }, false, "generator"],
    [{ code: "EADDRNOTAVAIL" }, false, "generator"],
    [{ code: "CERT_HAS_EXPIRED" }, false, "tls"],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, false, "tls"],
    [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, false, "tls"],
    [{ code: "HPE_INVALID_CONSTANT" }, false, "protocol"],
    [{ errors: [{ code: "ECONNREFUSED" }, { code: "ECONNREFUSED" }] }, false, "refused"],
    [
      new Error("outer", { cause: Object.assign(new Error("inner"), { code: "EPIPE" }) }),
      false,
      "reset",
    ],
    [new Error("what?"), false, "other"],
  ])("%j is %s", (error, hasAnswer, kind) => {
    expect(failureOf(error, hasAnswer)).toBe(kind);
  });
});
