import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSluiceClient } from "../../src/main/client.ts";
import { startTraffic } from "../support/rollout-traffic.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { hasTmux, openTerminal, type Terminal } from "../support/tmux.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;

let upstream: TestUpstream;
let sluice: TestSluice;

beforeEach(async () => {
  upstream = await startUpstream();
  sluice = await startTestSluice(`${freePorts().replace(
    "admin: { host: 127.0.0.1, port: 0 }",
    "admin: { host: 127.0.0.1, port: 0, token: operator-token, viewer_token: viewer-token }",
  )}
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/pinned", upstream: one }, { match: "/**", experiment: model } ]
experiments:
  model:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 25%, gate: approval }, { share: 100% } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
  other:
    variants: { left: { upstream: one, weight: 50, control: true }, right: { upstream: one, weight: 50 } }
`);
});

afterEach(async () => {
  await sluice.stop();
  await upstream.close();
});

const clientOf = () => createSluiceClient({ admin: sluice.adminUrl, token: "operator-token" });

describe("without a terminal", () => {
  const run = (...line: string[]) => {
    const child = spawn(process.execPath, [script, "watch", "--url", sluice.adminUrl, ...line], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", SLUICE_ADMIN_TOKEN: "operator-token" },
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (text: Buffer) => (said.stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => (said.stderr += text.toString()));
    return { child, said, exit: once(child, "close") };
  };

  it("prints what changes, and ends when it is told to", async () => {
    const { child, said, exit } = run();
    await expect.poll(() => said.stdout).toMatch(/^\d{4}-\S+Z {2}model: not started, new 0%;/m);
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await expect.poll(() => said.stdout).toMatch(/Z {2}model: step 1\/2, new 25%/);
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
    expect(said.stderr).toBe("");
  });

  it("ends quietly when nobody reads any more", async () => {
    const { child, said, exit } = run();
    await expect.poll(() => said.stdout).toContain("model:");
    child.stdout.destroy();
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    expect((await exit)[0]).toBe(0);
    expect(said.stderr).toBe("");
  });

  it("says in one line that the token is wrong, or that nobody is there", async () => {
    const wrong = run("--token", "guess", "--once");
    expect(await wrong.exit).toEqual([2, null]);
    expect(wrong.said.stderr).toMatch(/^sluice watch: [^\n]*token[^\n]*\n$/i);
    const address = sluice.adminUrl;
    await sluice.stop();
    const nobody = run("--url", address);
    expect(await nobody.exit).toEqual([1, null]);
    expect(nobody.said.stderr).toMatch(/^sluice watch: \S+ cannot be reached: [^\n]*\n$/);
  });
});

describe.skipIf(!hasTmux())("in a terminal (skipped: needs tmux)", { timeout: 120_000 }, () => {
  let terminal: Terminal;

  afterEach(() => terminal.close());

  async function watch({ columns = 80, rows = 24, line = "", env = {} } = {}) {
    terminal = await openTerminal(columns, rows, {
      SLUICE_ADMIN_TOKEN: "operator-token",
      ...env,
    });
    await terminal.type(`${process.execPath} ${script} watch --url ${sluice.adminUrl} ${line}`);
    await terminal.press("Enter");
    await terminal.see("live");
  }

  /** The terminal is as it was before: its own screen, a cursor, and what is typed can be seen. */
  async function exitCodeOnceRestored() {
    await expect.poll(terminal.flags).toEqual({ alternate: false, cursor: true });
    await terminal.see(/^before$/m);
    await terminal.type(
      "echo code=$?; stty -a | tr ' ;' '\\n\\n' | grep -Ex '.?(echo|icanon|isig)'",
    );
    await terminal.press("Enter");
    const screen = await terminal.see(/^isig$/m);
    expect(screen).toMatch(/^echo$/m);
    expect(screen).toMatch(/^icanon$/m);
    return Number(/^code=(\d+)$/m.exec(screen)?.[1]);
  }

  const pidOf = async () => {
    const pids = spawn("pgrep", ["-f", `watch --url ${sluice.adminUrl}`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    pids.stdout.on("data", (some: Buffer) => (text += some.toString()));
    await once(pids, "close");
    const pid = Number(text.trim().split("\n")[0]);
    expect(pid).toBeGreaterThan(1);
    return pid;
  };

  it("rolls back by key, after it was asked, in the name of who pressed it", async () => {
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await watch();
    await terminal.see("step 1/2");
    await terminal.type("b");
    await terminal.see(/Roll back model\? All users of new \(25% of all\) get old at\s+once/);
    await terminal.press("Escape");
    await terminal.see("Nothing was done");
    expect(await clientOf().rollout("model")).toMatchObject({ phase: "stepping" });
    await terminal.type("b");
    await terminal.see("Roll back model?");
    await terminal.type("y");
    await terminal.see(/model: rolled back, treatment 0%/);
    await terminal.see("Rolled back to old");
    const { phase, journal } = await clientOf().rollout("model");
    expect(phase).toBe("rolled_back");
    expect(journal.at(-1)).toMatchObject({ what: "rolled_back", actor: "tess" });
  });

  it("does not take pasted text for an answer", async () => {
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await watch();
    await terminal.see("step 1/2");
    await terminal.type("by");
    await terminal.see("Roll back model?");
    await terminal.press("Escape");
    await terminal.see("Nothing was done");
    expect(await clientOf().rollout("model")).toMatchObject({ phase: "stepping" });
  });

  it("pauses, resumes and promotes; what is refused is said", async () => {
    await watch();
    await terminal.see("not started");
    await terminal.type("r");
    await terminal.see(/Resume model was refused: Not possible now: nothing is paused/);
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await terminal.see("step 1/2");
    await terminal.type("p");
    await terminal.see("model: paused");
    await terminal.type("r");
    await terminal.see("model: stepping, step 1 of 2");
    await terminal.type("P");
    await terminal.see("model: stepping, step 2 of 2, treatment 100%");
    expect(await clientOf().rollout("model")).toMatchObject({ phase: "stepping", share: 1 });
  });

  it("a viewer sees everything, and is told that commands are not for viewers", async () => {
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await watch({ env: { SLUICE_ADMIN_TOKEN: "viewer-token" } });
    await terminal.see("read-only");
    await terminal.type("p");
    await terminal.see(/Pause model was refused: \S/);
    expect(await clientOf().rollout("model")).toMatchObject({ phase: "stepping" });
  });

  it("follows the size of the terminal", async () => {
    await watch({ columns: 80, rows: 24 });
    for (const [columns, rows] of [
      [120, 40],
      [200, 50],
      [40, 10],
      [80, 24],
    ] as const) {
      await terminal.resize(columns, rows);
      // One header at the top and one line of keys at the bottom, and nothing left over between or below them.
      await expect
        .poll(async () => {
          const lines = await terminal.lines();
          const headers = lines.filter((one) => /^ Sluice.*live/.test(one)).length;
          const keys = lines.findIndex((one) => one.startsWith(" ? help"));
          const titles = lines.filter((one) => /─ Experiments/.test(one)).length;
          return { headers, keys, titles, first: lines[0]?.startsWith(" Sluice") };
        })
        .toEqual({ headers: 1, keys: rows - 2, titles: 1, first: true });
    }
  });

  it("filters, helps, and opens an experiment", async () => {
    await watch();
    await terminal.see("▌ model");
    await terminal.type("/oth");
    await terminal.see(/1 of 2/);
    await terminal.press("Enter");
    const filtered = await terminal.see("▌ other");
    expect(filtered).not.toMatch(/^ {2}model/m);
    await terminal.press("Escape");
    await terminal.see("model");
    await terminal.type("?");
    await terminal.see("acknowledge the marked alert");
    await terminal.type("?");
    await terminal.press("Down");
    await terminal.see("▌ other");
    await terminal.press("Enter");
    expect(await terminal.see("enter close")).toContain("other  ");
  });

  it("shows what others typed as text, never as commands to the terminal", async () => {
    const actor = "eve\u001B[2J\u001B]0;owned\u0007\u202E模型";
    await clientOf().commandRollout("model", "start", { actor });
    await watch();
    await terminal.see("step 1/2");
    await terminal.press("Enter");
    expect(await terminal.see("by eve")).toContain("by eve�[2J�]0;owned��模型");
  });

  it("shows the numbers of /v1/status", async () => {
    const traffic = startTraffic(`${sluice.url}/other`, 20);
    await clientOf().commandRollout("model", "start", { actor: "ann" });
    await traffic.pass(500);
    await traffic.stop();
    // At rest: all is counted, nothing in flight, and the sliding window has run empty.
    await expect
      .poll(
        async () => {
          const { experiments } = await clientOf().status();
          const [{ variants: counted } = { variants: [] }] = experiments;
          return {
            areCounted: counted.every(({ requests }) => requests > 0),
            busy: experiments.flatMap(({ variants }) =>
              variants.map((one) => one.in_flight + one.requests_per_second),
            ),
          };
        },
        { timeout: 25_000 },
      )
      .toEqual({ areCounted: true, busy: [0, 0, 0, 0] });
    const { experiments } = await clientOf().status();
    await watch({ columns: 160, rows: 40, line: "--experiment model" });
    await terminal.see("variant");
    await terminal.press("Enter");
    const screen = await terminal.see("enter close");
    const [model] = experiments;
    for (const { key, requests, observed_share, configured_share, users, outcomes } of model!
      .variants) {
      expect(requests).toBeGreaterThan(0);
      const [row = ""] =
        screen.match(new RegExp(`(?<= )${key}(?: \\(control\\))? +[█▏▎▍▌▋▊▉].*`)) ?? [];
      expect(row).toContain(`${(observed_share! * 100).toFixed(1)}%`);
      expect(row).toContain(`${configured_share * 100}%`);
      expect(outcomes.success).toBe(requests);
      expect(row).toMatch(/ 100% /);
      expect(row).toMatch(new RegExp(` ${requests.toLocaleString("en-US")} `));
      expect(row).toMatch(new RegExp(` ${users} `));
    }
  });

  it("works without colours, with 16, and in ASCII", async () => {
    await watch({ env: { NO_COLOR: "1" }, line: "--ascii" });
    const screen = await terminal.see("+ ready");
    expect(screen).toMatch(/^[ -~\n]+$/);
  });

  it.each<[string, () => Promise<void>, number]>([
    ["q", () => terminal.type("q"), 0],
    ["Ctrl-C", () => terminal.press("C-c"), 0],
    ["SIGTERM", async () => void process.kill(await pidOf(), "SIGTERM"), 0],
    ["SIGHUP", async () => void process.kill(await pidOf(), "SIGHUP"), 0],
    ["SIGINT", async () => void process.kill(await pidOf(), "SIGINT"), 0],
  ])("gives the terminal back after %s", async (_, end, exitCode) => {
    await watch();
    expect(await terminal.flags()).toEqual({ alternate: true, cursor: false });
    await end();
    expect(await exitCodeOnceRestored()).toBe(exitCode);
  });

  it("gives the terminal back after a crash, and then says what it was", async () => {
    const crash = "process.on('SIGUSR2',()=>{throw(new(Error)('boom'))})";
    await watch({ env: { NODE_OPTIONS: `--import=data:text/javascript,${crash}` } });
    expect(await terminal.flags()).toEqual({ alternate: true, cursor: false });
    process.kill(await pidOf(), "SIGUSR2");
    await terminal.see("sluice watch: crashed: Error: boom");
    expect(await exitCodeOnceRestored()).toBe(1);
  });

  it("says that it is stale when Sluice is gone, and gives the terminal back when it stays away", async () => {
    await watch({ line: "--give-up 4s" });
    await sluice.stop();
    await terminal.see("STALE for");
    await terminal.see(/sluice watch: .* cannot be reached: gave up after 4 s/);
    expect(await exitCodeOnceRestored()).toBe(1);
  });

  it("does not take the screen when something is wrong from the start", async () => {
    terminal = await openTerminal(80, 24, { SLUICE_ADMIN_TOKEN: "guess" });
    await terminal.type(`${process.execPath} ${script} watch --url ${sluice.adminUrl}`);
    await terminal.press("Enter");
    await terminal.see(/sluice watch: .*token/i);
    expect(await exitCodeOnceRestored()).toBe(2);
  });
});
