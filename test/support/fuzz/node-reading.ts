import http from "node:http";
import { Duplex } from "node:stream";

/** A message as node:http (llhttp, strict) reads it. */
export type NodeMessage = {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly content: string;
  readonly whole: boolean;
};

class Pipe extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  destroySoon(): void {
    this.destroy();
  }
}

/** Feeds bytes to node:http's server parser; resolves when it has made of them what it can. */
export function readWithNodeServer(
  bytes: string,
): Promise<{ messages: NodeMessage[]; refused: string | null }> {
  return new Promise((resolve) => {
    const messages: (NodeMessage & { content: string; whole: boolean })[] = [];
    let refused: string | null = null;
    const pipe = new Pipe();
    const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
      const message = {
        method: request.method ?? "",
        target: request.url ?? "",
        status: 0,
        content: "",
        whole: false,
      };
      messages.push(message);
      request.setEncoding("latin1");
      request.on("data", (text: string) => (message.content += text));
      request.on("end", () => (message.whole = true));
      request.on("error", () => {});
      response.end();
    };
    const server = http.createServer({ keepAliveTimeout: 0, insecureHTTPParser: false }, onRequest);
    server.on("checkContinue", onRequest);
    server.on("checkExpectation", onRequest);
    server.on("clientError", (error: NodeJS.ErrnoException) => {
      refused ??= error.code ?? error.message;
      pipe.destroy();
    });
    server.emit("connection", pipe);
    pipe.push(Buffer.from(bytes, "latin1"));
    pipe.push(null);
    // Everything pushed is parsed within a few turns of the loop; the pipe has no other source.
    let turns = 0;
    const turn = () => {
      turns += 1;
      if (turns < 8) return void setImmediate(turn);
      pipe.destroy();
      resolve({ messages, refused });
    };
    setImmediate(turn);
  });
}

/** Feeds bytes to node:http's client parser as the answer to a GET; then the connection ends. */
export function readWithNodeClient(
  bytes: string,
): Promise<NodeMessage & { refused: string | null }> {
  return new Promise((resolve) => {
    const pipe = new Pipe();
    const message = { method: "GET", target: "/", status: 0, content: "", whole: false };
    let settled = false;
    const settle = (refused: string | null) => {
      if (settled) return;
      settled = true;
      pipe.destroy();
      resolve({ ...message, refused });
    };
    const request = http.request({
      createConnection: () => pipe,
      path: "/",
      host: "a.test",
    });
    request.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    request.on("response", (response) => {
      message.status = response.statusCode ?? 0;
      response.setEncoding("latin1");
      response.on("data", (text: string) => (message.content += text));
      response.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
      response.on("end", () => {
        message.whole = response.complete;
        settle(null);
      });
    });
    request.on("upgrade", () => settle("upgrade"));
    request.end();
    setImmediate(() => {
      pipe.push(Buffer.from(bytes, "latin1"));
      pipe.push(null);
    });
  });
}
