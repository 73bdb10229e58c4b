import { createServer, type AddressInfo, type Socket } from "node:net";
import { createRandom } from "../../src/core/statistics/random.ts";

/**
 * What the load testers are compared on, as its own process: `/fast` is answered at once, `/spread` after a time between
 * 5 and 150 ms whose distribution is the same for everybody, `/stall` at once except in the last second of every ten,
 * when everything waits for its end.
 */

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const answer = Buffer.from(`${head}content-length: 11\r\n\r\n{"ok":true}`);

/** Exponential with a mean of 20 ms on top of 5 ms, at evenly spaced quantiles in a mixed order. */
const delaysMs = Array.from({ length: 997 }, (_, at) =>
  Math.min(150, 5 - 20 * Math.log(1 - (at + 0.5) / 997)),
);
const random = createRandom(1);
for (let at = delaysMs.length - 1; at > 0; at -= 1) {
  const other = Math.floor(random() * (at + 1));
  const delay = delaysMs[at] as number;
  delaysMs[at] = delaysMs[other] as number;
  delaysMs[other] = delay;
}

const stallEveryMs = 10_000;
const stallMs = 1000;
const begin = performance.now();
let answered = 0;

function delayOf(target: string): number {
  if (target === "/spread") {
    answered += 1;
    return delaysMs[answered % delaysMs.length] as number;
  }
  if (target !== "/stall") return 0;
  const leftMs = stallEveryMs - ((performance.now() - begin) % stallEveryMs);
  return leftMs <= stallMs ? leftMs : 0;
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    // No tester here sends bodies, or a second request before the first is answered.
    const target = chunk.latin1Slice(4, chunk.indexOf(32, 4));
    const delayMs = delayOf(target);
    if (delayMs === 0) socket.write(answer);
    else setTimeout(() => socket.write(answer), delayMs);
  });
}

const server = createServer(serve);
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on("disconnect", () => process.exit());
