import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A real HTTP server on a free loopback port that answers as the test says. */
export type TestUpstream = {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  /** Requests whose head has arrived. */
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
  }[];
  /** What answers from now on. */
  respond(listener: RequestListener): void;
  /** Resolves when at least `count` requests have come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
};

/** Unless told otherwise it answers `{"upstream": name, "method", "url", "bytes"}` once the body is there. */
export async function startUpstream(name = "upstream"): Promise<TestUpstream> {
  const requests: TestUpstream["requests"] = [];
  const waiting = new Set<() => void>();
  let listener: RequestListener = (request, response) => echo(name, request, response);
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, url, headers });
    for (const look of waiting) look();
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    respond(next) {
      listener = next;
    },
    until: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (requests.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function echo(upstream: string, request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => (bytes += chunk.length));
  request.on("end", () => {
    const { method, url } = request;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ upstream, method, url, bytes }));
  });
}
