import { endpointHash, fnv32a, mix32 } from "../../core/assignment/hash.ts";
import type { Endpoint, UpstreamPolicy } from "../../core/traffic/policy.ts";
import type { EndpointState } from "../../wire/messages.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { RetryBudget } from "./retry-budget.ts";

/** One endpoint as a worker knows it: its connections, and what passive and active checks say. */
export class UpstreamEndpoint {
  readonly endpoint: Endpoint;
  readonly identity: string;
  readonly pool: EndpointPool;
  /** As the control plane's active checks see it. */
  healthy = true;
  ejectedUntilMs = 0;
  ejections = 0;
  readonly #hash: number;
  #failuresInRow = 0;
  #ejectionsInRow = 0;

  constructor(endpoint: Endpoint, identity: string, pool: EndpointPool) {
    this.endpoint = endpoint;
    this.identity = identity;
    this.pool = pool;
    this.#hash = fnv32a(endpoint.origin + endpoint.basePath);
  }

  isAvailable(nowMs: number): boolean {
    return this.healthy && nowMs >= this.ejectedUntilMs;
  }

  /** Weight of this endpoint for a user: the highest wins (rendezvous hashing, Thaler & Ravishankar 1998). */
  score(userHash: number): number {
    return mix32(userHash ^ this.#hash);
  }

  noteSuccess(): void {
    this.#failuresInRow = 0;
    this.#ejectionsInRow = 0;
  }

  /** Counts a failure; true when it is the one that should eject the endpoint. */
  noteFailure(consecutiveFailures: number): boolean {
    this.#failuresInRow += 1;
    return this.#failuresInRow >= consecutiveFailures;
  }

  eject(nowMs: number, baseMs: number, maxMs: number): void {
    this.ejectedUntilMs = nowMs + Math.min(maxMs, baseMs * 2 ** this.#ejectionsInRow);
    this.#ejectionsInRow = Math.min(this.#ejectionsInRow + 1, 30);
    this.#failuresInRow = 0;
    this.ejections += 1;
  }
}

/** An upstream as a worker uses it: picks an endpoint for each exchange and learns from how it went. */
export class Upstream {
  policy: UpstreamPolicy;
  endpoints: readonly UpstreamEndpoint[];
  readonly budget = new RetryBudget();

  constructor(policy: UpstreamPolicy, endpoints: readonly UpstreamEndpoint[]) {
    this.policy = policy;
    this.endpoints = endpoints;
  }

  /**
   * The endpoint for a user, or null when none is available. `avoid` (the one that just failed) is
   * taken only when it is the last.
   */
  pick(
    user: string | null,
    nowMs: number,
    avoid: UpstreamEndpoint | null,
  ): UpstreamEndpoint | null {
    const only = this.endpoints[0] as UpstreamEndpoint;
    if (this.endpoints.length === 1) return only.isAvailable(nowMs) ? only : null;
    const userHash = user === null || this.policy.balance !== "hash" ? null : endpointHash(user);
    let best: UpstreamEndpoint | null = null;
    let bestScore = -Infinity;
    for (const candidate of this.endpoints) {
      if (!candidate.isAvailable(nowMs)) continue;
      let score = userHash === null ? -candidate.pool.exchangesInFlight : candidate.score(userHash);
      if (candidate === avoid) score = -Number.MAX_VALUE;
      if (score > bestScore) {
        best = candidate;
        bestScore = score;
      }
    }
    return best;
  }

  noteFailure(endpoint: UpstreamEndpoint, nowMs: number): void {
    const { consecutiveFailures, baseMs, maxMs, maxShare } = this.policy.ejection;
    if (!endpoint.noteFailure(consecutiveFailures) || nowMs < endpoint.ejectedUntilMs) return;
    let ejected = 1;
    for (const other of this.endpoints) if (nowMs < other.ejectedUntilMs) ejected += 1;
    if (ejected > maxShare * this.endpoints.length) return;
    endpoint.eject(nowMs, baseMs, maxMs);
  }

  states(nowMs: number): EndpointState[] {
    return this.endpoints.map(({ endpoint, pool, ejectedUntilMs, ejections }) => ({
      upstream: this.policy.name,
      origin: endpoint.origin,
      ejected: nowMs < ejectedUntilMs,
      connectionsOpen: pool.connectionsOpen,
      exchangesInFlight: pool.exchangesInFlight,
      pending: pool.pending,
      connectFailures: pool.connectFailures,
      ejections,
    }));
  }
}

/** All upstreams of a worker; endpoints whose connection settings did not change live through a reload. */
export class UpstreamSet {
  readonly byName = new Map<string, Upstream>();
  readonly #wheel: TimerWheel;
  readonly #nowMs: () => number;
  readonly #readClock: () => void;
  /** Pools of removed endpoints that still carry exchanges. */
  #retired: EndpointPool[] = [];

  constructor(wheel: TimerWheel, nowMs: () => number, readClock: () => void) {
    this.#wheel = wheel;
    this.#nowMs = nowMs;
    this.#readClock = readClock;
  }

  apply(policies: Readonly<Record<string, UpstreamPolicy>>): void {
    const kept = new Set<UpstreamEndpoint>();
    for (const policy of Object.values(policies)) {
      const current = this.byName.get(policy.name);
      const endpoints = policy.endpoints.map((endpoint) =>
        this.#endpoint(policy, endpoint, current),
      );
      for (const endpoint of endpoints) kept.add(endpoint);
      for (const endpoint of current?.endpoints ?? [])
        if (!kept.has(endpoint)) this.#retire(endpoint);
      if (current === undefined) this.byName.set(policy.name, new Upstream(policy, endpoints));
      else {
        current.policy = policy;
        current.endpoints = endpoints;
      }
    }
    for (const [name, upstream] of this.byName) {
      if (policies[name] !== undefined) continue;
      for (const endpoint of upstream.endpoints) this.#retire(endpoint);
      this.byName.delete(name);
    }
  }

  /** Closes what has been idle too long; to be called about once a second. */
  closeExpired(): void {
    for (const upstream of this.byName.values()) {
      for (const { pool } of upstream.endpoints) pool.closeExpired();
    }
    this.#retired = this.#retired.filter((pool) => pool.connectionsOpen > 0);
  }

  /** Closes every connection at once; resolves when the last one is gone. */
  async destroy(): Promise<void> {
    const current = [...this.byName.values()].flatMap(({ endpoints }) =>
      endpoints.map(({ pool }) => pool),
    );
    await Promise.all([...current, ...this.#retired].map((pool) => pool.destroy()));
  }

  get connectionsOpen(): number {
    let open = 0;
    for (const upstream of this.byName.values()) {
      for (const { pool } of upstream.endpoints) open += pool.connectionsOpen;
    }
    for (const pool of this.#retired) open += pool.connectionsOpen;
    return open;
  }

  #endpoint(
    policy: UpstreamPolicy,
    endpoint: Endpoint,
    current: Upstream | undefined,
  ): UpstreamEndpoint {
    const options = {
      endpoint,
      tls: policy.tls,
      limits: policy.limits,
      connectMs: policy.timeouts.connectMs,
    };
    const identity = JSON.stringify(options);
    const existing = current?.endpoints.find((candidate) => candidate.identity === identity);
    if (existing !== undefined) return existing;
    return new UpstreamEndpoint(
      endpoint,
      identity,
      new EndpointPool(options, this.#wheel, this.#nowMs, this.#readClock),
    );
  }

  #retire(endpoint: UpstreamEndpoint): void {
    endpoint.pool.close();
    this.#retired.push(endpoint.pool);
  }
}
