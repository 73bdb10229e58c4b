import { afterEach, beforeEach, expect, it } from "vitest";
import { runCommandLine } from "../support/command-line.ts";
import { freePorts, startTestSluice, type TestSluice } from "../support/sluice.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

let upstream: TestUpstream;
let sluice: TestSluice;

beforeEach(async () => {
  upstream = await startUpstream();
  sluice = await startTestSluice(`${freePorts()}
upstreams: { one: { url: "${upstream.url}" } }
routes: [ { match: "/**", experiment: model } ]
experiments:
  model:
    variants: { old: { upstream: one, control: true }, new: { upstream: one } }
    rollout: { steps: [ { share: 5%, gate: approval }, { share: 100% } ] }
    guardrails: [ { metric: error_rate, max: 5% } ]
`);
});

afterEach(async () => {
  await sluice.stop();
  await upstream.close();
});

const rollout = (...line: string[]) =>
  runCommandLine(["rollout", ...line, "--admin", sluice.adminUrl]);

it("shows and steers a rollout", async () => {
  expect(await rollout("status")).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(
      /^model: waiting, treatment 0%\n {2}steps {6}5% → 100%\n {2}warning {4}both variants are the same upstream .*\n {2}warning {4}no traffic was seen/,
    ),
  });
  const started = await rollout("start", "model", "--actor", "ann", "--reason", "new index");
  expect(started).toMatchObject({ exitCode: 0, stderr: "" });
  expect(started.stdout).toMatch(/^model: stepping, step 1 of 2, treatment 5%.*\n/);
  expect(started.stdout).toMatch(/^ {2}[\d:]{8} {3}step by ann$/m);
  await expect
    .poll(async () => (await rollout("status", "model")).stdout)
    .toContain("wait       error_rate: no requests yet");
  expect((await rollout("promote", "model")).stdout).toContain("step 2 of 2, treatment 100%");
  const back = await rollout("rollback", "model", "--reason", "wrong answers", "--json");
  expect(back.exitCode).toBe(0);
  expect(JSON.parse(back.stdout)).toMatchObject({
    phase: "rolled_back",
    reason: "wrong answers",
    share: 0,
  });
  const after = await rollout("status", "model");
  expect(after.exitCode).toBe(3);
  expect(after.stdout).toContain("  wrong answers\n");
});

it("is not started with a treatment that is down, unless by force", async () => {
  await sluice.stop();
  sluice = await startTestSluice(`${freePorts()}
upstreams:
  one: { url: "${upstream.url}" }
  gone: { url: "http://127.0.0.1:1", health: { path: /, interval: 100ms, timeout: 100ms, unhealthy_after: 1 } }
routes: [ { match: "/**", experiment: model } ]
experiments:
  model:
    variants: { old: { upstream: one, control: true }, new: { upstream: gone } }
    rollout: { steps: [ { share: 5% } ] }
`);
  await expect
    .poll(async () => (await rollout("status", "model")).stdout)
    .toContain("error      the treatment has no healthy endpoint");
  expect(await rollout("start", "model")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("force starts it all the same"),
  });
  expect((await rollout("start", "model", "--force")).stdout).toMatch(/^model: stepping, step 1/);
});

it("watches until it is decided, and prints what changes", async () => {
  await rollout("start", "model", "--actor", "ann");
  const watching = rollout("watch", "model");
  await expect
    .poll(async () => (await rollout("status", "model")).stdout)
    .toContain("no requests yet");
  await rollout("promote-all", "model", "--actor", "ann");
  const { exitCode, stdout } = await watching;
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^model: (?:stepping, step 1 of 2|promoted)/);
  expect(stdout.split("\n\n").at(-1)).toMatch(/^model: promoted, treatment 100%/);
  await rollout("rollback", "model");
  expect((await rollout("watch", "model")).exitCode).toBe(3);
  expect((await rollout("watch", "modle")).exitCode).toBe(2);
});

it("says what is wrong, and whose fault it is by its exit code", async () => {
  expect(await rollout("resume", "model")).toMatchObject({
    exitCode: 2,
    stderr: "sluice rollout: Not possible now: nothing is paused: the rollout is not started\n",
  });
  expect(await rollout("start", "modle")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("No such rollout"),
  });
  expect(await rollout("begin", "model")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("no action begin; one of status, watch, start"),
  });
  expect(await rollout("start")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("needs the experiment's key"),
  });
  const nowhere = await runCommandLine(["rollout", "status", "--admin", "http://127.0.0.1:1"]);
  expect(nowhere).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("cannot be reached"),
  });
  expect(await runCommandLine(["rollout", "status", "--admin", "here"])).toMatchObject({
    exitCode: 2,
  });
});
