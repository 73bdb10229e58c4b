import { Agent, request } from "undici";
import type { Random, Timers } from "../base/clock.ts";
import { healthAtStart, stepHealth } from "../core/traffic/health.ts";
import type { HealthState } from "../core/traffic/health.ts";
import type { Endpoint, HealthCheck, UpstreamPolicy, UpstreamTls } from "../core/traffic/policy.ts";
import type { EndpointHealth } from "../wire/messages.ts";
import type { SupervisorLog } from "./worker-slot.ts";

export type HealthDependencies = {
  readonly timers: Timers;
  readonly random: Random;
  readonly log: SupervisorLog;
  /** Called with the health of every checked endpoint whenever one changes. */
  readonly publish: (endpoints: readonly EndpointHealth[]) => void;
};

/** Checks the endpoints of every upstream that asks for it. */
export type HealthChecker = {
  /** Starts, keeps or ends checks so that they fit these upstreams; an endpoint that stays keeps its state. */
  apply(upstreams: Readonly<Record<string, UpstreamPolicy>>): void;
  state(): readonly CheckedEndpoint[];
  /** Ends every check; resolves when their connections are closed. */
  stop(): Promise<void>;
};

export type CheckedEndpoint = EndpointHealth & {
  readonly checks: number;
  readonly failures: number;
  /** Why the last check failed; null when it did not, or before the first. */
  readonly lastFailure: string | null;
};

const healthLimits = {
  /** The first check of an endpoint comes within this time, so that a dead one is found soon after the start. */
  firstDelayMsMax: 1000,
  /** Intervals vary by this share up and down, so that replicas do not check in step. */
  jitter: 0.1,
  headBytesMax: 16 * 1024,
} as const;

export function createHealthChecker(dependencies: HealthDependencies): HealthChecker {
  const checks = new Map<string, EndpointCheck>();
  let closing: Promise<unknown>[] = [];

  const state = () => Array.from(checks.values(), (check) => check.state());
  const publish = () => {
    dependencies.publish(
      state().map(({ upstream, origin, healthy }) => ({ upstream, origin, healthy })),
    );
  };
  const end = (key: string, check: EndpointCheck) => {
    checks.delete(key);
    const closed = check.stop();
    closing.push(closed);
    void closed.then(() => (closing = closing.filter((other) => other !== closed)));
  };

  function apply(upstreams: Readonly<Record<string, UpstreamPolicy>>): void {
    const wanted = new Map<string, CheckTarget>();
    for (const { name, endpoints, health, tls } of Object.values(upstreams)) {
      if (health === null) continue;
      for (const endpoint of endpoints) {
        wanted.set(`${name} ${endpoint.origin}`, { upstream: name, endpoint, policy: health, tls });
      }
    }
    let changed = false;
    for (const [key, check] of checks) {
      if (wanted.has(key)) continue;
      end(key, check);
      changed = true;
    }
    for (const [key, target] of wanted) {
      const present = checks.get(key);
      if (present !== undefined && JSON.stringify(present.target) === JSON.stringify(target)) {
        continue;
      }
      if (present !== undefined) end(key, present);
      checks.set(key, new EndpointCheck(target, present?.health, dependencies, publish));
      changed = true;
    }
    if (changed) publish();
  }

  async function stop(): Promise<void> {
    for (const [key, check] of checks) end(key, check);
    await Promise.all(closing);
  }

  return { apply, state, stop };
}

type CheckTarget = {
  readonly upstream: string;
  readonly endpoint: Endpoint;
  readonly policy: HealthCheck;
  readonly tls: UpstreamTls;
};

/** The checks of one endpoint: one at a time, each over a connection of its own. */
class EndpointCheck {
  readonly target: CheckTarget;
  health: HealthState;
  readonly #dependencies: HealthDependencies;
  readonly #onChange: () => void;
  readonly #agent: Agent;
  #checks = 0;
  #failures = 0;
  #lastFailure: string | null = null;
  #cancelTimer: () => void;
  #abort: AbortController | null = null;
  #stopped = false;

  constructor(
    target: CheckTarget,
    health: HealthState = healthAtStart,
    dependencies: HealthDependencies,
    onChange: () => void,
  ) {
    this.target = target;
    this.health = health;
    this.#dependencies = dependencies;
    this.#onChange = onChange;
    this.#agent = createAgent(target);
    const { timers, random } = dependencies;
    const { firstDelayMsMax } = healthLimits;
    const firstMs = random.next() * Math.min(target.policy.intervalMs, firstDelayMsMax);
    this.#cancelTimer = timers.after(firstMs, () => void this.#run());
  }

  state(): CheckedEndpoint {
    const { upstream, endpoint } = this.target;
    return {
      upstream,
      origin: endpoint.origin,
      healthy: this.health.healthy,
      checks: this.#checks,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#abort?.abort();
    await this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const failure = await this.#check();
    if (this.#stopped) return;
    this.#checks += 1;
    if (failure !== null) this.#failures += 1;
    this.#lastFailure = failure;
    this.#step(failure);
    const { timers, random } = this.#dependencies;
    const factor = 1 + healthLimits.jitter * (2 * random.next() - 1);
    const delayMs = Math.round(this.target.policy.intervalMs * factor);
    this.#cancelTimer = timers.after(delayMs, () => void this.#run());
  }

  #step(failure: string | null): void {
    const before = this.health;
    this.health = stepHealth(before, failure === null, this.target.policy);
    if (this.health.healthy === before.healthy) return;
    const { upstream, endpoint } = this.target;
    const facts = { upstream, origin: endpoint.origin, ...(failure !== null && { failure }) };
    const { log } = this.#dependencies;
    if (this.health.healthy) log("info", "endpoint healthy again", facts);
    else log("warn", "endpoint unhealthy", facts);
    this.#onChange();
  }

  /** One GET; null when the answer is 2xx within the time-out, else what was wrong. */
  async #check(): Promise<string | null> {
    const { endpoint, policy } = this.target;
    const abort = new AbortController();
    this.#abort = abort;
    const cancelTimeout = this.#dependencies.timers.after(policy.timeoutMs, () => {
      abort.abort(new Error(`no answer within ${policy.timeoutMs} ms`));
    });
    try {
      const { statusCode, body } = await request(
        `${endpoint.origin}${endpoint.basePath}${policy.path}`,
        {
          dispatcher: this.#agent,
          signal: abort.signal,
          headers: { "user-agent": "sluice-health" },
        },
      );
      // The status is the answer; a body of any length is not waited for.
      body.on("error", () => {});
      body.destroy();
      return statusCode >= 200 && statusCode < 300 ? null : `status ${statusCode}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      cancelTimeout();
    }
  }
}

function createAgent({ policy, tls }: CheckTarget): Agent {
  return new Agent({
    // No keep-alive: each check shows that the endpoint takes new connections.
    pipelining: 0,
    allowH2: false,
    maxHeaderSize: healthLimits.headBytesMax,
    connect: {
      timeout: policy.timeoutMs,
      rejectUnauthorized: tls.verify,
      ...(tls.ca !== null && { ca: tls.ca }),
      ...(tls.cert !== null && { cert: tls.cert }),
      ...(tls.key !== null && { key: tls.key }),
      ...(tls.serverName !== null && { servername: tls.serverName }),
    },
  });
}
