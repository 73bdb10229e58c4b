import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { request } from "undici";
import type { Sluice } from "../../src/main/running-sluice.ts";
import { startSluice } from "../../src/main/sluice-process.ts";
import { runCommandLine } from "../support/command-line.ts";
import { freePorts } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let folder: string;
let path: string;
let upstream: TestUpstream;
let sluice: Sluice;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-experiment-"));
  path = join(folder, "sluice.yaml");
  upstream = await startUpstream();
  writeFileSync(
    path,
    `# written by hand
${freePorts()}
store: { sqlite: "${join(folder, "s.db")}" }
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "GET /other", upstream: one }, { match: "/**", experiment: e } ]
experiments:
  e: # the old one
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    ends: { requests: 100000 }
`,
  );
  sluice = await start();
});

afterEach(async () => {
  await sluice.stop();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

function start(): Promise<Sluice> {
  return startSluice({ configPath: path, env: {}, version: "test" });
}

/** What the files say that a command names. */
const files: Record<string, string> = {};
const experiment = (...rest: string[]) =>
  runCommandLine(["experiment", ...rest, "--admin", `http://127.0.0.1:${sluice.adminPort}`], files);

/** How many of 40 users have the treatment. */
async function treated(at = "/"): Promise<number> {
  let count = 0;
  for (let user = 0; user < 40; user += 1) {
    const { headers, body } = await request(`http://127.0.0.1:${sluice.dataPort}${at}`, {
      headers: { "x-user-id": `user-${user}` },
    });
    await body.dump();
    if (headers["x-sluice-variant"] === "new") count += 1;
  }
  return count;
}

describe("sluice experiment", () => {
  it("pauses, resumes, stops and starts anew, and what it says is what users get", async () => {
    const atFirst = await treated();
    expect(atFirst).toBeGreaterThan(5);
    expect((await experiment("pause", "e", "--actor", "ann")).stdout).toMatch(
      /^e: paused, run 1\n/,
    );
    await expect.poll(() => treated()).toBe(0);
    await experiment("resume", "e");
    // The same users as before.
    await expect.poll(() => treated()).toBe(atFirst);
    const stopped = await experiment("stop", "e", "--actor", "ann", "--reason", "seen enough");
    expect(stopped.stdout).toContain("e: ended, run 1\n  seen enough\n");
    await expect.poll(() => treated()).toBe(0);
    expect((await experiment("start", "e")).stdout).toMatch(/^e: running, run 2\n/);
    await expect.poll(() => treated()).toBeGreaterThan(5);
    const list = await experiment("list");
    expect(list.stdout).toMatch(
      /^experiment +phase +run +users +requests +decision\ne +running +2 /,
    );
    const { journal } = JSON.parse((await experiment("show", "e", "--json")).stdout) as {
      journal: { what: string; actor: string }[];
    };
    expect(journal.map(({ what }) => what)).toEqual(["paused", "resumed", "ended", "started"]);
    expect(journal[2]).toMatchObject({ actor: "ann", facts: { reason: "seen enough" } });
  });

  it("keeps its users when told to, and its state over a restart", async () => {
    const before = await treated();
    await experiment("stop", "e");
    await experiment("start", "e", "--keep-users");
    await expect.poll(() => treated()).toBe(before);
    await experiment("stop", "e", "--reason", "done");
    await sluice.stop();
    sluice = await start();
    expect(await treated()).toBe(0);
    expect((await experiment("show", "e")).stdout).toContain("e: ended, run 2\n  done\n");
    expect((await experiment("archive", "e")).exitCode).toBe(0);
    expect(await experiment("start", "e")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("it is archived"),
    });
  });

  it("goes on with what it had measured when Sluice is started anew", async () => {
    const before = await treated();
    const requests = () =>
      sluice.status().experiments[0]?.variants.map((variant) => variant.requests) ?? [];
    await expect.poll(requests).toEqual([40 - before, before]);
    await sluice.stop();
    sluice = await start();
    expect(requests()).toEqual([40 - before, before]);
    await treated();
    await expect.poll(requests).toEqual([2 * (40 - before), 2 * before]);
    expect(sluice.status().experiments[0]?.variants.map(({ users }) => users)).toEqual([
      40 - before,
      before,
    ]);
  });

  it("creates one as a draft, with its route, and leaves the file as people wrote it", async () => {
    const file = "new.yaml";
    files[file] =
      "state: draft\nvariants: { old: { upstream: one, control: true }, new: { upstream: one } }\n";
    const created = await experiment("create", "f", "--from", file, "--route", "GET /f");
    expect(created).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^f: draft\n/) });
    const text = readFileSync(path, "utf8");
    expect(text).toContain("# written by hand");
    expect(text).toContain("# the old one");
    expect(await treated("/f")).toBe(0);
    await experiment("start", "f");
    await expect.poll(() => treated("/f")).toBeGreaterThan(5);
  });

  it("starts a draft, and stops what runs, when the file says so", async () => {
    const write = (state: string) =>
      sluice.reload(
        readFileSync(path, "utf8").replace(
          /e: # the old one(\n    state: \w+)?/,
          `e: # the old one\n    state: ${state}`,
        ),
      );
    expect(await write("draft")).toMatchObject({ kind: "applied" });
    expect((await experiment("show", "e")).stdout).toMatch(
      /^e: ended, run 1\n {2}stopped by configuration\n/,
    );
    await expect.poll(() => treated()).toBe(0);
    await experiment("archive", "e");
    expect(await write("running")).toMatchObject({ kind: "applied" });
    // What is over is started by people only.
    expect((await experiment("show", "e")).stdout).toMatch(/^e: archived/);
    files["new.yaml"] =
      "state: draft\nvariants: { old: { upstream: one, control: true }, new: { upstream: one } }\n";
    await experiment("create", "f", "--from", "new.yaml", "--route", "GET /f");
    const text = readFileSync(path, "utf8").replace(
      /f:\n    state: draft/,
      "f:\n    state: running",
    );
    expect(await sluice.reload(text)).toMatchObject({ kind: "applied" });
    await expect.poll(() => treated("/f")).toBeGreaterThan(5);
  });

  it("says what is wrong, and changes nothing", async () => {
    const file = "new.yaml";
    files[file] = "variants: { old: { upstream: two, control: true } }\n";
    const before = readFileSync(path, "utf8");
    expect(await experiment("create", "f", "--from", file)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("no upstream is named two"),
    });
    expect(await experiment("create", "e", "--from", file)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("an experiment e already"),
    });
    expect((await experiment("create", "f")).stderr).toContain("needs --from FILE");
    files[file] = "- a\n";
    expect((await experiment("create", "f", "--from", file)).stderr).toContain("expected a map");
    expect((await experiment("show", "g")).stderr).toContain("No A/B experiment has the key");
    expect((await experiment("begin", "e")).stderr).toContain("no action begin");
    expect((await experiment("stop")).stderr).toContain("needs the experiment's key");
    expect(readFileSync(path, "utf8")).toBe(before);
  });
});
