import type { AddressInfo } from "node:net";
import httpProxy from "@fastify/http-proxy";
import Fastify from "fastify";
import { armOf } from "./arm.ts";

/** `@fastify/http-proxy` (undici, keep-alive by default). Arguments: the two upstream ports. */

const targets = process.argv.slice(2).map((port) => `http://127.0.0.1:${port}`);
const app = Fastify();
await app.register(httpProxy, {
  upstream: "",
  replyOptions: {
    getUpstream: (request) => targets[armOf(request.headers["x-user-id"])] as string,
  },
});
await app.listen({ host: "127.0.0.1", port: 0 });
process.send?.({ port: (app.server.address() as AddressInfo).port });
process.on("disconnect", () => process.exit());
