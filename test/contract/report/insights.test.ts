import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { composeReport } from "../../../src/core/report/compose.ts";
import { explainReport } from "../../../src/faces/report/insights.ts";
import { realTimers } from "../../../src/main/system.ts";
import { cases, clearWin } from "../../support/report/cases.ts";
import type { ReportFacts } from "../../../src/core/report/facts.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let server: TestUpstream;
let asked = "";

beforeAll(async () => {
  server = await startUpstream();
});
afterAll(() => server.close());

function policyOf({ url = server.url, timeoutMs = 20_000 } = {}) {
  return { url: `${url}/v1`, model: "qwen2.5", apiKey: "sk-very-secret", timeoutMs };
}

/** The server answers each request like this. */
function answer(write: (response: ServerResponse) => void): void {
  server.respond((request, response) => {
    asked = "";
    request.setEncoding("utf8").on("data", (piece: string) => (asked += piece));
    request.on("end", () => write(response));
  });
}

function completion(content: unknown): string {
  return JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content } }] });
}

const good = "compact needs 173 ms on average, full 211 ms.\n\nThat is 18 percent less.";

describe("a language model that is asked to explain a report", () => {
  it("gets figures and its key, once, and what it says is kept and marked", async () => {
    answer((response) => void response.end(completion(good)));
    const before = server.requests.length;
    const insights = await explainReport(clearWin, policyOf(), realTimers);
    expect(insights).toEqual({
      kind: "written",
      model: "qwen2.5",
      paragraphs: ["compact needs 173 ms on average, full 211 ms.", "That is 18 percent less."],
    });
    expect(server.requests.slice(before)).toMatchObject([
      {
        method: "POST",
        url: "/v1/chat/completions",
        headers: { authorization: "Bearer sk-very-secret" },
      },
    ]);
    expect(JSON.parse(asked)).toMatchObject({
      model: "qwen2.5",
      stream: false,
      messages: [{ role: "system" }, { role: "user" }],
    });
    const [summary] = composeReport({ ...clearWin, insights }).sections;
    expect(summary?.blocks.at(-1)).toMatchObject({
      kind: "narrative",
      mark: expect.stringContaining("Written by qwen2.5") as string,
    });
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    [
      "that invents a number",
      (response) => void response.end(completion("compact is 37 % faster.")),
      "it named 37 %, which is not among the facts",
    ],
    [
      "that answers with an error",
      (response) => void response.writeHead(500).end("sk-very-secret"),
      "its server answered 500",
    ],
    [
      "that sends elsewhere",
      (response) => void response.writeHead(307, { location: "/v1/chat/completions" }).end(),
      "its server answered 307",
    ],
    [
      "whose answer has no end",
      (response) => {
        const more = (): void => void (response.write("x".repeat(16_384)) && setImmediate(more));
        response.on("drain", more).on("error", () => {});
        more();
      },
      "its answer was longer than 64KiB",
    ],
    ["that answers in HTML", (response) => void response.end("<p>hi"), "its answer was no JSON"],
    [
      "that answers something else",
      (response) => void response.end('{"choices":[]}'),
      "its answer was no chat completion",
    ],
    [
      "that answers with nothing",
      (response) => void response.end(completion(null)),
      "its answer was no chat completion",
    ],
    [
      "that breaks off",
      (response) => {
        response.writeHead(200, { "content-length": "100" }).write("{");
        response.destroy();
      },
      "its server could not be asked (UND_ERR_SOCKET)",
    ],
  ])("%s leaves the report as it is, and a word why", async (_what, write, reason) => {
    answer(write);
    const insights = await explainReport(clearWin, policyOf(), realTimers);
    expect(insights).toEqual({ kind: "dropped", model: "qwen2.5", reason });
    const [summary] = composeReport({ ...clearWin, insights }).sections;
    expect(summary?.blocks.at(-1)).toMatchObject({
      kind: "note",
      text: expect.stringContaining(reason) as string,
    });
  });

  it("that is slow, or not there, is not waited for", async () => {
    answer((response) => void response.writeHead(200).write(" "));
    expect(await explainReport(clearWin, policyOf({ timeoutMs: 50 }), realTimers)).toMatchObject({
      reason: "it did not answer within 50ms",
    });
    const nowhere = policyOf({ url: "http://127.0.0.1:9" });
    expect(await explainReport(clearWin, nowhere, realTimers)).toMatchObject({
      reason: "its server could not be asked (ECONNREFUSED)",
    });
  });

  it("is not asked where nothing was measured, or where there is none", async () => {
    const before = server.requests.length;
    expect(await explainReport(cases["empty"] as ReportFacts, policyOf(), realTimers)).toBeNull();
    expect(await explainReport(clearWin, null, realTimers)).toBeNull();
    expect(server.requests).toHaveLength(before);
  });
});
