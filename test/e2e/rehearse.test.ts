import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StageResult } from "../../src/core/rehearsal/stage.ts";
import type { RehearsalResult } from "../../src/faces/rehearsal/rehearsal.ts";
import { runCommandLine } from "../support/command-line.ts";
import { startTraffic } from "../support/rollout-traffic.ts";
import { freePorts, startTestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let control: TestUpstream;
let treatment: TestUpstream;
let folder: string;

beforeEach(async () => {
  [control, treatment] = await Promise.all([startUpstream("old"), startUpstream("new")]);
  folder = mkdtempSync(join(tmpdir(), "sluice-rehearse-"));
});
afterEach(async () => {
  await Promise.all([control.close(), treatment.close()]);
  rmSync(folder, { recursive: true });
});

const guardrails = "guardrails: [ { metric: error_rate, max: 20% } ]";

function configOf(changes: { readonly head?: string; readonly rollout?: string } = {}): string {
  const { head = "", rollout = "hold: 1s, min_requests: 20" } = changes;
  return `${head}
upstreams:
  old: { url: "${control.url}", health: { path: /health } }
  new: { url: "${treatment.url}", health: { path: /health } }
routes:
  - { match: "POST /ask", experiment: model }
experiments:
  model:
    variants:
      old: { upstream: old, control: true }
      new: { upstream: new, headers: { set: { x-arm: new } } }
    rollout:
      steps: [ { share: 50%, ${rollout}, gate: approval }, { share: 100%, ${rollout} } ]
      observe: 1s
    ${guardrails}
`;
}

type Ran = { readonly exitCode: number; readonly stderr: string; readonly result: RehearsalResult };

async function rehearse(args: readonly string[] = [], config = configOf()): Promise<Ran> {
  const state = join(folder, "state.json");
  const line = ["rehearse", "c.yaml", "--request", "POST /ask", "--body", '{"q":"{{request}}"}'];
  const times = ["--rate", "80", "--load-for", "1s", "--state", state];
  const ran = await runCommandLine([...line, ...times, "--allow-invalid", "--json", ...args], {
    "c.yaml": config,
  });
  const result = ran.stdout === "" ? null : (JSON.parse(ran.stdout) as RehearsalResult);
  return { exitCode: ran.exitCode, stderr: ran.stderr, result: result as RehearsalResult };
}

function statuses({ stages }: RehearsalResult): Record<string, StageResult["status"]> {
  return Object.fromEntries(stages.map(({ stage, status }) => [stage, status]));
}

/** Requests that are no health check. */
function asked({ requests }: TestUpstream): TestUpstream["requests"] {
  return requests.filter(({ url }) => url === "/ask");
}

describe("sluice rehearse", { timeout: 120_000 }, () => {
  it("a treatment that is well is promoted: exit 0, every stage with its reason, and a report", async () => {
    const report = join(folder, "report.md");
    const { exitCode, result, stderr } = await rehearse(["--report", report]);
    expect(stderr).toContain("model: promoted: the treatment was promoted");
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ version: 1, experiment: "model", verdict: "promoted" });
    expect(statuses(result)).toEqual({
      preflight: "passed",
      load_control: "passed",
      load_treatment: "passed",
      canary: "passed",
      decision: "passed",
      report: "passed",
    });
    expect(result.stages[0]?.reason).toContain("at 80 requests/s the rollout takes about");
    expect(result.stages[1]?.reason).toMatch(/^old: [\d.]+ requests\/s, p95 .* 0 of \d+ failed$/);
    const text = readFileSync(report, "utf8");
    expect(text).toContain("# model");
    // What its users did until the end; and no comparison with a control that nobody has any more.
    expect(text).not.toContain("## Effect");
    const [, total = ""] = /\*\*Requests\*\* \| ([\d,]+) \|/.exec(text) ?? [];
    expect(Number(total.replaceAll(",", ""))).toBeGreaterThan(80);
    // Loaded directly, a variant gets what Sluice would have made of the request.
    expect(asked(treatment).filter(({ headers }) => headers["x-arm"] !== "new")).toEqual([]);
    expect(asked(control).filter(({ headers }) => headers["x-arm"] !== undefined)).toEqual([]);
    const users = new Set(asked(control).map(({ headers }) => headers["x-user-id"]));
    expect(users.size).toBeGreaterThan(20);
    // What is over leaves nothing to go on from.
    expect(readdirSync(folder)).toEqual(["report.md"]);
  });

  it("a treatment that fails alone is rejected before it has users: exit 3, with the reason", async () => {
    treatment.respond((request, response) => {
      response.writeHead(request.url === "/health" ? 200 : 500).end();
    });
    const { exitCode, result } = await rehearse();
    expect(exitCode).toBe(3);
    expect(result.verdict).toBe("rejected");
    expect(result.reason).toBe(
      "load on the treatment: new: error_rate: 100 % of its answers failed, at most 20 % may",
    );
    expect(statuses(result)).toMatchObject({
      load_treatment: "rejected",
      canary: "not_run",
      decision: "rejected",
    });
  });

  it("a treatment that fails behind Sluice is rolled back: exit 3, with the guardrail's reason", async () => {
    treatment.respond((request, response) => {
      const isThrough = request.headers["x-sluice-variant"] !== undefined;
      response.writeHead(isThrough ? 500 : 200).end("ok");
    });
    const report = join(folder, "report.pdf");
    const { exitCode, result } = await rehearse(["--report", report]);
    expect(exitCode).toBe(3);
    expect(readFileSync(report).subarray(0, 5).toString()).toBe("%PDF-");
    expect(result.reason).toMatch(/^canary: the treatment was rolled back: .*error_rate/);
    expect(statuses(result)).toMatchObject({ load_treatment: "passed", canary: "rejected" });
  });

  it("a control that breaks the limits says nothing about the treatment: exit 1", async () => {
    control.respond((request, response) => {
      response.writeHead(request.url === "/health" ? 200 : 503).end();
    });
    const { exitCode, result } = await rehearse();
    expect(exitCode).toBe(1);
    expect(statuses(result)).toMatchObject({ load_control: "failed", load_treatment: "not_run" });
    expect(asked(treatment)).toEqual([]);
  });

  it("a side that is not healthy ends it before any load: exit 1", async () => {
    treatment.respond((_request, response) => void response.writeHead(503).end());
    const { exitCode, result } = await rehearse();
    expect(exitCode).toBe(1);
    expect(result.verdict).toBe("failed");
    expect(result.reason).toContain("new is not healthy");
    expect(result.reason).toContain("GET /health was answered with 503");
    expect([...asked(control), ...asked(treatment)]).toEqual([]);
  });

  it("traffic that is not enough ends it before any load, and says what would be", async () => {
    const config = configOf({ rollout: "hold: 1s, min_requests: 5000" });
    const { exitCode, result } = await rehearse(["--within", "10s"], config);
    expect(exitCode).toBe(1);
    expect(result.reason).toContain(
      "the traffic is not enough: at 80 requests/s the rollout takes about 4m",
    );
    expect(result.reason).toContain("raise --rate or --within");
    expect([...asked(control), ...asked(treatment)]).toEqual([]);
  });

  it("one that did not come to its end goes on where it was, as long as nothing has changed", async () => {
    const unwritable = join(folder, "nowhere", "report.json");
    const first = await rehearse(["--report", unwritable]);
    expect(first.exitCode).toBe(1);
    expect(first.result.reason).toMatch(/^report: .*there is no such folder/);
    const [askedControl, askedTreatment] = [asked(control).length, asked(treatment).length];

    const second = await rehearse(["--report", join(folder, "report.html")]);
    expect(second.exitCode).toBe(0);
    expect(second.result.stages.map(({ stage, isReused }) => [stage, isReused])).toEqual([
      ["preflight", false],
      ["load_control", true],
      ["load_treatment", true],
      ["canary", true],
      ["decision", false],
      ["report", false],
    ]);
    expect([asked(control).length, asked(treatment).length]).toEqual([
      askedControl,
      askedTreatment,
    ]);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toMatch(
      /<h1>model<\/h1>[^]*<b>Promoted<\/b>/,
    );
  });

  it("what depends on a changed input is done again, what does not is kept", async () => {
    const unwritable = ["--report", join(folder, "nowhere", "report.json")];
    await rehearse(unwritable);
    const other = await rehearse([...unwritable, "--hold", "2s"]);
    expect(other.result.stages.map(({ isReused }) => isReused)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    const report = join(folder, "report.json");
    const faster = await rehearse(["--report", report, "--hold", "2s", "--rate", "90"]);
    expect(JSON.parse(readFileSync(report, "utf8"))).toMatchObject({
      facts: { experiment: "model" },
    });
    expect(faster.result.stages.map(({ isReused }) => isReused)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("--live watches a running Sluice decide by its own traffic", async () => {
    const config = configOf({ head: freePorts() })
      .replace("POST /ask", "GET /x")
      .replace(", gate: approval", "");
    const running = await startTestSluice(config);
    const traffic = startTraffic(running.url, 40);
    try {
      await traffic.pass(20);
      const { exitCode, result } = await rehearse(["--live", "--admin", running.adminUrl], config);
      expect(exitCode).toBe(0);
      expect(statuses(result)).toMatchObject({
        load_control: "skipped",
        load_treatment: "skipped",
        canary: "passed",
      });
    } finally {
      await traffic.stop();
      await running.stop();
    }
  });
});

it("--live without a Sluice to be reached fails, and says where it looked", async () => {
  const { exitCode, result } = await rehearse(["--live", "--admin", "http://127.0.0.1:9"]);
  expect(exitCode).toBe(1);
  expect(result.reason).toContain("http://127.0.0.1:9 cannot be reached");
});

describe("Ctrl-C", { timeout: 120_000 }, () => {
  it("ends a rehearsal, and keeps what has passed", async () => {
    const program = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
    const [config, state] = [join(folder, "c.yaml"), join(folder, "state.json")];
    writeFileSync(config, configOf());
    const line = [program, "rehearse", config, "--request", "POST /ask", "--state", state];
    const child = spawn(
      process.execPath,
      [...line, "--rate", "50", "--load-for", "1s", "--allow-invalid"],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      // The control's load has passed when the treatment's begins.
      await expect.poll(() => asked(treatment).length, { timeout: 60_000 }).toBeGreaterThan(0);
      child.kill("SIGINT");
      expect(await once(child, "close")).toEqual([1, null]);
      expect(stdout).toMatch(
        /✓ load on the control .*\n✗ load on the treatment .*it was interrupted/,
      );
      const kept = JSON.parse(readFileSync(state, "utf8")) as { stages: { result: StageResult }[] };
      expect(kept.stages.map(({ result }) => result.stage)).toEqual(["load_control"]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("bad usage ends with 2, in one line", () => {
  it.each([
    [["--experiment", "modle"], {}, 'no experiment is named modle; did you mean "model"?'],
    [["--load-for", "soon"], {}, "--load-for: expected a time"],
    [["--within", "25h"], {}, "--within: expected a time"],
    [["--hold", "500ms"], {}, "--hold: expected a time such as 20s or 5m, 1s…24h"],
    [["--rate", "0"], {}, "rate: expected a number"],
    [["--report", "report.docx"], {}, "--report: expected a file that ends in .json"],
    [["--load", "gone.yaml"], {}, "--request does not go with --load"],
    [["--live", "--admin", "nowhere"], {}, "--admin is no URL"],
    [[], { head: "listen: { port: none }" }, "c.yaml:1:17 listen.port:"],
  ])("%j", async (args, changes, message) => {
    const { exitCode, stderr } = await rehearse(args, configOf(changes));
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("a host that is not this machine is not loaded", async () => {
    const config = configOf().replace(treatment.url, "http://192.0.2.1:80");
    const { exitCode, stderr } = await rehearse([], config);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("192.0.2.1 is not this machine");
    expect(stderr).toContain("--allow-host 192.0.2.1");
  });

  it("a state file that is none is not written over", async () => {
    const { exitCode, stderr } = await rehearse(["--state", new URL(import.meta.url).pathname]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("it is no JSON");
  });
});
