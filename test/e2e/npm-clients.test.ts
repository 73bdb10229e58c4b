import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPlane, type TestPlane } from "../support/plane.ts";

/** Clients as people use them, through the split, against servers that speak their dialects. */
const vector = Float32Array.from({ length: 256 }, (_, at) => Math.fround(Math.sin(at)));

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function answerJson(response: http.ServerResponse, body: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}

const handlers: Record<string, (body: Buffer, response: http.ServerResponse) => void> = {
  "/v1/embeddings": (body, response) => {
    const { encoding_format: format, model } = JSON.parse(body.toString()) as {
      encoding_format?: string;
      model: string;
    };
    const embedding =
      format === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    answerJson(response, {
      object: "list",
      model,
      data: [{ object: "embedding", index: 0, embedding }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
  },
  "/v1/chat/completions": (_body, response) => {
    response.setHeader("content-type", "text/event-stream");
    for (const content of ["Hel", "lo", "!"]) {
      const chunk = {
        id: "1",
        object: "chat.completion.chunk",
        created: 1,
        model: "m",
        choices: [{ index: 0, delta: { content }, finish_reason: null }],
      };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  },
  "/api/chat": (_body, response) => {
    response.setHeader("content-type", "application/x-ndjson");
    for (const content of ["Hel", "lo"]) {
      response.write(
        `${JSON.stringify({ model: "m", message: { role: "assistant", content }, done: false })}\n`,
      );
    }
    response.end(
      `${JSON.stringify({ model: "m", message: { role: "assistant", content: "" }, done: true, eval_count: 2 })}\n`,
    );
  },
  "/api/embed": (_body, response) =>
    answerJson(response, { model: "m", embeddings: [[...vector]], prompt_eval_count: 3 }),
  "/upload": (body, response) =>
    answerJson(response, {
      bytes: body.length,
      sha256: createHash("sha256").update(body).digest("hex"),
    }),
};

describe("clients from npm", () => {
  const server = http.createServer((request, response) => {
    void readAll(request).then((body) => {
      const handler = handlers[request.url ?? ""];
      if (handler === undefined) response.writeHead(404).end();
      else handler(body, response);
    });
  });
  let plane: TestPlane;
  let base: string;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    plane = await startPlane(`
listen: { host: 127.0.0.1, port: 0 }
upstreams: { a: { url: "${url}" }, b: { url: "${url}" } }
routes: [ { match: "/**", experiment: e } ]
experiments:
  e:
    variants: { a: { upstream: a, control: true }, b: { upstream: b } }
    assignment: { user: [ "header:x-user-id", "body:user" ] }
`);
    base = `http://127.0.0.1:${plane.port}`;
  });
  afterAll(async () => {
    expect(plane.outcomes()).toMatchObject({
      upstream_error: 0,
      proxy_error: 0,
      timeout: 0,
      truncated: 0,
    });
    await plane.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("openai: embeddings in its default base64", async () => {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none" });
    const { data, usage } = await client.embeddings.create({
      model: "m",
      input: "hello",
      user: "alice",
    });
    expect(Float32Array.from(data[0]?.embedding ?? [])).toEqual(vector);
    expect(usage.total_tokens).toBe(3);
  });

  it("openai: embeddings as floats", async () => {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none" });
    const { data } = await client.embeddings.create({
      model: "m",
      input: "hello",
      encoding_format: "float",
    });
    expect(Float32Array.from(data[0]?.embedding ?? [])).toEqual(vector);
  });

  it("openai: a streamed chat", async () => {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none" });
    const stream = await client.chat.completions.create({
      model: "m",
      stream: true,
      messages: [{ role: "user", content: "hi" }],
    });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe("Hello!");
  });

  it("ollama: a streamed chat and an embedding", async () => {
    const client = new Ollama({ host: base });
    let text = "";
    for await (const part of await client.chat({
      model: "m",
      stream: true,
      messages: [{ role: "user", content: "hi" }],
    }))
      text += part.message.content;
    expect(text).toBe("Hello");
    const { embeddings } = await client.embed({ model: "m", input: "hello" });
    expect(Float32Array.from(embeddings[0] ?? [])).toEqual(vector);
  });

  it("undici: a streamed upload of 20 MB arrives whole", async () => {
    const part = Buffer.alloc(64 * 1024, "sluice ");
    const parts = 320;
    const dispatcher = new Agent();
    const response = await fetch(`${base}/upload`, {
      method: "POST",
      body: Readable.from(Array.from({ length: parts }, () => part)),
      duplex: "half",
      dispatcher,
    });
    const expected = createHash("sha256");
    for (let at = 0; at < parts; at += 1) expected.update(part);
    expect(await response.json()).toEqual({
      bytes: part.length * parts,
      sha256: expected.digest("hex"),
    });
    await dispatcher.close();
  });

  it("a user keeps the variant over 200 keep-alive requests", async () => {
    const dispatcher = new Agent({ connections: 4 });
    const variants = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const response = await fetch(`${base}/api/embed`, {
          method: "POST",
          body: "{}",
          headers: { "x-user-id": `user-${at % 4}` },
          dispatcher,
        });
        await response.text();
        return `user-${at % 4} ${response.headers.get("x-sluice-variant")}`;
      }),
    );
    expect(new Set(variants).size).toBe(4);
    await dispatcher.close();
  });
});
