import { connect, type Socket } from "node:net";

/**
 * A process of clients that want little and hold much: `node crowd-clients.ts PORT IDLE SLOW`. Idle ones have had one answer
 * and say nothing more; of the slow ones a third trickles a request's head, a third a body, and a third an answer's bytes.
 * Sends what it holds once all are there, and again on every message.
 */
const [port = 0, idle = 0, slow = 0] = process.argv.slice(2).map(Number);
const trickleMs = 1000;
/** Above what `body_progress` asks for. */
const bodyBytesASecond = 100;
const openAtOnce = 200;

export type CrowdHeld = {
  readonly open: number;
  /** Connections that Sluice has closed since the start. */
  readonly closed: number;
};

const open = new Set<Socket>();
let closed = 0;

function dial(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    open.add(socket);
    socket.once("error", reject);
    socket.once("close", () => {
      if (open.delete(socket)) closed += 1;
    });
    socket.on("error", () => {});
  });
}

const head = (more: string) =>
  `POST /embeddings?bytes=200 HTTP/1.1\r\nHost: crowd\r\nX-User-Id: crowd\r\n${more}`;

async function beIdle(): Promise<void> {
  const socket = await dial();
  socket.write(head("Content-Length: 2\r\n\r\n{}"));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resume();
}

async function beSlow(kind: number): Promise<void> {
  const socket = await dial();
  if (kind === 0) {
    socket.write(head(""));
    const timer = setInterval(() => socket.write("X-A: b\r\n"), trickleMs);
    socket.once("close", () => clearInterval(timer));
    socket.resume();
  } else if (kind === 1) {
    socket.write(head("Content-Length: 10000000\r\n\r\n"));
    const timer = setInterval(() => socket.write(Buffer.alloc(bodyBytesASecond)), trickleMs);
    socket.once("close", () => clearInterval(timer));
    socket.resume();
  } else {
    // A large answer, of which it takes a little now and then.
    socket.write(head("Content-Length: 2\r\n\r\n{}").replace("bytes=200", "bytes=4000000"));
    socket.pause();
    const timer = setInterval(() => socket.read(1024), trickleMs);
    socket.once("close", () => clearInterval(timer));
  }
}

const all = [
  ...Array.from({ length: idle }, () => beIdle),
  ...Array.from({ length: slow }, (_, at) => () => beSlow(at % 3)),
];
for (let at = 0; at < all.length; at += openAtOnce) {
  // oxlint-disable-next-line no-await-in-loop
  await Promise.all(all.slice(at, at + openAtOnce).map((start) => start()));
}

function tell(): void {
  process.send?.({ open: open.size, closed } satisfies CrowdHeld);
}

process.on("message", tell);
process.on("disconnect", () => process.exit(0));
tell();
