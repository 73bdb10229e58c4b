import { Client } from "undici";
import type { UpstreamTls } from "../../core/traffic/policy.ts";

/**
 * One client for each request under way, so that none waits behind another inside the client; the one that was free
 * last goes first, and the others close when they have been idle for long.
 */
export class Connections {
  readonly #origin: string;
  readonly #tls: UpstreamTls;
  readonly #idle: Client[] = [];
  readonly #all = new Set<Client>();

  constructor(origin: string, tls: UpstreamTls) {
    this.#origin = origin;
    this.#tls = tls;
  }

  /** A client that is busy with nothing. */
  take(): Client {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const { verify, ca, cert, key, serverName } = this.#tls;
    const client = new Client(this.#origin, {
      pipelining: 1,
      // Time-outs are the run's own: the client's are seconds coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: 0,
        rejectUnauthorized: verify,
        ...(ca !== null && { ca }),
        ...(cert !== null && { cert }),
        ...(key !== null && { key }),
        ...(serverName !== null && { servername: serverName }),
      },
    });
    this.#all.add(client);
    return client;
  }

  /** Its request has ended. */
  giveBack(client: Client): void {
    if (this.#all.has(client)) this.#idle.push(client);
  }

  /** Ends a client with whatever it is busy with. */
  discard(client: Client, reason: Error): void {
    if (!this.#all.delete(client)) return;
    void client.destroy(reason);
  }

  async close(): Promise<void> {
    const clients = [...this.#all];
    this.#all.clear();
    this.#idle.length = 0;
    await Promise.all(clients.map((client) => client.destroy()));
  }
}
