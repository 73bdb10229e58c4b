import fc from "fast-check";

/**
 * Requests and responses for fuzzing: mostly valid by construction, then damaged in the ways that request
 * smuggling uses, then cut into packets.
 */

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/);
const value = fc.stringMatching(/^[!-~]([ -~]{0,12}[!-~])?$/);
const content = fc.oneof(
  fc.stringMatching(/^[ -~\r\n]{0,40}$/),
  fc.constantFrom(
    "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n",
    "0\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
  ),
);
const field = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constant("x-").chain((start) => token.map((rest) => start + rest)),
        value,
      )
      .map(([name, text]) => `${name}: ${text}`),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "Connection: keep-alive",
      "Connection: x-a, close",
      "Connection: Transfer-Encoding",
      "Connection: Content-Length, Host",
      "Keep-Alive: timeout=5",
      "TE: trailers",
      "Trailer: x-sum",
      "Upgrade: h2c",
      "X-A:",
      "X-B:\t padded \t",
      "Accept: */*",
    ),
  },
);

const chunkExtension = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom(";a", ";a=b", ';a="b;c"', ";", ";a=\x01") },
);

const chunked = fc
  .tuple(
    fc.array(fc.tuple(content, chunkExtension), { maxLength: 3 }),
    chunkExtension,
    fc.array(field, { maxLength: 2 }),
  )
  .map(([chunks, last, trailers]) => {
    const parts = chunks
      .filter(([text]) => text.length > 0)
      .map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`);
    return `${parts.join("")}0${last}\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`;
  });

type Body = { readonly field: string | null; readonly text: string };

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant({ field: null, text: "" }),
  content.map((text) => ({ field: `Content-Length: ${text.length}`, text })),
  chunked.map((text) => ({ field: "Transfer-Encoding: chunked", text })),
);

function assemble(
  startLine: string,
  fields: string[],
  { field: framing, text }: Body,
  at: number,
): string {
  const lines = [...fields];
  if (framing !== null) lines.splice(Math.floor(at * (lines.length + 1)), 0, framing);
  return `${startLine}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${text}`;
}

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const request = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"),
    fc.constantFrom("/", "/a/b?c=d", "/%2e%2e/x", "/x;y=z", "http://a.test/abs"),
    fc.array(field, { maxLength: 4 }),
    body,
    place,
    fc.boolean(),
  )
  .map(([method, target, fields, framed, at, close]) =>
    assemble(
      `${method} ${target} HTTP/1.1`,
      ["Host: a.test", ...fields, ...(close ? ["Connection: close"] : [])],
      framed,
      at,
    ),
  );

const response = fc
  .tuple(
    fc.constantFrom(
      "200 OK",
      "201 Created",
      "204 No Content",
      "304 Not Modified",
      "404 Not Found",
      "500 Oops",
      "200",
      "200 ",
    ),
    fc.array(field, { maxLength: 4 }),
    body,
    place,
    fc.constantFrom(
      "",
      "",
      "",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
    ),
  )
  .map(
    ([status, fields, framed, at, interim]) =>
      interim + assemble(`HTTP/1.1 ${status}`, fields, framed, at),
  );

type Damage = { readonly at: number; readonly apply: (text: string, at: number) => string };

function insert(extra: string): Damage["apply"] {
  return (text, at) => text.slice(0, at) + extra + text.slice(at);
}

function onLine(change: (line: string) => string): Damage["apply"] {
  return (text, at) => {
    const start = text.lastIndexOf("\n", at - 1) + 1;
    const end = text.indexOf("\n", at);
    const stop = end === -1 ? text.length : end + 1;
    return text.slice(0, start) + change(text.slice(start, stop)) + text.slice(stop);
  };
}

const damage: fc.Arbitrary<Damage> = fc
  .tuple(
    place,
    fc.oneof(
      fc
        .constantFrom(
          "\r",
          "\n",
          "\0",
          " ",
          "\t",
          ":",
          "\r\n",
          "\x0b",
          "\x80",
          ",",
          ";",
          "0",
          "+",
          "-",
        )
        .map(insert),
      fc
        .constantFrom(
          "Transfer-Encoding: chunked\r\n",
          "Transfer-Encoding:chunked\r\n",
          "Transfer-Encoding: identity\r\n",
          "transfer-encoding : chunked\r\n",
          "Transfer-Encoding: \x0bchunked\r\n",
          "Transfer-Encoding: chunked, chunked\r\n",
          "Content-Length: 5\r\n",
          "Content-Length: 0\r\n",
          "content-length:+3\r\n",
          "Host: b.test\r\n",
          " folded\r\n",
          "Expect: 100-continue\r\n",
        )
        .map((line) => onLine((before) => before + line)),
      fc.constant(onLine((line) => line + line)),
      fc.constant(onLine(() => "")),
      fc.constant(onLine((line) => line.replace("\r\n", "\n"))),
      fc.constant(onLine((line) => line.replace("\r\n", "\r"))),
      fc.constant(onLine((line) => line.toUpperCase())),
      fc.constant(onLine((line) => line.replace("HTTP/1.1", "HTTP/1.0"))),
      fc.constant<Damage["apply"]>((text, at) => text.slice(0, at) + text.slice(at + 1)),
      fc.constant<Damage["apply"]>((text, at) => text.slice(0, at)),
      fc
        .integer({ min: 0, max: 255 })
        .map<Damage["apply"]>(
          (byte) => (text, at) =>
            text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1),
        ),
    ),
  )
  .map(([at, apply]) => ({ at, apply }));

function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const damages = fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(damage, { minLength: 1, maxLength: 3 }) },
  );
  return fc
    .tuple(text, damages)
    .map(([whole, list]) =>
      list.reduce(
        (changed, { at, apply }) => apply(changed, Math.floor(at * changed.length)),
        whole,
      ),
    );
}

/** One to three requests on one connection. */
export const requestBytes = damaged(
  fc.array(request, { minLength: 1, maxLength: 3 }).map((requests) => requests.join("")),
);

/** One response, perhaps with an interim one before it. */
export const responseBytes = damaged(response);

/** Where a stream is cut into packets, as shares of its length. */
export const cuts = fc.array(place, { maxLength: 6 });

export function packetsOf(bytes: Buffer, shares: readonly number[]): Buffer[] {
  const places = [...new Set(shares.map((share) => Math.floor(share * bytes.length)))].toSorted(
    (a, b) => a - b,
  );
  return [0, ...places]
    .map((start, at) => bytes.subarray(start, places[at] ?? bytes.length))
    .filter(({ length }) => length > 0);
}
