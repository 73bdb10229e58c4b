import { strFromU8, unzipSync } from "fflate";
import { afterEach, describe, expect, it } from "vitest";
import { reportSchema } from "../../../src/wire/report-api.ts";
import { ask, openAdmin, type AdminPort } from "./admin-port.ts";

let port: AdminPort | null = null;

afterEach(async () => {
  await port?.close();
  port = null;
});

async function report(query: string, headers: Record<string, string> = {}) {
  port ??= await openAdmin();
  return ask(port.port, `/v1/experiments/embeddings/report${query}`, { headers });
}

describe("GET /v1/experiments/:experiment/report", () => {
  it("is JSON that the published schema takes, with the configuration's secrets left out", async () => {
    port = await openAdmin({
      token: "very-secret",
      text: `admin: { token: very-secret }
upstreams:
  full: { url: "http://127.0.0.1:9001" }
routes:
  - { match: "/**", experiment: embeddings }
experiments:
  embeddings:
    variants:
      full: { upstream: full, control: true, headers: { set: { authorization: "Bearer inner-secret" } } }
      compact: { upstream: full, headers: { set: { x-compact: "1" } } }
`,
    });
    const answer = await report("", { authorization: "Bearer very-secret" });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["content-disposition"]).toBe(
      'attachment; filename="sluice-embeddings-20261128T1200.json"',
    );
    const { facts } = reportSchema.parse(JSON.parse(answer.text));
    expect(facts).toMatchObject({
      experiment: "embeddings",
      generated_at: "2026-11-28T12:00:00.000Z",
    });
    expect(facts.config.text).toContain("embeddings:");
    expect(answer.text).not.toMatch(/very-secret|inner-secret/);
  });

  it("is rendered as format says, else as Accept does", async () => {
    const typeOf = async (query: string, accept?: string) => {
      const { status, headers } = await report(query, accept === undefined ? {} : { accept });
      return [status, headers["content-type"]];
    };
    expect(await typeOf("?format=md")).toEqual([200, "text/markdown; charset=utf-8"]);
    expect(await typeOf("?format=csv")).toEqual([200, "application/zip"]);
    expect(await typeOf("?format=csv&part=summary")).toEqual([
      200,
      "text/csv; charset=utf-8; header=present",
    ]);
    expect(await typeOf("", "text/markdown")).toEqual([200, "text/markdown; charset=utf-8"]);
    expect(await typeOf("", "image/png, text/markdown;q=0.5, */*;q=0.1")).toEqual([
      200,
      "text/markdown; charset=utf-8",
    ]);
    expect(await typeOf("", "*/*")).toEqual([200, "application/json"]);
    expect((await typeOf("", "image/png"))[0]).toBe(406);
    expect((await typeOf("", "text/markdown;q=0"))[0]).toBe(406);
    expect(await typeOf("?format=json", "text/markdown")).toEqual([200, "application/json"]);
  });

  it("csv is a zip of three files", async () => {
    port = await openAdmin();
    const response = await fetch(
      `http://127.0.0.1:${port.port}/v1/experiments/embeddings/report?format=csv`,
    );
    const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
    expect(Object.keys(files)).toEqual(["summary.csv", "time_series.csv", "histogram.csv"]);
    expect(strFromU8(files["summary.csv"] as Uint8Array)).toMatch(/^experiment,outcome,/);
  });

  it("has the range that was asked for, and never one of the future", async () => {
    const of = async (query: string) => {
      const { text } = await report(query);
      return reportSchema.parse(JSON.parse(text)).facts.range;
    };
    expect(await of("?from=2026-11-28T10:00:00%2B01:00&to=2027-01-01T00:00:00Z")).toEqual({
      from: "2026-11-28T09:00:00.000Z",
      to: "2026-11-28T12:00:00.000Z",
    });
    expect(await of("")).toEqual({
      from: "2026-11-28T11:00:00.000Z",
      to: "2026-11-28T12:00:00.000Z",
    });
  });

  it("says what is wrong with a query, and which experiment there is none of", async () => {
    const problem = async (query: string) => {
      const { status, text } = await report(query);
      return [status, (JSON.parse(text) as { code: string }).code];
    };
    for (const query of [
      "?format=docx",
      "?from=yesterday",
      "?from=2026-11-28T10:00:00Z&to=2026-11-28T10:00:00Z",
      "?from=2026-11-29T10:00:00Z",
      "?format=md&part=summary",
      "?points=1",
      "?colour=red",
    ]) {
      expect([query, ...(await problem(query))]).toEqual([query, 400, "bad_query"]);
    }
    port ??= await openAdmin();
    const unknown = await ask(port.port, "/v1/experiments/%3Cb%3E/report");
    expect([unknown.status, JSON.parse(unknown.text)]).toMatchObject([
      404,
      { code: "unknown_experiment" },
    ]);
    const posted = await ask(port.port, "/v1/experiments/embeddings/report", { method: "POST" });
    expect([posted.status, posted.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  it("one more than are made at a time is told to come back", async () => {
    port = await openAdmin({ limits: { reportsMax: 0 } });
    const { status, headers, text } = await report("");
    expect([status, headers["retry-after"], JSON.parse(text)]).toMatchObject([
      503,
      "2",
      { code: "busy" },
    ]);
  });
});
