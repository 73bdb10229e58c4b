import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A loopback port that hands bytes on to another, until the test cuts it. */
export type Relay = {
  readonly url: string;
  /** Request lines of the connections so far, oldest first. */
  readonly requests: readonly string[];
  /** Resolves when that many connections have sent their request line. */
  until(count: number): Promise<void>;
  /** What new connections get: the other port, silence, or an end at once. */
  become(kind: "open" | "silent" | "shut"): void;
  /** Ends all connections. */
  cut(): void;
  close(): Promise<void>;
};

export async function startRelay(target: () => number): Promise<Relay> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let kind: "open" | "silent" | "shut" = "open";
  const attend = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((socket) => {
    attend(socket);
    socket.once("data", (bytes: Buffer) => {
      requests.push(bytes.toString("latin1").split("\r\n", 1)[0] ?? "");
      for (const look of waiting) look();
      if (kind === "shut") socket.destroy();
      if (kind !== "open") return;
      const other = connect(target(), "127.0.0.1");
      attend(other);
      other.on("close", () => socket.destroy());
      socket.on("close", () => other.destroy());
      other.write(bytes);
      socket.pipe(other).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
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
    become: (next) => {
      kind = next;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
