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

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-report-"));
  upstream = await startUpstream();
  sluice = await startTestSluice(`${freePorts()}
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
  await upstream.close();
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
