import { spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { request } from "undici";
import { freePorts, startTestSluiceFromFile } from "../support/sluice.ts";
import { startUpstream } from "../support/upstream.ts";
import type { TestUpstream } from "../support/upstream.ts";

/** What a Kubernetes pod does to a process, with the kubelet's own steps and a PID namespace. */

let folder = "";
let upstream: TestUpstream;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-pod-"));
  upstream = await startUpstream();
});
afterEach(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true });
});

const configText = (variant: string, listen = "") => `${freePorts({ listen })}
upstreams:
  only: { url: "${upstream.url}" }
routes:
  - { match: "/**", experiment: it }
experiments:
  it:
    variants: { ${variant}: { upstream: only, control: true }, other: { upstream: only, weight: 0 } }
`;

/** The steps of the kubelet's AtomicWriter: a new folder, a new link, a rename over `..data`, then away with the old. */
function createVolume(path: string): { write(files: Readonly<Record<string, string>>): void } {
  mkdirSync(path);
  let writes = 0;
  let former: string | null = null;
  return {
    write(files) {
      writes += 1;
      const name = `..2026_11_29_01_02_0${writes}.123456789`;
      mkdirSync(join(path, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(join(path, name, file), text);
      symlinkSync(name, join(path, "..data_tmp"));
      renameSync(join(path, "..data_tmp"), join(path, "..data"));
      for (const file of Object.keys(files)) {
        if (former === null) symlinkSync(join("..data", file), join(path, file));
      }
      if (former !== null) rmSync(join(path, former), { recursive: true });
      former = name;
    },
  };
}

test("each flip of a mounted ConfigMap is in force, a wrong one says so, and what follows is seen", async () => {
  const volume = createVolume(join(folder, "config"));
  volume.write({ "sluice.yaml": configText("v1") });
  const sluice = await startTestSluiceFromFile(join(folder, "config", "sluice.yaml"));
  const variant = async () => {
    const { headers, body } = await request(`${sluice.url}/x`);
    await body.dump();
    return headers["x-sluice-variant"];
  };
  try {
    for (const next of ["v2", "v3"]) {
      volume.write({ "sluice.yaml": configText(next) });
      await expect.poll(variant).toBe(next);
    }
    volume.write({ "sluice.yaml": "nonsense: 1" });
    await sluice.logged({ msg: "configuration invalid" });
    expect(await variant()).toBe("v3");
    volume.write({ "sluice.yaml": configText("v4") });
    await expect.poll(variant).toBe("v4");
  } finally {
    await sluice.stop();
  }
});

const canUnshare = spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;

describe.skipIf(!canUnshare)("as PID 1 of a PID namespace (skipped: needs root)", () => {
  /** `sluice serve` in a namespace of its own; `pid` is what it is called outside. */
  async function servePid1(listen: string, { workers = 1, adminPort = 0 } = {}) {
    const path = join(folder, "sluice.yaml");
    const text = configText("v1", listen).replace("workers: 1", `workers: ${workers}`);
    writeFileSync(path, text.replace(/(admin: .* port: )0/, `$1${adminPort}`));
    const script = new URL("../../src/main/sluice.ts", import.meta.url).pathname;
    const line = ["--pid", "--fork", "--mount-proc", process.execPath, script, "serve"];
    const outer = spawn("unshare", [...line, "--config", path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = new Promise((resolve) => outer.once("exit", resolve));
    const messages: unknown[] = [];
    createInterface({ input: outer.stdout }).on("line", (text) => {
      messages.push((JSON.parse(text) as { msg: unknown }).msg);
    });
    const children = `/proc/${outer.pid}/task/${outer.pid}/children`;
    await expect.poll(() => readFileSync(children, "utf8").trim()).not.toBe("");
    const pid = Number(readFileSync(children, "utf8").trim());
    return {
      exit,
      messages,
      async logged(message: string) {
        await expect.poll(() => messages).toContain(message);
      },
      kill: (signal: NodeJS.Signals) => process.kill(pid, signal),
      status: () => readFileSync(`/proc/${pid}/status`, "utf8"),
      end() {
        if (outer.exitCode === null) process.kill(pid, "SIGKILL");
      },
    };
  }

  test("a signal drains after the delay, a second one ends the delay, and it exits with 0", async () => {
    const served = await servePid1(", drain_delay: 10m");
    try {
      await served.logged("listening");
      expect(served.status()).toMatch(/^NSpid:\t\d+\t1$/m);
      served.kill("SIGTERM");
      await served.logged("draining");
      served.kill("SIGTERM");
      expect(await served.exit).toBe(0);
      expect(served.messages.slice(-2)).toEqual(["second signal: the delay ends", "stopped"]);
    } finally {
      served.end();
    }
  });

  test("a signal while it starts ends it without a delay", async () => {
    const adminPort = await findFreePort();
    const served = await servePid1(", drain_delay: 10m", { workers: 4, adminPort });
    // Its admin port is there before its workers are.
    const isStarting = () =>
      request(`http://127.0.0.1:${adminPort}/healthz`).then(
        ({ body }) => body.dump().then(() => true),
        () => false,
      );
    try {
      await expect.poll(isStarting, { interval: 5 }).toBe(true);
      served.kill("SIGTERM");
      expect(await served.exit).toBe(0);
      expect(served.messages).toEqual(["listening", "draining", "stopped"]);
    } finally {
      served.end();
    }
  });
});

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
