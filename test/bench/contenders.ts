import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  familyOf,
  freePort,
  nextMessage,
  portOpen,
  startNode,
  startPinned,
  stop,
  versionOf,
} from "./processes.ts";

/** The proxies that are compared; each splits users half and half between the two upstream ports. */

export type UpstreamPorts = readonly [number, number];

export type Running = {
  readonly port: number;
  /** Every process of the proxy, now. */
  readonly pids: () => readonly number[];
  readonly stop: () => Promise<void>;
};

export type Contender = {
  readonly name: string;
  /** What exactly is measured; null when it is not installed here. */
  readonly describe: () => Promise<string | null>;
  readonly start: (cores: string, upstreams: UpstreamPorts) => Promise<Running>;
};

export const contenders: readonly Contender[] = [
  sluice("sluice", 1),
  {
    name: "haproxy",
    describe: () => versionOf("haproxy", "-v"),
    start: (cores, upstreams) =>
      startConfigured(cores, "haproxy", ["-db", "-f"], (port) => haproxyConfig(port, upstreams)),
  },
  {
    name: "nginx",
    describe: async () => withNote(await versionOf("nginx", "-v"), "split_clients, keepalive"),
    start: (cores, upstreams) =>
      startConfigured(cores, "nginx", ["-c"], (port, folder) =>
        nginxConfig(port, folder, upstreams),
      ),
  },
  {
    name: "fastify",
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

/** Sluice with the given number of worker threads, for comparing one with two. */
export function sluice(name: string, workers: number): Contender {
  return {
    name,
    describe: async () =>
      `Sluice, ${workers} worker${workers === 1 ? "" : "s"}: hash assignment, telemetry and admin port on`,
    start: (cores, upstreams) =>
      startConfigured(
        cores,
        process.execPath,
        [new URL("../../src/main/sluice.ts", import.meta.url).pathname, "serve", "--config"],
        (port) => sluiceConfig(port, workers, upstreams),
      ),
  };
}

function httpProxy3(name: string, mode: "default" | "keep-alive"): Contender {
  const how = mode === "default" ? "as it comes: a connection per request" : "keep-alive agent";
  return {
    name,
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
  return { port, pids: () => [child.pid as number], stop: () => stop(child) };
}

async function startConfigured(
  cores: string,
  command: string,
  args: readonly string[],
  configFor: (port: number, folder: string) => string,
): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const port = await freePort();
  const file = join(folder, "config.yaml");
  writeFileSync(file, configFor(port, folder));
  const child: ChildProcess = startPinned(cores, command, [...args, file]);
  const end = async (): Promise<void> => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await portOpen(port, child);
  } catch (error) {
    await end();
    throw error;
  }
  return { port, pids: () => familyOf(child.pid as number), stop: end };
}

function sluiceConfig(port: number, workers: number, [first, second]: UpstreamPorts): string {
  return `
listen: { host: 127.0.0.1, port: ${port}, workers: ${workers} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn }
upstreams:
  first: { url: "http://127.0.0.1:${first}" }
  second: { url: "http://127.0.0.1:${second}" }
routes:
  - { match: "POST /embeddings", experiment: bench }
experiments:
  bench:
    variants:
      first: { upstream: first, weight: 50, control: true }
      second: { upstream: second, weight: 50 }
    assignment: { user: [ "header:x-user-id" ] }
`;
}

function haproxyConfig(port: number, [first, second]: UpstreamPorts): string {
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend bench
  bind 127.0.0.1:${port}
  http-request set-var(txn.bucket) req.hdr(x-user-id),xxh32,mod(10000)
  use_backend second if { var(txn.bucket) -m int lt 5000 }
  default_backend first
backend first
  server first 127.0.0.1:${first}
backend second
  server second 127.0.0.1:${second}
`;
}

function nginxConfig(port: number, folder: string, [first, second]: UpstreamPorts): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  split_clients $http_x_user_id $arm { 50% first; * second; }
  upstream first { server 127.0.0.1:${first}; keepalive 128; keepalive_requests 1000000000; }
  upstream second { server 127.0.0.1:${second}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://$arm;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

function packageVersion(name: string): string {
  const url = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
}

function withNote(version: string | null, note: string): string | null {
  return version === null ? null : `${version}, ${note}`;
}
