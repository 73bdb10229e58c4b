import { describe, expect, test } from "vitest";
import {
  compileHeaderEdits,
  writeRequestFields,
  writeResponseFields,
  writeTrailerFields,
  type RequestForward,
} from "../../../src/core/traffic/forward.ts";

const started = `00-${"1".repeat(32)}-${"b".repeat(16)}-01`;

function countingRandom(): RequestForward["random"] {
  const digits = ["1", "b"];
  return { hex32: () => (digits.shift() ?? "f").repeat(32) };
}

/** Without request id, the random source gives 1…1 for it and the trace first, and then the span's b…b. */
function contextOf(rest: Partial<RequestForward> = {}): RequestForward {
  return {
    peerIp: "192.0.2.1",
    peerTrusted: false,
    secure: false,
    localPort: 8080,
    host: "api.test",
    version: "1.1",
    experiment: null,
    variant: null,
    edits: null,
    prefix: "",
    random: countingRandom(),
    traceparent: "",
    startedTraceId: "",
    receivedTraceparent: null,
    requestId: "",
    memo: { host: "", version: "", text: "" },
    ...rest,
  };
}

function sent(
  headers: readonly string[],
  rest: Partial<RequestForward> = {},
  method = "POST",
): readonly (readonly [string, string])[] {
  return pairs(writeRequestFields({ method, target: "/", headers }, contextOf(rest)));
}

function pairs(text: string): (readonly [string, string])[] {
  const lines = text.split("\r\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)] as const;
  });
}

function valuesOf(fields: readonly (readonly [string, string])[], lowerName: string): string[] {
  return fields.filter(([name]) => name.toLowerCase() === lowerName).map(([, value]) => value);
}

const added = [
  ["via", "1.1 sluice"],
  ["x-forwarded-for", "192.0.2.1"],
  ["x-forwarded-proto", "http"],
  ["x-forwarded-host", "api.test"],
  ["x-forwarded-port", "8080"],
  ["forwarded", 'for=192.0.2.1;host="api.test";proto=http'],
  ["x-request-id", "1".repeat(32)],
  ["traceparent", started],
];

test("what passes keeps order and spelling; what Sluice adds comes last", () => {
  const headers = [
    "User-Agent",
    "x",
    "ACCEPT",
    "*/*",
    "cookie",
    "a",
    "Cookie",
    "b",
    "Expect",
    "100-continue",
    "Trailer",
    "X-T",
  ];
  const passed = Array.from({ length: headers.length / 2 }, (_, at) => [
    headers[2 * at]!,
    headers[2 * at + 1]!,
  ]);
  expect(sent(headers)).toEqual([...passed, ...added]);
});

describe("request fields that end here", () => {
  test.each([
    "Connection",
    "Proxy-Connection",
    "Keep-Alive",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "Host",
    "Content-Length",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "x-sluice-variant",
    "X-Sluice-Experiment",
    "X-SLUICE-Anything",
  ])("%s", (name) => {
    expect(sent([name, "x", "A", "b"])).toEqual([["A", "b"], ...added]);
  });

  test.each([
    ["one option", ["Connection", "x-secret", "X-Secret", "1"], "x-secret", []],
    [
      "before and after, any case",
      ["X-Secret", "1", "connection", "close, X-SECRET", "x-secret", "2"],
      "x-secret",
      [],
    ],
    [
      "second Connection line",
      ["Connection", "close", "CONNECTION", "foo ,\tx-secret", "X-Secret", "1"],
      "x-secret",
      [],
    ],
    ["options of other fields stay", ["Connection", "x-other", "X-Secret", "1"], "x-secret", ["1"]],
    ["part of a name", ["Connection", "x-sec", "X-Secret", "1"], "x-secret", ["1"]],
  ])("Connection-listed: %s", (_, headers, name, expected) => {
    expect(valuesOf(sent(headers), name)).toEqual(expected);
  });

  test.each([
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
    "via",
    "x-request-id",
    "traceparent",
    "x-sluice-variant",
    "x-sluice-experiment",
  ])("a Connection option cannot remove Sluice's %s", (name) => {
    const fields = sent(["Connection", `close, ${name.toUpperCase()}`], {
      experiment: "e",
      variant: "v",
    });
    expect(valuesOf(fields, name)).toHaveLength(1);
  });

  test.each(["expect", "trailer", "max-forwards"])(
    "a Connection option cannot remove the %s that the transport relies on",
    (name) => {
      expect(valuesOf(sent(["Connection", name, name, "5"]), name)).toEqual(["5"]);
    },
  );

  test("a Connection option cannot remove the way a request came", () => {
    const headers = ["Connection", "via", "Via", "1.0 fred"];
    expect(valuesOf(sent(headers), "via")).toEqual(["1.0 fred", "1.1 sluice"]);
  });

  test("a Connection option cannot remove what a trusted proxy says", () => {
    const headers = ["Connection", "x-forwarded-proto", "X-Forwarded-Proto", "https"];
    expect(valuesOf(sent(headers, { peerTrusted: true }), "x-forwarded-proto")).toEqual(["https"]);
  });
});

