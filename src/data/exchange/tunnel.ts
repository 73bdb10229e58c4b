import http from "node:http";
import { Duplex } from "node:stream";
import { createProxyServer } from "http-proxy-3";
import type { Endpoint, UpstreamTls } from "../../core/traffic/policy.ts";
import type { SocketOwner, WireSocket } from "../wire-socket.ts";

/** Tunnels open at once on one worker; beyond it an upgrade is answered 503. */
export const tunnelsMax = 4096;

export type TunnelTarget = { readonly endpoint: Endpoint; readonly tls: UpstreamTls };

/** What became of an upgrade: the status of the upstream's answer, or null when there was none. */
export type HandshakeListener = (status: number | null) => void;

/**
 * Carries upgraded connections (WebSocket): the socket, with the rewritten request head put before the
 * bytes still to be read, is handed to an internal node:http server whose `upgrade` event feeds
 * http-proxy-3. Only this path uses that library: its HTTP path has known faults.
 */
export class Tunnels {
  readonly #server = http.createServer((_request, response) => response.destroy());
  readonly #proxy = createProxyServer({ ws: true, xfwd: false });
  readonly #open = new Set<TunnelSocket>();

  constructor() {
    this.#server.on("upgrade", (request, socket, head) => {
      const tunnel = socket as unknown as TunnelSocket;
      this.#proxy.ws(request, tunnel, head, { target: tunnel.targetOptions() }, () =>
        tunnel.fail(),
      );
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
    this.#proxy.on("error", (_error, _request, socket) => {
      if (socket instanceof TunnelSocket) socket.fail();
    });
  }

  get size(): number {
    return this.#open.size;
  }

  open(
    wire: WireSocket,
    requestHead: string,
    held: Buffer | null,
    target: TunnelTarget,
    extraHead: string,
    listener: HandshakeListener,
  ): void {
    const socket = new TunnelSocket(wire, target, extraHead, listener);
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    this.#server.emit("connection", socket);
    socket.push(Buffer.from(requestHead, "latin1"));
    if (held !== null) socket.push(held);
    wire.resume();
  }

  /** Cuts all tunnels; the number that was cut. */
  close(): number {
    const cut = this.#open.size;
    for (const socket of this.#open) socket.destroy();
    return cut;
  }
}

class TunnelSocket extends Duplex implements SocketOwner {
  readonly #wire: WireSocket;
  readonly #target: TunnelTarget;
  readonly #extraHead: string;
  #listener: HandshakeListener | null;
  #answered = false;
  #written: ((error?: Error | null) => void) | null = null;

  constructor(
    wire: WireSocket,
    target: TunnelTarget,
    extraHead: string,
    listener: HandshakeListener,
  ) {
    super({ allowHalfOpen: false });
    this.#wire = wire;
    this.#target = target;
    this.#extraHead = extraHead;
    this.#listener = listener;
    wire.setOwner(this);
    this.on("error", () => {});
  }

  get remoteAddress(): string {
    return this.#wire.remoteAddress;
  }

  /** http-proxy-3's target: an endpoint with its TLS settings. */
  targetOptions(): {
    protocol: string;
    host: string;
    port: number;
    ca?: string;
    cert?: string;
    key?: string;
  } {
    const { endpoint, tls } = this.#target;
    return {
      protocol: endpoint.tls ? "https:" : "http:",
      host: endpoint.host,
      port: endpoint.port,
      ...(tls.ca === null ? {} : { ca: tls.ca }),
      ...(tls.cert === null ? {} : { cert: tls.cert }),
      ...(tls.key === null ? {} : { key: tls.key }),
    };
  }

  /** No answer came from the upstream. */
  fail(): void {
    this.#report(null);
  }

  #report(status: number | null): void {
    const listener = this.#listener;
    this.#listener = null;
    listener?.(status);
  }

  override _read(): void {
    this.#wire.resume();
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    if (this.#answered) this.#wire.writeBytes(chunk, 0, chunk.length, null);
    else this.#writeHead(chunk);
    if (this.#wire.backpressured) this.#written = done;
    else done();
  }

  /** The first bytes begin with the status line; the fields that Sluice adds go behind it. */
  #writeHead(chunk: Buffer): void {
    this.#answered = true;
    const lineEnd = chunk.indexOf("\r\n") + 2;
    const line = chunk.toString("latin1", 0, lineEnd);
    this.#wire.writeTextAndBytes(line + this.#extraHead, chunk, lineEnd, chunk.length, null);
    this.#report(Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(line)?.[1] ?? 502));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#wire.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wire.destroy();
    this.#report(null);
    done(error);
  }

  onBytes(bytes: Buffer, length: number): void {
    if (!this.push(Buffer.from(bytes.subarray(0, length)))) this.#wire.pause();
  }

  onEnd(): void {
    this.push(null);
  }

  onDrain(): void {
    const done = this.#written;
    this.#written = null;
    done?.();
  }

  onClosed(): void {
    this.destroy();
  }

  // What http-proxy-3 and node:http call on a net.Socket.
  destroySoon(): void {
    this.end(() => this.destroy());
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}
