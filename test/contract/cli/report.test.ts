import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { unzipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderPdf } from "../../../src/faces/report/pdf/pdf.ts";
import { renderReport, type WholeFacts } from "../../../src/faces/report/render.ts";
import { cases } from "../../support/report/cases.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { openAdmin, type AdminPort } from "../admin/admin-port.ts";

let folder: string;
let port: AdminPort | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-report-"));
});

afterEach(async () => {
  rmSync(folder, { recursive: true });
  await port?.close();
  port = null;
});

const clearWin = cases["clear-win"] as WholeFacts;

async function jsonOf(facts: WholeFacts): Promise<string> {
  const { body } = await renderReport(facts, "json", null, renderPdf);
  return new TextDecoder().decode(body);
}

async function run(arguments_: readonly string[], files: Record<string, string> = {}) {
  return runCommandLine(["report", ...arguments_], files);
}

describe("sluice report --from", () => {
  it("every case goes through JSON and comes out the same", async () => {
    for (const [name, facts] of Object.entries(cases)) {
      const json = await jsonOf(facts as WholeFacts);
      const again = await run(["--from", "r.json", "--format", "json"], { "r.json": json });
      expect([name, again.stderr]).toEqual([name, ""]);
      expect(JSON.parse(again.stdout)).toEqual(JSON.parse(json));
      const markdown = await run(["--from", "r.json", "--format", "md"], { "r.json": json });
      const { body } = await renderReport(facts as WholeFacts, "md", null, renderPdf);
      expect(markdown.stdout).toBe(new TextDecoder().decode(body));
    }
  });

  it("--no-insights leaves out what a language model said; an older report has none", async () => {
    const insights = { kind: "written" as const, model: "m", paragraphs: ["All is well."] };
    const json = await jsonOf({ ...clearWin, insights });
    const shown = await run(["--from", "r.json"], { "r.json": json });
    expect(shown.stdout).toContain("> All is well.");
    const without = await run(["--from", "r.json", "--no-insights"], { "r.json": json });
    const older = JSON.parse(json) as { facts: { insights?: unknown; upkeep: unknown } };
    delete older.facts.insights;
    older.facts.upkeep = { history_rows_dropped: 0, answers_uninspected: {} };
    const fromOlder = await run(["--from", "r.json"], { "r.json": JSON.stringify(older) });
    expect([fromOlder.stderr, fromOlder.stdout]).toEqual(["", without.stdout]);
    expect(without.stdout).not.toContain("All is well.");
  });

  it("the published schema takes every case, and nothing else", async () => {
    const { stdout } = await run(["--schema"]);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(JSON.parse(stdout) as object);
    for (const [name, facts] of Object.entries(cases)) {
      validate(JSON.parse(await jsonOf(facts as WholeFacts)));
      expect([name, validate.errors]).toEqual([name, null]);
    }
    expect(validate({ report: "sluice.report.v1", facts: {}, document: {} })).toBe(false);
  });

  it("a history that is none is refused with its place", async () => {
    const refuse = async (change: (history: NonNullable<WholeFacts["history"]>) => void) => {
      const report = JSON.parse(await jsonOf(clearWin)) as { facts: WholeFacts };
      change(report.facts.history as NonNullable<WholeFacts["history"]>);
      const { exitCode, stderr } = await run(["--from", "r.json"], {
        "r.json": JSON.stringify(report),
      });
      return [exitCode, stderr.replace("sluice report: r.json is no report of Sluice: ", "")];
    };
    expect(
      await refuse(({ variants }) => variants["full"]?.p95_ms.splice(0, 1, "1" as never)),
    ).toEqual([2, "facts.history.variants.full.p95_ms: expected numbers or null\n"]);
    expect(
      await refuse(({ variants }) => variants["full"]?.requests.splice(0, 1, null as never)),
    ).toEqual([2, "facts.history.variants.full.requests: expected numbers\n"]);
    expect(await refuse(({ at_ms }) => at_ms.pop())).toEqual([
      2,
      "facts.history.variants.full.requests: 48 values for 47 stretches\n",
    ]);
    expect(await refuse((history) => Object.assign(history, { variants: 1 }))).toEqual([
      2,
      expect.stringMatching(/^facts\.history\.variants: /),
    ]);
    expect(
      await refuse(
        ({ variants }) => delete (variants["full"] as Partial<typeof variants.full>)?.p95_ms,
      ),
    ).toEqual([2, expect.stringMatching(/^facts\.history\.variants\.full\.p95_ms: /)]);
  });

  it("csv is written as files, or as a zip, or one part to standard output", async () => {
    const files = { "r.json": await jsonOf(clearWin) };
    const csv = ["--from", "r.json", "--format", "csv"];
    expect((await run([...csv, "-o", `${folder}/new/`], files)).exitCode).toBe(0);
    expect(readdirSync(join(folder, "new")).toSorted()).toEqual([
      "histogram.csv",
      "summary.csv",
      "time_series.csv",
    ]);
    expect((await run([...csv, "-o", join(folder, "r.zip")], files)).exitCode).toBe(0);
    const zip = unzipSync(new Uint8Array(readFileSync(join(folder, "r.zip"))));
    expect(Object.keys(zip)).toContain("time_series.csv");
    expect((await run([...csv, "--part", "summary"], files)).stdout).toMatch(/^experiment,outcome/);
    expect((await run([...csv, "-o", join(folder, "r.csv")], files)).exitCode).toBe(2);
  });

  it("says in one line what is wrong, and leaves no file behind", async () => {
    const json = await jsonOf(clearWin);
    writeFileSync(join(folder, "a-file"), "");
    const table: readonly [readonly string[], number, RegExp][] = [
      [["--from", "missing.json"], 2, /missing\.json cannot be read/],
      [["--from", "broken.json"], 2, /broken\.json is no JSON/],
      [["--from", "other.json"], 2, /other\.json is no report of Sluice: report: /],
      [["another", "--from", "r.json"], 2, /is a report of two_models, not of another/],
      [["--from", "r.json", "--format", "docx"], 2, /--format: expected json, csv, md/],
      [
        ["--from", "r.json", "--since", "2026-11-28T10:00:00Z"],
        2,
        /--since and --until go to a running Sluice/,
      ],
      [
        ["--from", "r.json", "--format", "md", "-o", `${folder}/none/r.md`],
        1,
        /none\/r\.md cannot be written: there is no such folder/,
      ],
      [
        ["--from", "r.json", "--format", "md", "-o", folder],
        1,
        /cannot be written: it is a folder/,
      ],
      [
        ["--from", "r.json", "--format", "md", "-o", `${folder}/a-file/r.md`],
        1,
        /cannot be written: a part of the path is a file/,
      ],
      [["x", "--since", "yesterday"], 2, /--since: expected a time such as/],
      [[], 2, /name the experiment, or a JSON report/],
      [["x", "--admin", "nowhere"], 2, /--admin is no URL/],
    ];
    const files = { "r.json": json, "broken.json": "{", "other.json": "{}" };
    for (const [arguments_, code, message] of table) {
      const { exitCode, stderr, stdout } = await run(arguments_, files);
      expect([arguments_, exitCode, stdout]).toEqual([arguments_, code, ""]);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
    expect(readdirSync(folder)).toEqual(["a-file"]);
  });

  it("a file that cannot be replaced stays as it was", async () => {
    const path = join(folder, "r.md");
    writeFileSync(path, "before");
    writeFileSync(`${path}.${process.pid}.part`, "somebody else's");
    const { exitCode, stderr } = await run(["--from", "r.json", "-o", path], {
      "r.json": await jsonOf(clearWin),
    });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("cannot be written")]);
    expect(readFileSync(path, "utf8")).toBe("before");
  });
});

