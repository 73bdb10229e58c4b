/** The requests of the benchmark and the check of their responses, the same for every proxy. */

const usersCount = 1000;

/** `POST /embeddings` with about 120 bytes of JSON, one per user. */
export function requestsFor(bytes: number, chunked: boolean): readonly Buffer[] {
  const body = JSON.stringify({
    model: "text-embedding-bench",
    input: "How do I choose the chunk size for retrieval over long technical documents?",
  });
  return Array.from({ length: usersCount }, (_, user) =>
    Buffer.from(
      `POST ${targetFor(bytes, chunked)} HTTP/1.1\r\nhost: bench.local\r\n` +
        `x-user-id: user-${String(user).padStart(4, "0")}\r\ncontent-type: application/json\r\n` +
        `accept: application/json\r\nuser-agent: sluice-bench\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
}

function targetFor(bytes: number, chunked: boolean): string {
  return `/embeddings?bytes=${bytes}${chunked ? "&chunked" : ""}`;
}

/** Takes a read's bytes (the first `length` of `buffer`); says whether the response is complete and as expected. */
export type ResponseScanner = (buffer: Buffer, length: number) => "more" | "right" | "wrong";

const headEnd = Buffer.from("\r\n\r\n");
const chunkedEnd = "\r\n0\r\n\r\n";

/** Reads one response after another; `right` is status 200 and a body of exactly `bytes` bytes. */
export function responseScanner(bytes: number, chunked: boolean): ResponseScanner {
  // Of the response being read: bytes still to come, or -1 before its head is complete.
  let missing = -1;
  let right = false;
  let rest: Buffer = Buffer.alloc(0);

  function scanSized(read: Buffer): ReturnType<ResponseScanner> {
    if (missing >= 0) {
      missing -= read.length;
    } else {
      const whole = rest.length === 0 ? read : Buffer.concat([rest, read]);
      const head = whole.indexOf(headEnd);
      if (head < 0) {
        rest = Buffer.from(whole);
        return "more";
      }
      const text = whole.latin1Slice(0, head);
      const length = /\r\ncontent-length: *(\d+)/i.exec(text);
      right = text.startsWith("200", 9) && Number(length?.[1]) === bytes;
      missing = head + headEnd.length + bytes - whole.length;
      rest = Buffer.alloc(0);
    }
    if (missing > 0) return "more";
    const verdict = right && missing === 0 ? "right" : "wrong";
    missing = -1;
    return verdict;
  }

  function scanChunked(read: Buffer): ReturnType<ResponseScanner> {
    rest = rest.length === 0 ? read : Buffer.concat([rest, read]);
    if (
      !rest.toString("latin1", Math.max(0, rest.length - chunkedEnd.length)).endsWith(chunkedEnd)
    ) {
      rest = Buffer.from(rest);
      return "more";
    }
    const verdict = isChunkedAnswer(rest, bytes) ? "right" : "wrong";
    rest = Buffer.alloc(0);
    return verdict;
  }

  return (buffer, length) => {
    const read = buffer.subarray(0, length);
    return chunked ? scanChunked(read) : scanSized(read);
  };
}

function isChunkedAnswer(response: Buffer, bytes: number): boolean {
  const head = response.indexOf(headEnd);
  const text = response.latin1Slice(0, head);
  if (!text.startsWith("200", 9) || !/\r\ntransfer-encoding: *chunked/i.test(text)) return false;
  let at = head + headEnd.length;
  let total = 0;
  while (at < response.length) {
    const lineEnd = response.indexOf("\r\n", at);
    const size = Number.parseInt(response.latin1Slice(at, lineEnd), 16);
    if (!(size > 0)) break;
    total += size;
    at = lineEnd + 2 + size + 2;
  }
  return total === bytes;
}
