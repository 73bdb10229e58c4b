import { createServer, type AddressInfo, type Socket } from "node:net";

/**
 * The service behind every proxy of the benchmark, as its own process: answers `…?bytes=N[&chunked]`
 * with a precomputed response. It reads just enough HTTP to find where a request ends, so that it costs
 * less than any proxy in front of it. Listens on two ports, one per variant, and tells them by IPC.
 */

const headEnd = Buffer.from("\r\n\r\n");
const responses = new Map<string, Buffer>();

function responseFor(target: string): Buffer {
  let response = responses.get(target);
  if (response === undefined) {
    const { searchParams } = new URL(target, "http://bench");
    const body = embeddingAnswer(Number(searchParams.get("bytes") ?? 0));
    const framing = searchParams.has("chunked")
      ? `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : `content-length: ${body.length}\r\n\r\n${body}`;
    response = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${framing}`);
    responses.set(target, response);
  }
  return response;
}

/** An OpenAI embeddings answer of `bytes`, as far as it fits; numbers as servers write them. */
function embeddingAnswer(bytes: number): string {
  const [before, after] = [
    `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0`,
    `]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`,
  ];
  const room = bytes - before.length - after.length;
  if (room < 0) return "x".repeat(bytes);
  const numbers = Array.from({ length: Math.ceil(room / 8) }, () => {
    return `,${(Math.random() - 0.5).toFixed(16)}`;
  });
  // A number may be cut short, though not behind its comma or point.
  return (
    before +
    numbers
      .join("")
      .slice(0, room)
      .replace(/[,.-]+$/, (cut) => " ".repeat(cut.length)) +
    after
  );
}

/** The bytes of the request that starts at 0, or 0 when it is not all there. */
function requestLength(bytes: Buffer): number {
  const head = bytes.indexOf(headEnd);
  if (head < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.latin1Slice(0, head));
  const end = head + headEnd.length + Number(length?.[1] ?? 0);
  return end <= bytes.length ? end : 0;
}

function answer(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let length = requestLength(rest); length > 0; length = requestLength(rest)) {
      const from = rest.indexOf(32) + 1;
      const target = rest.latin1Slice(from, rest.indexOf(32, from));
      rest = rest.subarray(length);
      socket.write(responseFor(target));
    }
  });
}

function listen(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer(answer);
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

process.on("disconnect", () => process.exit());
process.send?.({ ports: [await listen(), await listen()] });