describe("forwarding fields", () => {
  const claims = [
    "X-Forwarded-For",
    "203.0.113.9",
    "x-forwarded-for",
    "10.0.0.1",
    "X-Forwarded-Proto",
    "https",
    "X-Forwarded-Host",
    "shop.test",
    "X-Forwarded-Port",
    "443",
    "X-Forwarded-User",
    "root",
    "Forwarded",
    "for=203.0.113.9",
    "FORWARDED",
    "for=10.0.0.1",
  ];

  test("from an untrusted peer they are dropped and set anew", () => {
    expect(sent(claims)).toEqual(added);
  });

  test("from a trusted peer they are kept and appended to", () => {
    const fields = sent(claims, { peerTrusted: true });
    expect(valuesOf(fields, "x-forwarded-for")).toEqual(["203.0.113.9, 10.0.0.1, 192.0.2.1"]);
    expect(valuesOf(fields, "x-forwarded-proto")).toEqual(["https"]);
    expect(valuesOf(fields, "x-forwarded-host")).toEqual(["shop.test"]);
    expect(valuesOf(fields, "x-forwarded-port")).toEqual(["443"]);
    expect(valuesOf(fields, "x-forwarded-user")).toEqual(["root"]);
    expect(valuesOf(fields, "forwarded")).toEqual([
      'for=203.0.113.9, for=10.0.0.1, for=192.0.2.1;host="api.test";proto=http',
    ]);
  });

  test("what a trusted peer does not say is set", () => {
    expect(sent([], { peerTrusted: true })).toEqual(added);
  });

  test.each<readonly [Partial<RequestForward>, string, string, string]>([
    [
      { peerIp: "2001:db8::1" },
      "2001:db8::1",
      'for="[2001:db8::1]";host="api.test";proto=http',
      "http",
    ],
    [
      { peerIp: "::ffff:192.0.2.7" },
      "192.0.2.7",
      'for=192.0.2.7;host="api.test";proto=http',
      "http",
    ],
    [{ secure: true }, "192.0.2.1", 'for=192.0.2.1;host="api.test";proto=https', "https"],
    [{ host: "" }, "192.0.2.1", "for=192.0.2.1;proto=http", "http"],
    [{ host: 'a"b\\c' }, "192.0.2.1", 'for=192.0.2.1;host="a\\"b\\\\c";proto=http', "http"],
  ])("%j", (rest, forwardedFor, forwarded, proto) => {
    const fields = sent([], rest);
    expect(valuesOf(fields, "x-forwarded-for")).toEqual([forwardedFor]);
    expect(valuesOf(fields, "forwarded")).toEqual([forwarded]);
    expect(valuesOf(fields, "x-forwarded-proto")).toEqual([proto]);
    expect(valuesOf(fields, "x-forwarded-host")).toEqual(
      rest.host === "" ? [] : [rest.host ?? "api.test"],
    );
  });

  test("Via is appended with the received version", () => {
    const fields = sent(["Via", "1.0 fred", "via", "1.1 p"], { version: "1.0" });
    expect(valuesOf(fields, "via")).toEqual(["1.0 fred", "1.1 p", "1.0 sluice"]);
  });
});

