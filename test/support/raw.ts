import net from "node:net";

/** A client that writes bytes and keeps all that comes back. */
export type RawClient = {
  readonly socket: net.Socket;
  received(): string;
  write(bytes: string | Buffer): void;
  /** Resolves once what was received matches; rejects when the connection closes first. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves to everything received once the connection is closed. */
  closed(): Promise<string>;
  destroy(): void;
};

export async function connectRaw(port: number): Promise<RawClient> {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  let received = "";
  let closed = false;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of listeners) listener();
  };
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    notify();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    notify();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const wait = (done: () => boolean, fail: () => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (done()) resolve(received);
        else if (fail())
          reject(new Error(`the connection closed after ${JSON.stringify(received)}`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return {
    socket,
    received: () => received,
    write: (bytes) =>
      void socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes),
    until: (pattern) =>
      wait(
        () => pattern.test(received),
        () => closed,
      ),
    closed: () =>
      wait(
        () => closed,
        () => false,
      ),
    destroy: () => socket.destroy(),
  };
}

/** Sends bytes on a connection of their own and resolves to the answer when it is closed. */
export async function exchangeRaw(port: number, bytes: string | Buffer): Promise<string> {
  const client = await connectRaw(port);
  client.write(bytes);
  return client.closed();
}

/** A server whose every connection is scripted by the test, and that keeps all bytes it got. */
export type RawServer = {
  readonly port: number;
  readonly sockets: net.Socket[];
  /** Everything received, one string a connection. */
  received(): string[];
  /** Resolves once the connection's bytes match. */
  until(pattern: RegExp, connection?: number): Promise<string>;
  close(): Promise<void>;
};

export async function startRawServer(
  onBytes: (socket: net.Socket, received: string, connection: number) => void,
): Promise<RawServer> {
  const sockets: net.Socket[] = [];
  const received: string[] = [];
  const listeners = new Set<() => void>();
  const server = net.createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    const connection = sockets.push(socket) - 1;
    received.push("");
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received[connection] += bytes.toString("latin1");
      onBytes(socket, received[connection] as string, connection);
      for (const listener of listeners) listener();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    sockets,
    received: () => received,
    until: (pattern, connection = 0) =>
      new Promise((resolve) => {
        const look = () => {
          const text = received[connection] ?? "";
          if (!pattern.test(text)) return;
          listeners.delete(look);
          resolve(text);
        };
        listeners.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A raw server that answers each whole request head (and what follows of it) with `response`. */
export function answering(response: string): Promise<RawServer> {
  const answered = new WeakMap<net.Socket, number>();
  return startRawServer((socket, received) => {
    const heads = received.split("\r\n\r\n").length - 1;
    for (let at = answered.get(socket) ?? 0; at < heads; at += 1) {
      socket.write(Buffer.from(response, "latin1"));
    }
    answered.set(socket, heads);
  });
}
