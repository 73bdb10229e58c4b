import type { Endpoint, UpstreamLimits, UpstreamTls } from "../../core/traffic/policy.ts";
import type { Deadline, TimerWheel } from "../timer-wheel.ts";
import {
  reasonOf,
  UpstreamConnection,
  type ConnectionOwner,
  type UpstreamFailure,
  type UpstreamUser,
} from "./upstream-connection.ts";

/** A waiting exchange; it leaves the queue when it gets a connection, gives up or waits too long. */
type Waiter = { user: UpstreamUser | null; method: string; readonly deadline: Deadline };

export type PoolOptions = {
  readonly endpoint: Endpoint;
  readonly tls: UpstreamTls;
  readonly limits: UpstreamLimits;
  readonly connectMs: number;
};

const headersMax = 256;

/**
 * The connections of one worker to one endpoint: idle ones are reused newest first, new ones are opened
 * up to a limit, and beyond it exchanges wait in a bounded queue.
 */
export class EndpointPool implements ConnectionOwner {
  readonly options: PoolOptions;
  connectionsOpen = 0;
  connectFailures = 0;
  exchangesInFlight = 0;
  readonly #wheel: TimerWheel;
  readonly #nowMs: () => number;
  readonly readClock: () => void;
  readonly #idle: UpstreamConnection[] = [];
  readonly #connecting = new Map<UpstreamConnection, { waiter: Waiter; deadline: Deadline }>();
  readonly #open = new Set<UpstreamConnection>();
  #waiting: Waiter[] = [];
  #closed = false;
  #emptied: (() => void) | null = null;

  constructor(options: PoolOptions, wheel: TimerWheel, nowMs: () => number, readClock: () => void) {
    this.options = options;
    this.#wheel = wheel;
    this.#nowMs = nowMs;
    this.readClock = readClock;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  /** Asks for a connection; the answer comes through `user`, at once when one is idle. */
  acquire(user: UpstreamUser, method: string): void {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (!connection.usable) continue;
      if (connection.idleUntilMs <= this.#nowMs()) {
        connection.wire.destroy();
        continue;
      }
      this.#give(connection, user, method);
      return;
    }
    this.acquireNew(user, method);
  }

  /** As `acquire`, but never on a connection that has served before (after a lost reuse race). */
  acquireNew(user: UpstreamUser, method: string): void {
    if (this.connectionsOpen < this.options.limits.connectionsMax) {
      this.#connect(user, method);
    } else if (this.#waiting.length < this.options.limits.pendingMax) {
      const waiter = this.#createWaiter(user, method, () => this.#expireWaiter(waiter));
      this.#waiting.push(waiter);
      this.#wheel.set(waiter.deadline, this.#nowMs() + this.options.limits.pendingTimeoutMs);
    } else {
      user.onUpstreamFailed("pending_limit", "the queue for a connection is full");
    }
  }

  /** Gives up a wait, whether queued or connecting. */
  cancel(user: UpstreamUser): void {
    const at = this.#waiting.findIndex((waiter) => waiter.user === user);
    if (at !== -1) {
      const [waiter] = this.#waiting.splice(at, 1);
      this.#wheel.remove((waiter as Waiter).deadline);
      return;
    }
    for (const { waiter } of this.#connecting.values()) {
      if (waiter.user === user) waiter.user = null;
    }
  }

  /** Closes idle connections whose time is over; to be called about once a second. */
  closeExpired(): void {
    const nowMs = this.#nowMs();
    let kept = 0;
    for (const connection of this.#idle) {
      if (!connection.usable) continue;
      if (connection.idleUntilMs <= nowMs) connection.wire.destroy();
      else this.#idle[kept++] = connection;
    }
    this.#idle.length = kept;
  }

  /** Takes no more exchanges back: idle connections close now, busy ones after their exchange. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.wire.destroy();
  }

  /** Closes every connection at once; resolves when the last one is gone. */
  destroy(): Promise<void> {
    this.close();
    for (const waiter of this.#waiting.splice(0)) {
      this.#wheel.remove(waiter.deadline);
      waiter.user?.onUpstreamFailed("reset", "the proxy is stopping");
    }
    return new Promise((resolve) => {
      this.#emptied = resolve;
      for (const connection of this.#open) connection.wire.destroy();
      if (this.connectionsOpen === 0) resolve();
    });
  }

  onOpened(connection: UpstreamConnection): void {
    const attempt = this.#connecting.get(connection);
    if (attempt === undefined) return;
    this.#connecting.delete(connection);
    this.#wheel.remove(attempt.deadline);
    const { user, method } = attempt.waiter;
    if (user === null) this.onIdle(connection);
    else this.#give(connection, user, method);
  }

  onIdle(connection: UpstreamConnection): void {
    const next = this.#waiting.shift();
    if (next !== undefined && next.user !== null) {
      this.#wheel.remove(next.deadline);
      this.#give(connection, next.user, next.method);
      return;
    }
    if (this.#closed) return connection.wire.destroy();
    const { keepAliveMs } = this.options.limits;
    const promisedMs = connection.keepAliveSeconds * 1000 - 1000;
    const idleMs =
      connection.keepAliveSeconds === -1 ? keepAliveMs : Math.min(keepAliveMs, promisedMs);
    if (idleMs <= 0) return connection.wire.destroy();
    connection.idleUntilMs = this.#nowMs() + idleMs;
    this.#idle.push(connection);
  }

  onGone(connection: UpstreamConnection, opened: boolean, error: Error | null): void {
    this.connectionsOpen -= 1;
    this.#open.delete(connection);
    if (this.connectionsOpen === 0) this.#emptied?.();
    const attempt = this.#connecting.get(connection);
    if (attempt !== undefined) {
      this.#connecting.delete(connection);
      this.#wheel.remove(attempt.deadline);
      if (!opened) this.connectFailures += 1;
      const failure: UpstreamFailure = "connect_failed";
      attempt.waiter.user?.onUpstreamFailed(failure, reasonOf(error));
    }
    this.#connectNext();
  }

  #give(connection: UpstreamConnection, user: UpstreamUser, method: string): void {
    const reused = connection.served > 0;
    connection.begin(user, method);
    user.onUpstreamReady(connection, reused);
  }

  #createWaiter(user: UpstreamUser, method: string, expire: () => void): Waiter {
    return { user, method, deadline: this.#wheel.create(expire) };
  }

  #expireWaiter(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at !== -1) this.#waiting.splice(at, 1);
    waiter.user?.onUpstreamFailed("pending_limit", "no connection became free in time");
  }

  #connect(user: UpstreamUser, method: string): void {
    const { endpoint, tls, limits, connectMs } = this.options;
    this.connectionsOpen += 1;
    const connection = new UpstreamConnection(
      endpoint,
      tls,
      { bytesMax: limits.responseHeadBytesMax, headersMax },
      this,
    );
    this.#open.add(connection);
    const waiter = this.#createWaiter(user, method, () => {});
    const deadline = this.#wheel.create(() => {
      this.#connecting.delete(connection);
      this.connectFailures += 1;
      const { user: waiting } = waiter;
      connection.wire.destroy();
      waiting?.onUpstreamFailed("connect_timeout", `no connection within ${connectMs} ms`);
    });
    this.#connecting.set(connection, { waiter, deadline });
    this.#wheel.set(deadline, this.#nowMs() + connectMs);
  }

  /** A place became free: the first that waits gets a new connection. */
  #connectNext(): void {
    if (this.connectionsOpen >= this.options.limits.connectionsMax) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#wheel.remove(next.deadline);
    if (next.user !== null) this.#connect(next.user, next.method);
  }
}