describe("X-Request-Id", () => {
  const made = "1".repeat(32);
  test.each([
    [["x-request-id", "abc.DEF:1_2-3"], "abc.DEF:1_2-3"],
    [["X-REQUEST-ID", "x".repeat(128)], "x".repeat(128)],
    [["x-request-id", "x".repeat(129)], made],
    [["x-request-id", ""], made],
    [["x-request-id", "a b"], made],
    [["x-request-id", "a\u00e9"], made],
    [["x-request-id", "bad id", "x-request-id", "good"], "good"],
    [["x-request-id", "one", "x-request-id", "two"], "one"],
    [[], made],
  ])("%j becomes %s", (headers, expected) => {
    const context = contextOf();
    const text = writeRequestFields({ method: "GET", target: "/", headers }, context);
    expect(context.requestId).toBe(expected);
    expect(valuesOf(pairs(text), "x-request-id")).toEqual([expected]);
  });
});

describe("traceparent", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = "00f067aa0ba902b7";
  const valid = `00-${trace}-${span}-01`;
  test.each<readonly [string, readonly string[], boolean]>([
    ["valid", [valid], true],
    ["later version", [`01-${trace}-${span}-01-extra`], true],
    ["none", [], false],
    ["version ff", [`ff-${trace}-${span}-01`], false],
    ["version 00 with more", [`${valid}-extra`], false],
    ["capitals", [valid.toUpperCase()], false],
    ["no trace", [`00-${"0".repeat(32)}-${span}-01`], false],
    ["no span", [`00-${trace}-${"0".repeat(16)}-01`], false],
    ["too short", [`00-${trace}-${span}-1`], false],
    ["endless", [`01-${trace}-${span}-01-${"x".repeat(300)}`], false],
    ["two", [valid, valid], false],
  ])("%s", (_, values, isKept) => {
    const headers = [...values.flatMap((value) => ["Traceparent", value]), "Tracestate", "a=b"];
    // The request id is given, so that the random source gives 1…1 for the trace, a…a for the span.
    const fields = sent(["x-request-id", "r", ...headers]);
    const begun = `00-${"1".repeat(32)}-${"b".repeat(16)}-01`;
    expect(valuesOf(fields, "traceparent")).toEqual(isKept ? values : [begun]);
    expect(valuesOf(fields, "tracestate")).toEqual(isKept ? ["a=b"] : []);
  });
});

test.each([
  ["OPTIONS", "5", "4"],
  ["TRACE", "1", "0"],
  ["OPTIONS", "0", "0"],
  ["OPTIONS", "x", "x"],
  ["GET", "5", "5"],
])("Max-Forwards of %s %s becomes %s", (method, hops, expected) => {
  expect(valuesOf(sent(["Max-Forwards", hops], {}, method), "max-forwards")).toEqual([expected]);
});

describe("a variant's header changes", () => {
  test("experiment and variant are named, and cannot be forged", () => {
    const fields = sent(["X-Sluice-Variant", "forged"], { experiment: "e", variant: "v" });
    expect(valuesOf(fields, "x-sluice-experiment")).toEqual(["e"]);
    expect(valuesOf(fields, "x-sluice-variant")).toEqual(["v"]);
  });

  test("set replaces and adds, remove takes away, also what Sluice adds", () => {
    const edits = compileHeaderEdits({
      set: { "X-Api-Key": "k", via: "1.1 other" },
      remove: ["Cookie", "X-Forwarded-For"],
    });
    const fields = sent(["cookie", "c", "x-api-key", "old", "X-API-KEY", "older", "A", "b"], {
      edits,
    });
    expect(valuesOf(fields, "x-api-key")).toEqual(["k"]);
    expect(valuesOf(fields, "via")).toEqual(["1.1 other"]);
    expect(valuesOf(fields, "cookie")).toEqual([]);
    expect(valuesOf(fields, "x-forwarded-for")).toEqual([]);
    expect(valuesOf(fields, "a")).toEqual(["b"]);
  });

  test("framing and Sluice's own names are not up for change", () => {
    const names = [
      "Host",
      "Content-Length",
      "Transfer-Encoding",
      "Connection",
      "TE",
      "Upgrade",
      "Expect",
      "Trailer",
      "X-Sluice-Variant",
    ];
    const set = Object.fromEntries(names.map((name) => [name, "x"]));
    expect(compileHeaderEdits({ set, remove: names })).toBeNull();
    expect(compileHeaderEdits({ set: {}, remove: [] })).toBeNull();
  });
});

