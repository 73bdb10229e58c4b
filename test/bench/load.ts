import { connect, type Socket } from "node:net";
import { cpuBetween, threadsCpuUs } from "./cpu-clock.ts";
import { requestsFor, responseScanner, type ResponseScanner } from "./traffic.ts";

/**
 * The load generator, as its own process: keep-alive connections over raw sockets, one request at a time
 * on each, every response checked. Two ways: saturation (each connection sends as soon as it is answered)
 * and a fixed rate (a request starts when it is due, whether or not the earlier ones have ended).
 */

export type LoadOrder = {
  readonly port: number;
  readonly bytes: number;
  readonly chunked: boolean;
  readonly connections: number;
  /** Requests per second; null is saturation. */
  readonly rate: number | null;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Whose CPU is counted over the measured time. */
  readonly pids: readonly number[];
};

export type LoadResult = {
  readonly requests: number;
  readonly seconds: number;
  /** Wrong status, wrong length, or a lost connection. */
  readonly errors: number;
  /** CPU of `pids` over the measured time: all threads, and the busiest one. */
  readonly cpuUs: number;
  readonly busiestThreadUs: number;
  /** The generator's own CPU. */
  readonly ownCpuUs: number;
  /**
   * Milliseconds from when a request was to be sent to its response's last byte; at a fixed rate, waiting for a
   * connection counts, and the pacing timer's own lateness (1 ms) does not.
   */
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** How many latencies are kept; later ones fall on top of the oldest. */
const latenciesMax = 1 << 20;

class Load {
  readonly #order: LoadOrder;
  readonly #requests: readonly Buffer[];
  readonly #latencies = new Float64Array(latenciesMax);
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #next = 0;
  #answered = 0;
  #errors = 0;
  #ended = false;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#requests = requestsFor(order.bytes, order.chunked);
  }

  /** A refused connection, at the start or later, is not caught: it ends this process, and so the measurement. */
  async run(): Promise<LoadResult> {
    const { connections, warmUpSeconds, seconds, rate, pids } = this.#order;
    for (let index = 0; index < connections; index += 1) await this.#open();
    const stopPacing = rate === null ? this.#saturate() : this.#pace(rate);
    await elapse(warmUpSeconds);
    this.#answered = 0;
    const cpu = threadsCpuUs(pids);
    const own = process.cpuUsage();
    const begin = performance.now();
    await elapse(seconds);
    const requests = this.#answered;
    const tookSeconds = (performance.now() - begin) / 1000;
    const { totalUs, busiestThreadUs } = cpuBetween(cpu, threadsCpuUs(pids));
    const { user, system } = process.cpuUsage(own);
    this.#ended = true;
    stopPacing();
    for (const connection of this.#all) connection.close();
    const sorted = this.#latencies.subarray(0, Math.min(requests, latenciesMax)).toSorted();
    return {
      requests,
      seconds: tookSeconds,
      errors: this.#errors,
      cpuUs: totalUs,
      busiestThreadUs,
      ownCpuUs: user + system,
      p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    };
  }

  #saturate(): () => void {
    for (const connection of this.#idle.splice(0)) connection.send(this.#nextRequest());
    return () => {};
  }

  #pace(rate: number): () => void {
    const begin = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      for (; sent < ((now - begin) / 1000) * rate; sent += 1) {
        const connection = this.#idle.pop();
        if (connection === undefined) void this.#open().then((opened) => this.#sendOn(opened, now));
        else connection.send(this.#nextRequest(), now);
      }
    }, 1);
    return () => clearInterval(timer);
  }

  #sendOn(opened: Connection, startedMs?: number): void {
    const at = this.#idle.indexOf(opened);
    if (at >= 0) this.#idle.splice(at, 1)[0]?.send(this.#nextRequest(), startedMs);
  }

  #nextRequest(): Buffer {
    this.#next = (this.#next + 1) % this.#requests.length;
    return this.#requests[this.#next] as Buffer;
  }

  #open(): Promise<Connection> {
    const { port, bytes, chunked } = this.#order;
    const connection = new Connection(port, responseScanner(bytes, chunked), {
      answered: (tookMs, right) => {
        if (this.#ended) return;
        if (!right) this.#errors += 1;
        this.#latencies[this.#answered % latenciesMax] = tookMs;
        this.#answered += 1;
        if (this.#order.rate === null) connection.send(this.#nextRequest());
        else this.#idle.push(connection);
      },
      lost: (inFlight) => {
        this.#all.delete(connection);
        if (this.#ended) return;
        const at = this.#idle.indexOf(connection);
        if (at >= 0) this.#idle.splice(at, 1);
        if (inFlight) this.#errors += 1;
        void this.#open().then((opened) => {
          if (this.#order.rate === null) this.#sendOn(opened);
        });
      },
    });
    this.#all.add(connection);
    return connection.opened.then(() => {
      this.#idle.push(connection);
      return connection;
    });
  }
}

type ConnectionEvents = {
  readonly answered: (tookMs: number, right: boolean) => void;
  readonly lost: (inFlight: boolean) => void;
};

class Connection {
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  #startedMs = 0;
  #inFlight = false;

  constructor(port: number, scanner: ResponseScanner, events: ConnectionEvents) {
    const callback = (length: number, buffer: Buffer): boolean => {
      const verdict = scanner(buffer, length);
      if (verdict === "more") return true;
      this.#inFlight = false;
      events.answered(performance.now() - this.#startedMs, verdict === "right");
      return true;
    };
    this.#socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: Buffer.alloc(64 * 1024), callback },
    });
    this.#socket.on("error", () => {});
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.once("connect", () => {
        this.#socket.on("close", () => events.lost(this.#inFlight));
        resolve();
      });
    });
  }

  send(request: Buffer, startedMs = performance.now()): void {
    this.#inFlight = true;
    this.#startedMs = startedMs;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function elapse(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

process.on("disconnect", () => process.exit());
process.on("message", (order: LoadOrder) => {
  void new Load(order).run().then((result) => process.send?.(result));
});