describe("sluice report EXPERIMENT", () => {
  it("asks the admin port, and renders what it answers", async () => {
    port = await openAdmin({ token: "t0ken" });
    const admin = ["--admin", `http://127.0.0.1:${port.port}`, "--token", "t0ken"];
    const shown = await run(["embeddings", ...admin]);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/^# embeddings\n/);
    const path = join(folder, "r.json");
    expect((await run(["embeddings", ...admin, "--format", "json", "-o", path])).exitCode).toBe(0);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ report: "sluice.report.v1" });
  });

  it("says in one line what is wrong", async () => {
    port = await openAdmin();
    const url = `http://127.0.0.1:${port.port}`;
    const unknown = await run(["nothing", "--url", url]);
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('No experiment has the key "nothing"'),
    ]);
    const range = ["--since", "2026-11-28T10:00:00Z", "--until", "2026-11-28T11:00:00Z"];
    const path = join(folder, "r.md");
    const empty = await run(["embeddings", "--url", url, ...range, "-o", path]);
    expect([empty.exitCode, empty.stderr]).toEqual([
      1,
      "sluice report: nothing was measured of embeddings from 2026-11-28 10:00 to 2026-11-28 11:00 UTC; nothing was written\n",
    ]);
    await port.close();
    const away = await run(["embeddings", "--url", url]);
    expect([away.exitCode, away.stderr]).toEqual([
      1,
      expect.stringMatching(/cannot be reached: .*\n$/),
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
