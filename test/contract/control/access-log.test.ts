import { expect, test } from "vitest";
import { createLog } from "../../../src/control/access-log.ts";
import type { LogPolicy } from "../../../src/core/config/model.ts";
import type { AccessRecord } from "../../../src/wire/messages.ts";

const record: AccessRecord = {
  atMs: 1_700_000_000_000,
  requestId: "r1",
  method: "POST",
  path: "/embeddings",
  status: 200,
  outcome: "success",
  experiment: "e",
  variant: "new",
  route: "POST /embeddings",
  upstream: "b",
  durationMs: 12.3456789,
  firstByteMs: null,
  bytesIn: 10,
  bytesOut: 20,
  retries: 0,
  code: null,
};

function collect(level: LogPolicy["level"]) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, log: createLog(level, { write }) };
}

test("one line for each exchange, times in milliseconds with three digits", () => {
  const { lines, log } = collect("info");
  log.access([record, { ...record, requestId: "r2", firstByteMs: 1.0004 }]);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({
    level: "info",
    log: "access",
    at: "2023-11-14T22:13:20.000Z",
    request_id: "r1",
    path: "/embeddings",
    variant: "new",
    duration_ms: 12.346,
    first_byte_ms: null,
  });
  expect(lines[1]).toMatchObject({ request_id: "r2", first_byte_ms: 1 });
});

test.each([
  ["debug", 1, 1],
  ["error", 0, 1],
  ["silent", 0, 0],
] as const)(
  "at level %s there are %i lines about Sluice and %i of access",
  (level, app, access) => {
    const { lines, log } = collect("info");
    log.setLevel(level);
    log.app("info", "listening", {});
    log.access([record]);
    expect(lines.filter((line) => line.log === "access")).toHaveLength(access);
    expect(lines.filter((line) => line.msg === "listening")).toHaveLength(app);
  },
);

test("secrets that somebody passes do not get into a line", () => {
  const { lines, log } = collect("info");
  log.app("warn", "x", { token: "s3cret", headers: { authorization: "s3cret", cookie: "s3cret" } });
  expect(JSON.stringify(lines)).not.toContain("s3cret");
  expect(lines[0]).toMatchObject({ msg: "x", token: "[redacted]" });
});
