import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LoadReport } from "../../../src/core/load/report.ts";
import { runCommandLine } from "../../support/command-line.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

let upstream: TestUpstream;
let folder: string;

beforeEach(async () => {
  upstream = await startUpstream();
  folder = mkdtempSync(join(tmpdir(), "sluice-load-"));
});
afterEach(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true });
});

/** Busy neighbours of the test must not decide its exit code. */
const always = ["--allow-invalid", "-q"];

function load(args: readonly string[], files: Record<string, string> = {}) {
  return runCommandLine(["load", ...args, ...always], files);
}

describe("sluice load URL", () => {
  it("says what it saw, and ends with 0", async () => {
    const { exitCode, stdout } = await load([upstream.url, "-u", "2", "-n", "20", "--seed", "7"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Load on ${upstream.url}: closed model, 2 users, not corrected`);
    expect(stdout).toContain("seed 7");
    expect(stdout).toMatch(/achieved +[\d.]+ requests\/s: 20 in/);
    expect(stdout).toMatch(/statuses +200 20/);
    expect(stdout).toMatch(
      /ms +mean +p50 +p75 +p90 +p95 +p99 +p99\.9 +p99\.99 +max\n +response time( +[\d.]+){9}\n/,
    );
  });

  it("sends what the options say", async () => {
    const { exitCode } = await load([
      `${upstream.url}/ask?user={{user}}`,
      "-n",
      "3",
      "-u",
      "1",
      "-X",
      "PUT",
      "-b",
      '{"n":{{request}}}',
      "-H",
      "X-Key: a:b",
    ]);
    expect(exitCode).toBe(0);
    expect(upstream.requests[2]).toMatchObject({
      method: "PUT",
      url: "/ask?user=user-0001",
      headers: { "x-key": "a:b", "content-type": "application/json", "content-length": "7" },
    });
  });

  it("writes JSON, CSV and the distribution, and leaves nothing half-made", async () => {
    const [json, csv, hgrm] = ["r.json", "r.csv", "r.hgrm"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const { exitCode } = await load([
      upstream.url,
      "-u",
      "1",
      "-n",
      "30",
      "--json",
      json,
      "--csv",
      csv,
      "--hgrm",
      hgrm,
    ]);
    expect(exitCode).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual(["r.csv", "r.hgrm", "r.json"]);
    const report = JSON.parse(readFileSync(json, "utf8")) as LoadReport;
    expect(report).toMatchObject({
      version: 1,
      target: upstream.url,
      all: { ended: 30, failed: 0 },
    });
    const [header, ...rows] = readFileSync(csv, "utf8").trimEnd().split("\n");
    expect(header).toBe(
      "time,elapsed_s,phase,due,started,ended,failed,dropped,missed,retries,in_flight,bytes,p50_ms,p95_ms,p99_ms,max_ms",
    );
    expect(rows).toHaveLength(report.series.length);
    expect(rows[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,0,/);
    const counted = rows
      .map((row) => Number(row.split(",")[5]))
      .reduce((sum, ended) => sum + ended, 0);
    expect(counted).toBe(30);
    const lines = readFileSync(hgrm, "utf8").trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ +Value +Percentile +TotalCount 1\/\(1-Percentile\)$/);
    expect(lines.find((line) => line.startsWith("#[Max"))).toMatch(/Total count +=\s+30\]/);
  });

  it("--json - leaves stdout to the machine", async () => {
    const line = ["load", upstream.url, "-u", "1", "-n", "3", "--json", "-", "--allow-invalid"];
    const { stdout, stderr } = await runCommandLine(line);
    expect((JSON.parse(stdout) as LoadReport).all.ended).toBe(3);
    expect(stderr).toContain("Load on");
    const quiet = await runCommandLine([...line, "-q"]);
    expect((JSON.parse(quiet.stdout) as LoadReport).all.ended).toBe(3);
    expect(quiet.stderr).toBe("");
  });
});

describe("thresholds", () => {
  it("that hold end with 0, and are ticked", async () => {
    const { exitCode, stdout } = await load([
      upstream.url,
      "-u",
      "1",
      "-n",
      "5",
      "-t",
      "http_req_duration: p(95)<1h",
      "-t",
      "http_req_failed: rate<1%",
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/✓ http_req_duration: p\(95\)<1h +[\d.]+ ms/);
    expect(stdout).toMatch(/✓ http_req_failed: rate<1% +0\.00 %/);
  });

  it("that are broken end with 3, and so do those of which nothing was measured", async () => {
    upstream.respond((_request, response) => void response.writeHead(500).end());
    const broken = await load([
      upstream.url,
      "-u",
      "1",
      "-n",
      "5",
      "-t",
      "http_req_failed: rate<1%",
    ]);
    expect(broken.exitCode).toBe(3);
    expect(broken.stdout).toMatch(/✗ http_req_failed: rate<1% +100\.00 %/);
    const never = await load([
      upstream.url,
      "-u",
      "1",
      "-n",
      "5",
      "-t",
      "http_reqs{variant:new}: count>0",
    ]);
    expect(never.exitCode).toBe(3);
    expect(never.stdout).toMatch(/✗ http_reqs\{variant:new\}: count>0 +nothing was measured/);
  });

  it("end the run where they say so", async () => {
    upstream.respond((_request, response) => void response.writeHead(500).end());
    const { exitCode, stdout } = await load([
      upstream.url,
      "-r",
      "50",
      "-d",
      "1h",
      "-t",
      "http_req_failed: rate<1%",
      "--abort-on-fail",
    ]);
    expect(exitCode).toBe(3);
    expect(stdout).toContain("by the threshold http_req_failed: rate<1%");
  });
});

describe("sluice load SCENARIO", () => {
  it("takes endpoints and body files from beside the file, and options before the file", async () => {
    const scenario = `
target: ${upstream.url}
users: 1
requests: 1000
endpoints:
  ask: { request: POST /ask, body_file: questions.csv, body: { q: "{{data.question}}" } }
`;
    const { exitCode, stdout } = await load(["dir/s.yaml", "--requests", "4"], {
      "dir/s.yaml": scenario,
      [resolve("dir", "questions.csv")]: "question\nwhy?\nhow?\n",
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/: 4 in/);
    expect(upstream.requests.map(({ url }) => url)).toEqual(["/ask", "/ask", "/ask", "/ask"]);
  });

  it("tells every mistake with its line, or its option", async () => {
    const { exitCode, stderr } = await load(["s.yaml", "-d", "soon"], {
      "s.yaml": `target: ${upstream.url}\nrate: 5\nstages: 1s@5\nthresholds: { http_req_failed: rate<x }\n`,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toBe("sluice load: --for: expected a duration such as 250ms, 5s, 10m or 24h\n");
    const second = await load(["s.yaml"], {
      "s.yaml": `target: ${upstream.url}\nrate: 5\nstages: 1s@5\nthresholds: { http_req_failed: rate<x }\n`,
    });
    expect(second.stderr).toBe(
      "s.yaml:2:7 rate: does not go with stages: each stage has a rate of its own\n" +
        's.yaml:4:32 thresholds.http_req_failed[0]: "x" is no limit, such as 0.01 or 1%\n',
    );
  });
});

describe("bad usage", () => {
  it.each([
    [["http://192.0.2.1/"], 2, "192.0.2.1 is not this machine"],
    [
      ["http://192.0.2.1/", "--allow-host", "192.0.2.2"],
      2,
      "--allow-host names 192.0.2.2, which is not",
    ],
    [["localhost:8080"], 2, "a URL begins with http://"],
    [["ftp://localhost/"], 2, "URL: expected a URL such as http://localhost:8080"],
    [["http://localhost/", "-H", "nocolon"], 2, '--header: expected "NAME: VALUE"'],
    [["http://localhost/", "-t", "p(95)<5"], 2, "--threshold: expected METRIC: CONDITION"],
    [
      ["http://localhost/", "-t", "http_req_duraton: p(95)<5"],
      2,
      "--threshold: no metric is named",
    ],
    [["http://localhost/", "-r", "0"], 2, "--rate: expected a number, 0.001…100000"],
    [["http://localhost/", "--stage", "5"], 2, "--stage: expected a stage such as 30s@100"],
    [["http://localhost/", "--body-file", "gone"], 2, "--body-file: gone cannot be read"],
    [["http://localhost/", "--expect-status", "2"], 2, "--expect-status: expected a status"],
    [["http://localhost/", "-u", "10001"], 2, "--users: expected a whole number, 1…10000"],
    [["http://localhost/", "--nonsense"], 2, "unknown option"],
    [["s.yaml", "-b", "x"], 2, "--body goes with a URL"],
    [["http://127.0.0.1:1/"], 1, "http://127.0.0.1:1 cannot be reached: connect ECONNREFUSED"],
    [["http://127.0.0.1:1/", "--csv", "/nowhere/x.csv"], 1, "/nowhere/x.csv cannot be written"],
    [["http://127.0.0.1:1/", "--json", "/"], 1, "/ cannot be written: it is a directory"],
  ])("%j ends with %i: %s", async (args, code, message) => {
    const { exitCode, stdout, stderr } = await load(args, {
      "s.yaml": "target: http://localhost\n",
    });
    expect([exitCode, stdout]).toEqual([code, ""]);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("a target that answers nothing is a failure, and leaves no file", async () => {
    upstream.respond((request) => request.socket.destroy());
    const json = join(folder, "r.json");
    const unreachable = await load(["http://127.0.0.1:1/", "--json", json]);
    expect(unreachable.exitCode).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
    const { exitCode, stderr } = await load([upstream.url, "-u", "1", "-n", "3"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("answered none of 3 requests");
  });
});

describe("Ctrl-C", () => {
  const program = new URL("../../../src/main/sluice.ts", import.meta.url).pathname;

  function start(args: readonly string[]) {
    const child = spawn(
      process.execPath,
      [program, "load", upstream.url, ...args, "--allow-invalid"],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    return { child, output };
  }

  it("ends cleanly, with the summary and the files", async () => {
    const csv = join(folder, "r.csv");
    const { child, output } = start(["-r", "50", "-d", "1h", "--csv", csv]);
    try {
      await upstream.until(20);
      child.kill("SIGINT");
      expect(await once(child, "close")).toEqual([1, null]);
      expect(output.stdout).toMatch(/ended early +interrupted/);
      expect(output.stderr).toContain("interrupted: waiting for what is under way");
      expect(readdirSync(folder)).toEqual(["r.csv"]);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("twice ends at once, and leaves no half-made file", async () => {
    upstream.respond(() => {});
    const { child, output } = start(["-u", "5", "-d", "1h", "--json", join(folder, "r.json")]);
    try {
      await upstream.until(5);
      child.kill("SIGINT");
      await expect.poll(() => output.stderr).toContain("interrupted");
      const again = setInterval(() => child.kill("SIGINT"), 100);
      try {
        expect(await once(child, "close")).toEqual([130, null]);
      } finally {
        clearInterval(again);
      }
      expect(output.stdout).toBe("");
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
