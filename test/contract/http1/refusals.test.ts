import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pinnedTo, startPlane, type TestPlane } from "../../support/plane.ts";
import { answering, connectRaw, exchangeRaw, type RawServer } from "../../support/raw.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const host = "Host: a.test\r\n";

/** What is refused: name, bytes, status, code. Sources: RFC 9110, RFC 9112; reference/proxy.md §3. */
const refused: [string, string, number, string][] = [
  [
    "CL and TE",
    `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "bad_framing",
  ],
  [
    "TE and CL",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    400,
    "bad_framing",
  ],
  [
    "TE twice",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "bad_framing",
  ],
  [
    "TE identity",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n`,
    501,
    "unsupported_transfer_coding",
  ],
  [
    "TE gzip, chunked",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
    "unsupported_transfer_coding",
  ],
  [
    "TE chunked, identity",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    501,
    "unsupported_transfer_coding",
  ],
  [
    "TE xchunked",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n`,
    501,
    "unsupported_transfer_coding",
  ],
  [
    "TE with a vertical tab",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    400,
    "bad_header",
  ],
  [
    "TE quoted",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: "chunked"\r\n\r\n`,
    400,
    "bad_framing",
  ],
  ["TE empty", `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n\r\n`, 400, "bad_framing"],
  [
    "TE with HTTP/1.0",
    `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "bad_framing",
  ],
  [
    "CL twice, different",
    `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`,
    400,
    "bad_framing",
  ],
  [
    "CL twice, equal",
    `POST / HTTP/1.1\r\n${host}Content-Length: 2\r\nContent-Length: 2\r\n\r\nxx`,
    400,
    "bad_framing",
  ],
  ["CL list", `POST / HTTP/1.1\r\n${host}Content-Length: 2, 2\r\n\r\nxx`, 400, "bad_framing"],
  ["CL with plus", `POST / HTTP/1.1\r\n${host}Content-Length: +2\r\n\r\nxx`, 400, "bad_framing"],
  ["CL negative", `POST / HTTP/1.1\r\n${host}Content-Length: -2\r\n\r\nxx`, 400, "bad_framing"],
  ["CL hexadecimal", `POST / HTTP/1.1\r\n${host}Content-Length: 0x2\r\n\r\nxx`, 400, "bad_framing"],
  ["CL empty", `POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\n`, 400, "bad_framing"],
  [
    "CL beyond 2^53",
    `POST / HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\n`,
    400,
    "bad_framing",
  ],
  ["obs-fold", `GET / HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`, 400, "bad_header"],
  ["fold of the first field", `GET / HTTP/1.1\r\n Host: a\r\n\r\n`, 400, "bad_header"],
  ["bare LF after the request line", `GET / HTTP/1.1\n${host}\r\n`, 400, "bad_request_line"],
  ["bare LF after a field", `GET / HTTP/1.1\r\nHost: a.test\n\r\n`, 400, "bad_header"],
  ["bare LF as the blank line", `GET / HTTP/1.1\r\n${host}\n`, 400, "bad_header"],
  ["bare CR in a value", `GET / HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`, 400, "bad_header"],
  ["bare CR in the target", `GET /\r HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  ["NUL in a value", `GET / HTTP/1.1\r\n${host}X-A: 1\x002\r\n\r\n`, 400, "bad_header"],
  ["space before the colon", `GET / HTTP/1.1\r\n${host}X-A : 1\r\n\r\n`, 400, "bad_header"],
  [
    "space before the colon of CL",
    `POST / HTTP/1.1\r\n${host}Content-Length : 2\r\n\r\nxx`,
    400,
    "bad_header",
  ],
  ["empty field name", `GET / HTTP/1.1\r\n${host}: 1\r\n\r\n`, 400, "bad_header"],
  ["field without colon", `GET / HTTP/1.1\r\n${host}X-A\r\n\r\n`, 400, "bad_header"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400, "bad_host"],
  ["two Hosts", `GET / HTTP/1.1\r\n${host}Host: b.test\r\n\r\n`, 400, "bad_host"],
  ["two equal Hosts", `GET / HTTP/1.1\r\n${host}${host}\r\n`, 400, "bad_host"],
  ["Host with space and path", "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n", 400, "bad_host"],
  ["Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n", 400, "bad_host"],
  ["Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_host"],
  ["Host list", "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", 400, "bad_host"],
  [
    "absolute-form with another Host",
    `GET http://b.test/ HTTP/1.1\r\n${host}\r\n`,
    400,
    "bad_host",
  ],
  ["absolute-form with userinfo", `GET http://u@a.test/ HTTP/1.1\r\n${host}\r\n`, 400, "bad_host"],
  ["target without slash", `GET x HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  ["target with a fragment", `GET /a#b HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  [
    "target with a raw non-ASCII byte",
    `GET /\xe9 HTTP/1.1\r\n${host}\r\n`,
    400,
    "bad_request_line",
  ],
  ["two spaces in the request line", `GET  / HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  ["tab in the request line", `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  ["asterisk with GET", `GET * HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  ["HTTP/0.9", "GET /\r\n\r\n", 400, "bad_request_line"],
  ["HTTP/2.0", `GET / HTTP/2.0\r\n${host}\r\n`, 505, "unsupported_version"],
  ["HTTP/1.2", `GET / HTTP/1.2\r\n${host}\r\n`, 505, "unsupported_version"],
  ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_version"],
  ["lower-case version", `GET / http/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
  [
    "CONNECT",
    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
    501,
    "method_not_supported",
  ],
  [
    "CONNECT without a port",
    "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
    501,
    "method_not_supported",
  ],
  [
    "TRACE with Max-Forwards: 0",
    `TRACE / HTTP/1.1\r\n${host}Max-Forwards: 0\r\n\r\n`,
    501,
    "method_not_supported",
  ],
  [
    "Max-Forwards that is no number",
    `OPTIONS / HTTP/1.1\r\n${host}Max-Forwards: x\r\n\r\n`,
    400,
    "bad_header",
  ],
  [
    "an unknown expectation",
    `GET / HTTP/1.1\r\n${host}Expect: 200-ok\r\n\r\n`,
    417,
    "bad_expectation",
  ],
  [
    "TLS on the plain port",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    400,
    "bad_request_line",
  ],
  ["three blank lines first", `\r\n\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`, 400, "bad_request_line"],
];

/** Bodies that break their framing after the head was taken. */
const brokenBodies: [string, string][] = [
  ["chunk size overflow", "fffffffffffffffff\r\n"],
  ["chunk size beyond 13 digits", "10000000000000\r\n"],
  ["chunk size negative", "-1\r\n"],
  ["chunk size with 0x", "0x2\r\nok\r\n0\r\n\r\n"],
  ["chunk size empty", "\r\nok\r\n"],
  ["chunk size with a space before it", " 2\r\nok\r\n0\r\n\r\n"],
  ["chunk size with a space behind it", "2 \r\nok\r\n0\r\n\r\n"],
  ["bare LF behind the size", "2\nok\r\n0\r\n\r\n"],
  ["bare LF in an extension", "2;a\nok\r\n0\r\n\r\n"],
  ["data longer than its size", "2\r\nokk\r\n0\r\n\r\n"],
  ["bare LF behind the data", "2\r\nok\n0\r\n\r\n"],
  ["an endless extension", `2;${"a".repeat(1100)}\r\nok\r\n0\r\n\r\n`],
  ["a bad trailer", "2\r\nok\r\n0\r\nX A: 1\r\n\r\n"],
];

let server: RawServer;
let plane: TestPlane;

beforeAll(async () => {
  server = await answering(ok);
  plane = await startPlane(pinnedTo(server.port, ", limits: { head: 4KiB, headers: 20 }"));
});

afterAll(async () => {
  await plane.stop();
  await server.close();
});

function codeOf(answer: string): { status: number; code: string } {
  const status = Number(answer.slice(9, 12));
  const { code, status: inBody } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as {
    code: string;
    status: number;
  };
  expect(inBody).toBe(status);
  return { status, code };
}

describe("what is ambiguous is refused and reaches nobody", () => {
  it.each(refused)("%s", async (_name, bytes, status, code) => {
    const before = server.received().join("");
    const answer = await exchangeRaw(plane.port, bytes);
    expect(codeOf(answer)).toEqual({ status, code });
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toMatch(/connection: close/i);
    expect(server.received().join("")).toBe(before);
  });

  it.each(refused)("%s, one byte at a time", async (_name, bytes, status, code) => {
    const client = await connectRaw(plane.port);
    for (const byte of Buffer.from(bytes, "latin1")) {
      if (client.socket.destroyed) break;
      await new Promise<void>((resolve) => client.socket.write(Buffer.of(byte), () => resolve()));
    }
    expect(codeOf(await client.closed())).toEqual({ status, code });
  });

  it.each(brokenBodies)("%s ends the request upstream unfinished", async (_name, body) => {
    const before = server.sockets.length;
    const answer = await exchangeRaw(
      plane.port,
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${body}`,
    );
    expect(codeOf(answer)).toEqual({ status: 400, code: "bad_framing" });
    for (const received of server.received().slice(before))
      expect(received).not.toMatch(/\r\n0\r\n/);
  });

  it("a head beyond the limit", async () => {
    const answer = await exchangeRaw(
      plane.port,
      `GET / HTTP/1.1\r\n${host}X-A: ${"a".repeat(5000)}\r\n\r\n`,
    );
    expect(codeOf(answer)).toEqual({ status: 431, code: "head_too_large" });
  });

  it("more fields than the limit", async () => {
    const fields = Array.from({ length: 21 }, (_, at) => `X-${at}: 1\r\n`).join("");
    const answer = await exchangeRaw(plane.port, `GET / HTTP/1.1\r\n${host}${fields}\r\n`);
    expect(codeOf(answer)).toEqual({ status: 431, code: "too_many_headers" });
  });

  it("counts each of them once as a proxy error", async () => {
    const before = plane.outcomes();
    for (const [, bytes] of refused) await exchangeRaw(plane.port, bytes);
    expect(plane.outcomes().proxy_error - before.proxy_error).toBe(refused.length);
  });
});
