import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestProperty, responseProperty } from "../../support/fuzz/properties.ts";
import { readWithNodeClient, readWithNodeServer } from "../../support/fuzz/node-reading.ts";
import { requestBytes } from "../../support/fuzz/messages.ts";
import { readRequests } from "../../support/fuzz/sluice-reading.ts";

/** The seed is fixed so that a run can be repeated; `npm run fuzz` draws others. */
const seed = 20_261_123;

describe("differential fuzz against node:http", () => {
  it("the oracle tells messages apart and sees truncation", async () => {
    const two = await readWithNodeServer(
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
    );
    expect(two.messages).toMatchObject([
      { target: "/a", whole: true },
      { target: "/b", content: "hi", whole: true },
    ]);
    expect(
      (
        await readWithNodeServer(
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
      ).refused,
    ).not.toBeNull();
    expect(
      await readWithNodeClient("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"),
    ).toMatchObject({ whole: false });
  });

  it("most generated requests are taken, and many are refused", () => {
    const ends = { clean: 0, refused: 0, waiting: 0 };
    const readings = fc.sample(requestBytes, { seed, numRuns: 1000 });
    for (const text of readings) ends[readRequests([Buffer.from(text, "latin1")]).end] += 1;
    expect(ends.clean).toBeGreaterThan(200);
    expect(ends.refused).toBeGreaterThan(200);
  });

  it("10,000 requests: what Sluice forwards, llhttp reads as the same messages", async () => {
    await fc.assert(requestProperty, { seed, numRuns: 10_000 });
  }, 300_000);

  it("10,000 responses: the same towards the client", async () => {
    await fc.assert(responseProperty, { seed, numRuns: 10_000 });
  }, 300_000);
});
