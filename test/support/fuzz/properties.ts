import { METHODS } from "node:http";
import fc from "fast-check";
import { cuts, packetsOf, requestBytes, responseBytes } from "./messages.ts";
import { readWithNodeClient, readWithNodeServer } from "./node-reading.ts";
import { readRequests, readResponse, type Stream } from "./sluice-reading.ts";

/**
 * The differential properties: whatever Sluice forwards, llhttp reads as the same messages with the same
 * boundaries, and how the bytes were cut into packets changes nothing.
 */

function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}\n  node:http: ${left}\n  Sluice:    ${right}`);
}

function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

function shape({ messages, end }: Stream): unknown {
  const shown = messages.map(({ method, target, content, forwarded, whole }) =>
    whole ? { method, target, content, forwarded, whole } : { method, target, whole },
  );
  return { end, messages: shown };
}

/** Of a message that breaks off, more or less may have been sent on before: one is the start of the other. */
function sameStream(actual: Stream, expected: Stream, what: string): void {
  same(shape(actual), shape(expected), what);
  for (const [at, { forwarded }] of actual.messages.entries()) {
    const other = expected.messages[at]?.forwarded ?? "";
    const shorter = Math.min(forwarded.length, other.length);
    same(forwarded.slice(0, shorter), other.slice(0, shorter), what);
  }
}

export const requestProperty = fc.asyncProperty(requestBytes, cuts, async (text, shares) => {
  const bytes = Buffer.from(text, "latin1");
  const whole = readRequests([bytes]);
  sameStream(
    readRequests(packetsOf(bytes, shares)),
    whole,
    "cut into packets, the reading differs",
  );
  sameStream(readRequests(oneByOne(bytes)), whole, "byte by byte, the reading differs");
  for (const message of whole.messages) {
    const { messages, refused } = await readWithNodeServer(message.forwarded);
    // llhttp knows a fixed list of methods and refuses the others; RFC 9110 leaves the list open.
    if (refused === "HPE_INVALID_METHOD") continue;
    if (message.whole) {
      const { method, target, content } = message;
      same(
        { messages, refused },
        { messages: [{ method, target, status: 0, content, whole: true }], refused: null },
        "a forwarded request is read differently",
      );
    } else if (messages.some(({ whole: ended }) => ended)) {
      throw new Error(`an unfinished request ends cleanly: ${JSON.stringify(message.forwarded)}`);
    }
  }
  const complete = whole.messages.filter(
    ({ whole: ended, method }) => ended && METHODS.includes(method),
  );
  const together = await readWithNodeServer(complete.map(({ forwarded }) => forwarded).join(""));
  same(
    together.messages.map(({ method, target, content }) => ({ method, target, content })),
    complete.map(({ method, target, content }) => ({ method, target, content })),
    "requests on one connection are read differently",
  );
});

export const responseProperty = fc.asyncProperty(responseBytes, cuts, async (text, shares) => {
  const bytes = Buffer.from(text, "latin1");
  const whole = readResponse([bytes]);
  const parts = readResponse(packetsOf(bytes, shares));
  const bitwise = readResponse(oneByOne(bytes));
  for (const reading of [parts, bitwise]) {
    const { status, content, end } = reading;
    same(
      { status, content, end, whole: reading.whole },
      { status: whole.status, content: whole.content, end: whole.end, whole: whole.whole },
      "cut into packets, the reading differs",
    );
  }
  for (const reading of [whole, parts]) {
    if (reading.status === 0) continue;
    const node = await readWithNodeClient(reading.forwarded);
    if (reading.whole) {
      same(
        { status: node.status, content: node.content, whole: node.whole, refused: node.refused },
        { status: reading.status, content: reading.content, whole: true, refused: null },
        "a forwarded response is read differently",
      );
    } else if (node.whole) {
      throw new Error(`a truncated response ends cleanly: ${JSON.stringify(reading.forwarded)}`);
    }
  }
});
