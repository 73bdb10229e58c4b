import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportSchema } from "../../src/wire/report-api.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const run = promisify(execFile);
const command = new URL("../../src/main/sluice.ts", import.meta.url).pathname;

let folder: string;
let upstream: TestUpstream;
let sluice: TestSluice;
/** Stands for a language model: it repeats a number that it was told. */
let model: TestUpstream;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-report-"));
  upstream = await startUpstream();
  model = await startUpstream("model");
  model.respond((request, response) => {
    let told = "";
    request.setEncoding("utf8").on("data", (piece: string) => (told += piece));
    request.on("end", () => {
      const content = `Among ${/of (\d+) users/.exec(told)?.[1]} users <b>nothing</b> stood out.`;
      response.end(JSON.stringify({ choices: [{ message: { content } }] }));
    });
  });
  sluice = await startTestSluice(`${freePorts()}
insights: { url: "${model.url}/v1", model: tiny, api_key: model-secret }
store: { sqlite: "${join(folder, "sluice.db")}" }
upstreams:
  full: { url: "${upstream.url}" }
  compact: { url: "${upstream.url}" }
routes:
  - { match: "POST /query", experiment: two_models }
experiments:
  two_models:
    variants:
      full: { upstream: full, control: true }
      compact: { upstream: compact, headers: { set: { x-api-key: "inner-secret" } } }
    assignment: { user: [ "header:x-user-id" ] }
    analysis: { primary: latency_mean, min_effect_size: 0.05 }
`);
  for (let at = 0; at < 160; at += 1) {
    const response = await fetch(`${sluice.url}/query`, {
      method: "POST",
      headers: { "x-user-id": `user-${at}` },
      body: "{}",
    });
    await response.arrayBuffer();
  }
});

afterAll(async () => {
  await sluice.stop();
  await Promise.all([upstream.close(), model.close()]);
  rmSync(folder, { recursive: true });
});

async function report(query: string): Promise<Response> {
  return fetch(`${sluice.adminUrl}/v1/experiments/two_models/report${query}`);
}

describe("a report of traffic that was", { timeout: 120_000 }, () => {
  it("holds what was measured, compared and written down", async () => {
    const read = async () => reportSchema.parse(await (await report("")).json());
    await expect
      .poll(async () =>
        (await read()).facts.breakdown?.variants.reduce((sum, { requests }) => sum + requests, 0),
      )
      .toBe(160);
    const { facts, document } = await read();
    expect(facts.kind).toBe("ab");
    expect(facts.missing).toEqual([]);
    expect(facts.comparison?.metrics[0]).toMatchObject({ metric: "latency_mean", primary: true });
    expect(facts.history?.at_ms.length).toBeGreaterThan(0);
    expect(facts.config.text).not.toContain("inner-secret");
    expect(document.sections.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        "summary",
        "next",
        "effect",
        "time",
        "latency",
        "outcomes",
        "method",
        "configuration",
      ]),
    );
  });

  it("has a language model's words in a box of their own, in every format, unless they are not wanted", async () => {
    const words = "Among 160 users <b>nothing</b> stood out.";
    const before = model.requests.length;
    const { facts } = reportSchema.parse(await (await report("")).json());
    expect(facts.insights).toEqual({ kind: "written", model: "tiny", paragraphs: [words] });
    expect(await (await report("?format=md")).text()).toContain(
      "> **In the words of a language model**\n>\n> Among 160 users \\<b\\>nothing\\</b\\> stood out.\n>\n> _Written by tiny",
    );
    expect(await (await report("?format=html")).text()).toMatch(
      /<div class="narrative" role="note">.*Among 160 users &lt;b&gt;nothing.*Written by tiny[^<]*<\/p><\/div>/,
    );
    expect(model.requests.length - before).toBe(3);
    const without = reportSchema.parse(await (await report("?insights=false")).json());
    expect(without.facts.insights).toBeNull();
    await (await report("?format=csv")).arrayBuffer();
    expect(model.requests.length - before).toBe(3);
    const config = await (await fetch(`${sluice.adminUrl}/v1/config`)).text();
    expect(config + facts.config.text + JSON.stringify(sluice.logs)).not.toContain("model-secret");
    expect(config).toContain('api_key: "[redacted]"');
  });

  it("goes without them when the model fails, and says so in the report and in the log", async () => {
    model.respond((_request, response) => void response.writeHead(503).end());
    const { facts } = reportSchema.parse(await (await report("")).json());
    expect(facts.insights).toMatchObject({ kind: "dropped", reason: "its server answered 503" });
    await sluice.logged({ msg: "a report goes without its insights", experiment: "two_models" });
  });

  it("is a page and a PDF, made while traffic goes on", async () => {
    const html = await report("?format=html");
    expect(html.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await html.text()).toContain('<h2 id="effect">');
    const pdf = await report("?format=pdf");
    expect([pdf.status, pdf.headers.get("content-type")]).toEqual([200, "application/pdf"]);
    expect(pdf.headers.get("content-disposition")).toMatch(
      /^attachment; filename="sluice-two_models-\d{8}T\d{4}\.pdf"$/,
    );
    expect(
      Buffer.from(await pdf.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe("%PDF-");
  });

  it("a third at the same time is told to come back", async () => {
    const answers = await Promise.all(Array.from({ length: 3 }, () => report("?format=pdf")));
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other);
    expect(statuses).toEqual([200, 200, 503]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect((await report("")).status).toBe(200);
  });

  it("comes from the command line, and is rendered again from its own JSON elsewhere", async () => {
    const path = join(folder, "report.json");
    const admin = ["--admin", sluice.adminUrl];
    await run(process.execPath, [
      command,
      "report",
      "two_models",
      ...admin,
      "--format",
      "json",
      "-o",
      path,
    ]);
    const facts = reportSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    expect(facts.facts.experiment).toBe("two_models");
    const pdf = join(folder, "report.pdf");
    const { stderr } = await run(process.execPath, [
      command,
      "report",
      "--from",
      path,
      "--format",
      "pdf",
      "-o",
      pdf,
    ]);
    expect(stderr).toBe(`wrote ${pdf}\n`);
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe("%PDF-");
  });
});
