import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { haproxyConfig, nginxConfig, sluiceConfig, type UpstreamPorts } from "./configurations.ts";
import {
  familyOf,
  freePort,
  nextMessage,
  openFolder,
  portServes,
  startNode,
  startPinned,
  stop,
  versionOf,
} from "./processes.ts";

/** The proxies that are compared; each splits users half and half between the two upstream ports. */

export type Running = {
  readonly port: number;
  /** Every process of the proxy, now. */
  readonly pids: () => readonly number[];
  /** The command, and the configuration it was given. */
  readonly configuration: string;
  readonly stop: () => Promise<void>;
};

export type Contender = {
  readonly name: string;
  /** What Sluice does for every request and this one does not. */
  readonly without: string | null;
  /** What exactly is measured; null when it is not installed here. */
  readonly describe: () => Promise<string | null>;
  readonly start: (cores: string, upstreams: UpstreamPorts) => Promise<Running>;
};

const withoutTelemetry =
  "latency histograms, per-user sums, outcome classes, traceparent, Forwarded";
const withoutHeaderWork = `${withoutTelemetry}, x-sluice-variant, X-Forwarded-*, Via, request id`;

export const contenders: readonly Contender[] = [
  sluice("sluice", 1),
  sluice("sluice-inspecting", 1, true),
  haproxy("haproxy", "equal"),
  haproxy("haproxy-bare", "split"),
  {
    name: "nginx",
    without: withoutTelemetry,
    describe: () => described("nginx", "-v", "1 worker, split_clients, the same header work"),
    start: (cores, upstreams) =>
      startConfigured(cores, "nginx", ["-c"], (port, folder) =>
        nginxConfig(port, folder, upstreams),
      ),
  },
  {
    name: "fastify",
    without: withoutHeaderWork,
    describe: async () => `@fastify/http-proxy ${packageVersion("@fastify/http-proxy")}`,
    start: (cores, upstreams) =>
      startScript(
        cores,
        new URL("./proxies/fastify-http-proxy.ts", import.meta.url),
        upstreams.map(String),
      ),
  },
  httpProxy3("http-proxy-3-ka", "keep-alive"),
  httpProxy3("http-proxy-3", "default"),
];

/** Sluice, started as a user would, with the given number of worker threads. */
export function sluice(name: string, workers: number, isInspecting = false): Contender {
  const looks = isInspecting ? ", answers inspected" : "";
  return {
    name,
    without: null,
    describe: async () =>
      `Sluice, ${workers} worker${workers === 1 ? "" : "s"}: hash assignment, telemetry and admin port on${looks}`,
    start: (cores, upstreams) =>
      startConfigured(
        cores,
        process.execPath,
        [fileURLToPath(new URL("../../src/main/sluice.ts", import.meta.url)), "serve", "--config"],
        (port) => sluiceConfig(port, workers, isInspecting, upstreams),
      ),
  };
}

function haproxy(name: string, work: "split" | "equal"): Contender {
  const how = work === "equal" ? "the same header work" : "the split alone, no header work";
  return {
    name,
    without: work === "equal" ? withoutTelemetry : withoutHeaderWork,
    describe: () => described("haproxy", "-v", `1 thread, ${how}`),
    start: (cores, upstreams) =>
      startConfigured(cores, "haproxy", ["-db", "-f"], (port, folder) =>
        haproxyConfig(port, folder, work, upstreams),
      ),
  };
}

function httpProxy3(name: string, mode: "default" | "keep-alive"): Contender {
  const how = mode === "default" ? "as it comes: a connection per request" : "keep-alive agent";
  return {
    name,
    without: withoutHeaderWork,
    describe: async () => `http-proxy-3 ${packageVersion("http-proxy-3")}, native web, ${how}`,
    start: (cores, upstreams) =>
      startScript(cores, new URL("./proxies/http-proxy-3.ts", import.meta.url), [
        mode,
        ...upstreams.map(String),
      ]),
  };
}

async function startScript(cores: string, script: URL, args: readonly string[]): Promise<Running> {
  const child = startNode(cores, script, args);
  const { port } = await nextMessage<{ port: number }>(child);
  return {
    port,
    pids: () => [child.pid as number],
    configuration: `${child.spawnargs.join(" ")}\n\n${readFileSync(script, "utf8")}`,
    stop: () => stop(child),
  };
}

async function startConfigured(
  cores: string,
  command: string,
  args: readonly string[],
  configFor: (port: number, folder: string) => string,
): Promise<Running> {
  const folder = openFolder();
  const port = await freePort();
  const file = join(folder.path, "config.yaml");
  const text = configFor(port, folder.path);
  writeFileSync(file, text);
  const child = startPinned(cores, command, [...args, file]);
  const end = async (): Promise<void> => {
    await stop(child);
    folder.remove();
  };
  try {
    await portServes(port, child);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    port,
    pids: () => familyOf(child.pid as number),
    configuration: `${child.spawnargs.join(" ")}\n${text}`,
    stop: end,
  };
}

async function described(command: string, flag: string, how: string): Promise<string | null> {
  const version = await versionOf(command, flag);
  return version === null ? null : `${version}, ${how}`;
}

function packageVersion(name: string): string {
  const url = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
}
