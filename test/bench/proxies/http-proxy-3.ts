import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import httpProxy from "http-proxy-3";
import { armOf } from "./arm.ts";

/** `http-proxy-3`, its native `web`. Arguments: `default` or `keep-alive`, and the two upstream ports. */

const [mode, ...ports] = process.argv.slice(2);
const targets = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string];
const agent = mode === "keep-alive" ? new Agent({ keepAlive: true, maxSockets: 128 }) : undefined;
const proxy = httpProxy.createProxyServer(agent === undefined ? {} : { agent });
proxy.on("error", (error) => {
  throw error;
});
const server = createServer((request, response) => {
  proxy.web(request, response, { target: targets[armOf(request.headers["x-user-id"])] });
});
server.listen(0, "127.0.0.1", () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on("disconnect", () => process.exit());
