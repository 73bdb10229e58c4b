import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** Debian's Prometheus as a child process, on a free loopback port and with a folder of its own. */
export type RealPrometheus = {
  readonly url: string;
  /** Ends it; resolves when it is gone and its folder too. */
  stop(): Promise<void>;
};

const cache = join(import.meta.dirname, "../../node_modules/.cache/sluice-prometheus");
const run = promisify(execFile);
const commandMsMax = 60_000;

/**
 * The command that starts Prometheus; null where there is none and none can be had. Debian's package is fetched when it
 * is missing, and its binaries taken out without installing it: nothing of the system changes, and no service starts.
 */
export async function ensurePrometheus(): Promise<string | null> {
  for (const command of ["prometheus", join(cache, "prometheus")]) {
    if (works(command) && works(promtoolOf(command))) return command;
  }
  return (await fetchPrometheus()) || ((await refreshLists()) && (await fetchPrometheus()))
    ? join(cache, "prometheus")
    : null;
}

/** The promtool that came with this Prometheus. */
export function promtoolOf(prometheus: string): string {
  return prometheus.includes("/") ? join(dirname(prometheus), "promtool") : "promtool";
}

function works(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore", timeout: commandMsMax });
    return true;
  } catch {
    return false;
  }
}

/** Two runs at once do no harm: each has a folder of its own, and the last to rename wins. */
async function fetchPrometheus(): Promise<boolean> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fetch-"));
  const options = { cwd: folder, timeout: commandMsMax };
  try {
    await run("apt-get", ["download", "prometheus"], options);
    const [archive = ""] = await readdir(folder);
    await run("dpkg-deb", ["--extract", archive, "package"], options);
    for (const name of ["promtool", "prometheus"]) {
      renameSync(join(folder, "package/usr/bin", name), join(cache, name));
    }
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function refreshLists(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  try {
    await run("apt-get", ["update"], { timeout: commandMsMax });
    return true;
  } catch {
    return false;
  }
}

const stopMsMax = 5000;

/**
 * Scrapes `/metrics` of these `host:port` every 200 ms, asks for OpenMetrics and keeps its exemplars, evaluates the
 * rules in `ruleFiles`; everything of it is served under `/prom/`.
 */
export async function startPrometheus(
  command: string,
  targets: readonly string[],
  ruleFiles: readonly string[] = [],
): Promise<RealPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-prometheus-"));
  const config = {
    global: { scrape_interval: "200ms", scrape_timeout: "200ms", evaluation_interval: "200ms" },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: "test", static_configs: [{ targets }] }],
  };
  // JSON is YAML too.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const child = spawn(
    command,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      "--web.route-prefix=/prom",
      "--enable-feature=exemplar-storage",
    ],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
    await gone;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  };
  const url = await readAddress(child.stderr);
  if (url !== null) return { url, stop };
  await stop();
  throw new Error("prometheus ended before it was ready");
}

/** Its log tells the port that it was given, and when it is ready; it is read on, so that it never blocks. */
async function readAddress(log: NodeJS.ReadableStream): Promise<string | null> {
  return await new Promise((resolve) => {
    let address = "";
    let isReady = false;
    const lines = createInterface(log);
    lines.on("close", () => resolve(null));
    lines.on("line", (line) => {
      address ||= /msg="Listening on".* address=([\d.]+:\d+)/.exec(line)?.[1] ?? "";
      isReady ||= line.includes("Server is ready to receive web requests");
      if (address !== "" && isReady) resolve(`http://${address}/prom`);
    });
  });
}
