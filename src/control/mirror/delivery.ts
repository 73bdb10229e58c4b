import { createReadStream } from "node:fs";
import { Agent } from "undici";
import type { UpstreamPolicy } from "../../core/traffic/policy.ts";
import type { WriteAnswer } from "../../core/mirror/divergence.ts";
import type { MirroredWrite } from "../../wire/mirrored-write.ts";

/** How long a variant may take for a write. */
const answerMsMax = 330_000;
/** Of an answer so much is read; LightRAG's are short. */
const answerBytesMax = 64 * 1024;

export type WriteTarget = MirroredWrite["targets"][number];

/** Sends writes to upstreams; one agent for each, with its certificates. */
export class WriteSender {
  readonly #agents = new Map<string, { readonly settings: string; readonly agent: Agent }>();

  /** Sends a write with the body in `file`. Rejects when no answer came. */
  async send(
    upstream: UpstreamPolicy,
    target: WriteTarget,
    file: string,
    bodyBytes: number,
  ): Promise<WriteAnswer & { readonly status: number }> {
    const [endpoint] = upstream.endpoints;
    if (endpoint === undefined) throw new Error(`${upstream.name} has no endpoint`);
    const scheme = endpoint.tls ? "https" : "http";
    const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
    const body = bodyBytes === 0 ? null : createReadStream(file);
    try {
      const answer = await this.#agentOf(upstream).request({
        origin: `${scheme}://${host}:${endpoint.port}`,
        path: endpoint.basePath + target.path,
        method: target.method,
        headers: [...target.headers, "content-length", String(bodyBytes)],
        body,
      });
      const says = await readStatus(answer.body);
      return { status: answer.statusCode, says };
    } finally {
      body?.destroy();
    }
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#agents.values(), ({ agent }) => agent.destroy()));
    this.#agents.clear();
  }

  #agentOf({ name, tls, timeouts }: UpstreamPolicy): Agent {
    const settings = JSON.stringify([tls, timeouts]);
    const known = this.#agents.get(name);
    if (known?.settings === settings) return known.agent;
    void known?.agent.close();
    const agent = new Agent({
      connections: 2,
      headersTimeout: answerMsMax,
      bodyTimeout: answerMsMax,
      connect: {
        timeout: timeouts.connectMs,
        rejectUnauthorized: tls.verify,
        ...(tls.ca === null ? {} : { ca: tls.ca }),
        ...(tls.cert === null ? {} : { cert: tls.cert }),
        ...(tls.key === null ? {} : { key: tls.key }),
        ...(tls.serverName === null ? {} : { servername: tls.serverName }),
      },
    });
    this.#agents.set(name, { settings, agent });
    return agent;
  }
}

/** The `status` of a JSON answer; null where there is none. */
async function readStatus(body: AsyncIterable<Buffer>): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes <= answerBytesMax) pieces.push(piece);
  }
  if (bytes > answerBytesMax) return null;
  try {
    const { status } = JSON.parse(Buffer.concat(pieces).toString("utf8")) as { status?: unknown };
    return typeof status === "string" ? status : null;
  } catch {
    return null;
  }
}
