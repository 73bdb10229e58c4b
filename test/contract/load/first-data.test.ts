import { describe, expect, it } from "vitest";
import { scannerFor } from "../../../src/faces/load/first-data.ts";

describe("the first data of a stream", () => {
  it.each([
    ["text/event-stream", ["data: token\n\n"], 0],
    ["text/event-stream; charset=utf-8", [": comment\n", "event: start\n", "data: x"], 2],
    ["text/event-stream", ["da", "ta", ":", " ", "x"], 4],
    ["text/event-stream", ["data:\n\n", "data:  \r\n", "data:x"], 2],
    ["text/event-stream", ["xdata: no\n", "id: 1\r", "data: yes"], 2],
    ["Application/X-NDJSON", ['{"response":', '"a"}', "\n"], 2],
    ["application/x-ndjson", ["\n \r\n", '{"a":1}\n{"b":2}\n'], 1],
    ["application/x-ndjson", ["{}"], -1],
  ])("of %s in %j comes with piece %i", (type, pieces, expected) => {
    const scanner = scannerFor(type);
    expect(pieces.findIndex((piece) => scanner?.hasData(Buffer.from(piece)))).toBe(expected);
  });

  it.each(["application/json", "text/plain", ""])("%j is no stream", (type) => {
    expect(scannerFor(type)).toBeNull();
  });
});