describe("responses", () => {
  const plain = { version: "1.1" as const, requestId: null, variant: null, setCookie: null };

  function answered(headers: readonly string[], context = {}): (readonly [string, string])[] {
    return pairs(writeResponseFields(headers, { ...plain, ...context }));
  }

  test("hop-by-hop, framing and Connection-listed fields end here; the rest keeps order and spelling", () => {
    const headers = [
      "Date",
      "d",
      "Connection",
      "x-hop",
      "connection",
      "close",
      "X-Hop",
      "1",
      "Keep-Alive",
      "timeout=5",
      "Transfer-Encoding",
      "chunked",
      "Content-Length",
      "3",
      "Upgrade",
      "h2c",
      "Proxy-Authenticate",
      "Basic",
      "Set-Cookie",
      "a=b",
      "SET-COOKIE",
      "c=d",
      "Content-Encoding",
      "gzip",
      "Trailer",
      "X-T",
      "x-sluice-variant",
      "forged",
    ];
    expect(answered(headers)).toEqual([
      ["Date", "d"],
      ["Set-Cookie", "a=b"],
      ["SET-COOKIE", "c=d"],
      ["Content-Encoding", "gzip"],
      ["Trailer", "X-T"],
      ["via", "1.1 sluice"],
    ]);
  });

  test("request id, variant and cookie are added", () => {
    const context = { version: "1.0", requestId: "r", variant: "v", setCookie: "u=1; Path=/" };
    expect(answered(["Set-Cookie", "a=b", "Via", "1.1 x"], context)).toEqual([
      ["Set-Cookie", "a=b"],
      ["Via", "1.1 x"],
      ["via", "1.0 sluice"],
      ["x-request-id", "r"],
      ["x-sluice-variant", "v"],
      ["set-cookie", "u=1; Path=/"],
    ]);
  });

  test("the upstream's request id stays", () => {
    expect(
      valuesOf(answered(["X-Request-ID", "theirs"], { requestId: "ours" }), "x-request-id"),
    ).toEqual(["theirs"]);
  });
});

test("trailers: framing, routing and Connection-listed fields do not pass", () => {
  const trailers = [
    "Grpc-Status",
    "0",
    "Content-Length",
    "9",
    "Transfer-Encoding",
    "chunked",
    "Host",
    "h",
    "Set-Cookie",
    "a=b",
    "Authorization",
    "x",
    "Content-Type",
    "t",
    "Trailer",
    "x",
    "X-Hop",
    "1",
    "x-sluice-variant",
    "v",
    "X-Forwarded-For",
    "1.2.3.4",
    "X-Checksum",
    "c",
  ];
  expect(pairs(writeTrailerFields(["Connection", "close, x-hop"], trailers))).toEqual([
    ["Grpc-Status", "0"],
    ["X-Checksum", "c"],
  ]);
});

describe("the memo of a connection", () => {
  const plain = { method: "GET", target: "/", headers: [] };

  test("is used while host and version stay, and not when they change", () => {
    const context = contextOf({ random: { hex32: () => "c".repeat(32) } });
    const first = writeRequestFields(plain, context);
    expect(writeRequestFields(plain, context)).toBe(first);
    context.host = "other.test";
    expect(writeRequestFields(plain, context)).toContain("x-forwarded-host: other.test\r\n");
    context.version = "1.0";
    expect(writeRequestFields(plain, context)).toContain("via: 1.0 sluice\r\n");
  });

  test("never carries one client's forwarding fields to the next behind a trusted proxy", () => {
    const context = contextOf({ peerTrusted: true, random: { hex32: () => "c".repeat(32) } });
    const withFor = (address: string) => ({ ...plain, headers: ["X-Forwarded-For", address] });
    expect(writeRequestFields(withFor("203.0.113.1"), context)).toContain("203.0.113.1, 192.0.2.1");
    expect(writeRequestFields(withFor("203.0.113.2"), context)).toContain("203.0.113.2, 192.0.2.1");
    expect(writeRequestFields(plain, context)).toContain("x-forwarded-for: 192.0.2.1\r\n");
  });
});
