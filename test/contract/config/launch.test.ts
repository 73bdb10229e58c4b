import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-launch-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

type Ended = {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
};

function run(script: string, arguments_: readonly string[], preload?: string): Promise<Ended> {
  const options = preload === undefined ? [] : ["--import", preload];
  return new Promise((done) => {
    execFile(process.execPath, [...options, script, ...arguments_], (error, stdout, stderr) => {
      done({ code: error === null ? 0 : (error.code ?? null), stdout, stderr });
    });
  });
}

/** A copy of the launcher as npm would install it, with a stand-in for the pinned Node, run by "Node 20". */
function install(pinned: string | null): { readonly script: string; readonly old: string } {
  const home = join(folder, "node_modules", "sluice", "src", "main");
  mkdirSync(home, { recursive: true });
  copyFileSync(resolve("src/main/launch.js"), join(home, "launch.mjs"));
  if (pinned !== null) {
    const bin = join(folder, "node_modules", "node", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "node"), `#!/bin/sh\n${pinned}\n`);
    chmodSync(join(bin, "node"), 0o755);
  }
  const old = join(folder, "old.mjs");
  const versions = "{ ...process.versions, node: '20.1.0' }";
  writeFileSync(old, `Object.defineProperty(process, "versions", { value: ${versions} });`);
  return { script: join(home, "launch.mjs"), old };
}

describe("the launcher", () => {
  it("runs the program itself on a Node that is new enough", async () => {
    const ended = await run("src/main/launch.js", ["check", "config/sluice.yaml"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("config/sluice.yaml is valid");
  });

  it("runs from under node_modules, where Node itself strips no types", async () => {
    const home = join(folder, "node_modules", "sluice");
    cpSync("src", join(home, "src"), { recursive: true });
    copyFileSync("package.json", join(home, "package.json"));
    for (const name of ["commander", "yaml", "zod"]) {
      symlinkSync(resolve("node_modules", name), join(folder, "node_modules", name));
    }
    const script = join(home, "src", "main", "launch.js");
    const ended = await run(script, ["check", resolve("config/canary.yaml")]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("passes the exit code on", async () => {
    expect((await run("src/main/launch.js", ["check", "package.json"])).code).toBe(2);
  });

  it("finds the pinned Node where npm hoisted it, and hands on arguments and exit code", async () => {
    const { script, old } = install('echo "$@"; exit 3');
    const ended = await run(script, ["check", "a b"], old);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toMatch(/sluice\.ts check a b\n$/);
  });

  it("turns a death by signal into an exit code", async () => {
    const { script, old } = install("kill -TERM $$");
    expect((await run(script, [], old)).code).toBe(143);
  });

  it("passes a signal on and waits for the child", async () => {
    // The stand-in tells its parent, the launcher, to stop, and ends only when it is told in turn.
    const { script, old } = install(
      // A trap runs between commands. It tells at once: the launcher must be ready for it by then.
      "trap 'echo told; exit 7' TERM; kill -TERM $PPID; for _ in $(seq 200); do sleep 0.1; done",
    );
    expect(await run(script, [], old)).toMatchObject({ code: 7, stdout: "told\n" });
  });

  it("says what to do when there is no such Node", async () => {
    const { script, old } = install(null);
    const ended = await run(script, [], old);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("needs Node 26 or later");
  });
});
