import { err, ok } from "../base/result.ts";
import type { Result } from "../base/result.ts";
import type { Config } from "../core/config/model.ts";
import {
  handlesMax,
  type EndpointHealth,
  type FromWorker,
  type IssuedHandle,
  type ReportedMetric,
  type RoutingTable,
  type WorkerOptions,
  type WriteReport,
} from "../wire/messages.ts";
import type { WorkerSnapshot } from "./worker-counts.ts";
import { WorkerSlot } from "./worker-slot.ts";
import type { SlotDependencies, SlotOwner, WorkerSource, WorkerState } from "./worker-slot.ts";

export type SupervisorOptions = {
  readonly config: Config;
  readonly epochs: Readonly<Record<string, number>>;
};

export type SupervisorDependencies = SlotDependencies & {
  readonly onSnapshot: (snapshot: WorkerSnapshot, source: WorkerSource) => void;
  /** A thread has ended and sends no more. */
  readonly onWorkerGone: (source: WorkerSource) => void;
  /** A write lies on disk for the variants that did not answer it, or could not be put there. */
  readonly onWrite: (report: WriteReport) => void;
};

export type SupervisorState = {
  readonly workers: readonly WorkerState[];
  /** Workers replaced since the start. */
  readonly restarts: number;
  /** The port that the workers share; 0 before the first listens. */
  readonly port: number;
  /** The newest routing table's version. */
  readonly routingVersion: number;
  /** At least one worker takes connections, with a routing table that all could use. */
  readonly ready: boolean;
};

/** Runs the data plane's threads: starts them on one port, keeps them running and tells them what they need. */
export type Supervisor = {
  /** Resolves to the port when every worker listens; an error says why the first could not. */
  start(): Promise<Result<number, string>>;
  /**
   * Gives every worker a new routing table and waits until each confirmed it. A worker that does not
   * within 2 s is replaced. When one cannot use the table, all go back to the one before, and the
   * answer is why.
   */
  applyRouting(
    config: Config,
    epochs: Readonly<Record<string, number>>,
  ): Promise<Result<number, string>>;
  setHealth(endpoints: readonly EndpointHealth[]): void;
  /** Tells the workers how many writes wait for other variants. */
  setMirrorRoom(room: { readonly writes: number; readonly bytes: number }): void;
  /** Hands metrics to the workers that had the requests; resolves to the places of those that were taken. */
  reportMetrics(metrics: readonly ReportedMetric[]): Promise<ReadonlySet<number>>;
  /** The workers serve on, but ask clients to come back on another connection. */
  leave(): void;
  /** Lets the workers finish what is in flight; resolves to how many exchanges the deadline cut. */
  drain(deadlineMs: number): Promise<number>;
  /** Ends every worker at once; may be called again. */
  stop(): Promise<void>;
  state(): SupervisorState;
};

export const routingAckMsMax = 2000;
/** How long workers have to say which reported metrics were theirs. */
const reportAnswerMs = 1000;

export function createSupervisor(
  options: SupervisorOptions,
  dependencies: SupervisorDependencies,
): Supervisor {
  return new ThreadSupervisor(options, dependencies);
}

/** A routing table on its way to the workers. */
type Rollout = {
  readonly waiting: Set<WorkerSlot>;
  settle(result: Result<number, string>): void;
};

class ThreadSupervisor implements Supervisor, SlotOwner {
  readonly #dependencies: SupervisorDependencies;
  readonly #slots: readonly WorkerSlot[];
  #table: RoutingTable;
  /** The newest table that every worker could use. */
  #confirmed: RoutingTable;
  #health: readonly EndpointHealth[] = [];
  #port: number;
  #rollout: Rollout | null = null;
  /** Set while `start` waits; called with the first failure, or null when a worker listens. */
  #onStart: ((failure: string | null) => void) | null = null;
  #leaving = false;
  #ending = false;
  #aborted = 0;
  #onEmpty: (() => void)[] = [];
  /** The newest last. */
  #handles: readonly IssuedHandle[] = [];
  #reportId = 0;
  readonly #reports = new Map<number, (slot: WorkerSlot, taken: readonly number[]) => void>();

  constructor({ config, epochs }: SupervisorOptions, dependencies: SupervisorDependencies) {
    this.#dependencies = dependencies;
    this.#table = { version: 1, config, epochs };
    this.#confirmed = this.#table;
    this.#port = config.listen.port;
    const indexes = Array.from({ length: config.listen.workers }, (_, index) => index);
    this.#slots = indexes.map((index) => new WorkerSlot(index, this, dependencies));
  }

  async start(): Promise<Result<number, string>> {
    const [first, ...others] = this.#slots as [WorkerSlot, ...WorkerSlot[]];
    // The first worker finds the port when the configuration leaves it to the system.
    const failure = (await this.#startSlots([first])) ?? (await this.#startSlots(others));
    if (failure === null) return ok(this.#port);
    await this.stop();
    return err(failure);
  }

  async applyRouting(
    config: Config,
    epochs: Readonly<Record<string, number>>,
  ): Promise<Result<number, string>> {
    this.#rollout?.settle(err("overtaken by another routing table"));
    const table = { version: this.#table.version + 1, config, epochs };
    const applied = await this.#publish(table);
    if (applied.ok) this.#confirmed = table;
    else if (this.#table === table && !this.#ending) {
      // Versions only rise, so the former table comes back under a new one.
      await this.#publish({ ...this.#confirmed, version: table.version + 1 });
    }
    return applied;
  }

  setMirrorRoom({ writes, bytes }: { readonly writes: number; readonly bytes: number }): void {
    for (const slot of this.#slots) slot.post({ kind: "mirror_room", writes, bytes });
  }

  setHealth(endpoints: readonly EndpointHealth[]): void {
    this.#health = endpoints;
    for (const slot of this.#slots) slot.post({ kind: "health", endpoints });
  }

  leave(): void {
    this.#leaving = true;
    for (const slot of this.#slots) slot.post({ kind: "leave" });
  }

  async drain(deadlineMs: number): Promise<number> {
    this.#end();
    for (const slot of this.#slots) slot.drain(deadlineMs);
    await this.#whenEmpty();
    return this.#aborted;
  }

  async stop(): Promise<void> {
    this.#end();
    for (const slot of this.#slots) slot.stop();
    await this.#whenEmpty();
  }

  state(): SupervisorState {
    const workers = this.#slots.map((slot) => slot.state());
    const routingVersion = this.#table.version;
    return {
      workers,
      restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
      port: this.#port,
      routingVersion,
      ready: workers.some(({ phase }) => phase === "listening"),
    };
  }

  options(index: number): WorkerOptions {
    return {
      index,
      table: this.#table,
      port: this.#port,
      health: this.#health,
      handles: [...this.#handles],
    };
  }

  onMessage(slot: WorkerSlot, message: FromWorker, source: WorkerSource): void {
    const { log, onSnapshot } = this.#dependencies;
    switch (message.kind) {
      case "listening":
        this.#port = message.port;
        if (this.#leaving) slot.post({ kind: "leave" });
        if (slot.restarts > 0) log("info", "worker replaced", { worker: slot.index });
        this.#onStart?.(null);
        return;
      case "listen_failed":
        this.#onStart?.(message.message);
        return;
      case "routing_applied":
        if (message.version === this.#table.version) this.#confirm(slot);
        return;
      case "routing_failed":
        log("error", "routing table refused", { worker: slot.index, reason: message.message });
        if (message.version === this.#table.version) this.#rollout?.settle(err(message.message));
        return;
      case "drained":
        this.#aborted += message.aborted;
        return;
      case "log":
        log(message.level, message.message, { ...message.facts });
        return;
      case "failing":
        return;
      case "handles":
        this.#shareHandles(slot, message.handles);
        return;
      case "write":
        this.#dependencies.onWrite(message.report);
        return;
      case "metrics_taken":
        this.#reports.get(message.id)?.(slot, message.taken);
        return;
      case "snapshot":
        onSnapshot(message, source);
    }
  }

  /** A client may come back with its handle to any worker, also to one that starts later. */
  #shareHandles(from: WorkerSlot, handles: readonly IssuedHandle[]): void {
    this.#handles = this.#handles.concat(handles).slice(-handlesMax);
    for (const slot of this.#slots) if (slot !== from) slot.post({ kind: "handles", handles });
  }

  reportMetrics(metrics: readonly ReportedMetric[]): Promise<ReadonlySet<number>> {
    const asked = new Set(this.#slots.filter(({ phase }) => phase === "listening"));
    const id = (this.#reportId += 1);
    const taken = new Set<number>();
    if (asked.size === 0) return Promise.resolve(taken);
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#reports.delete(id);
        resolve(taken);
      };
      // A worker that is gone has no more say in it.
      const cancel = this.#dependencies.timers.after(reportAnswerMs, settle);
      this.#reports.set(id, (slot, places) => {
        for (const place of places) taken.add(place);
        if (asked.delete(slot) && asked.size === 0) settle();
      });
      for (const slot of asked) slot.post({ kind: "metrics", id, metrics });
    });
  }

  onLost(slot: WorkerSlot, reason: string): void {
    // Its replacement starts with the newest table.
    this.#confirm(slot);
    this.#onStart?.(`worker ${slot.index} ended before it listened: ${reason}`);
  }

  onGone(_slot: WorkerSlot, source: WorkerSource): void {
    this.#dependencies.onWorkerGone(source);
    if (!this.#isEmpty) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  get #isEmpty(): boolean {
    return this.#slots.every(({ isEmpty }) => isEmpty);
  }

  /** Resolves to null when all of them listen, or to the first failure. */
  #startSlots(slots: readonly WorkerSlot[]): Promise<string | null> {
    if (slots.length === 0) return Promise.resolve(null);
    return new Promise((resolve) => {
      let left = slots.length;
      this.#onStart = (failure) => {
        left -= 1;
        if (failure === null && left > 0) return;
        this.#onStart = null;
        // At once, so that no replacement starts for a worker that cannot work.
        if (failure !== null) for (const slot of this.#slots) slot.stop();
        resolve(failure);
      };
      for (const slot of slots) slot.start();
    });
  }

  #publish(table: RoutingTable): Promise<Result<number, string>> {
    this.#table = table;
    const live = this.#slots.filter(({ phase }) => phase === "starting" || phase === "listening");
    return new Promise((resolve) => {
      const cancel = this.#dependencies.timers.after(routingAckMsMax, () => this.#replaceSilent());
      const rollout: Rollout = {
        waiting: new Set(live),
        settle: (result) => {
          cancel();
          this.#rollout = null;
          resolve(result);
        },
      };
      this.#rollout = rollout;
      for (const slot of live) slot.post({ kind: "routing", table });
      if (live.length === 0) rollout.settle(ok(table.version));
    });
  }

  #confirm(slot: WorkerSlot): void {
    const rollout = this.#rollout;
    if (rollout === null || !rollout.waiting.delete(slot) || rollout.waiting.size > 0) return;
    rollout.settle(ok(this.#table.version));
  }

  /** A worker that is busy for seconds is of no use to its clients either; one that starts has its own limit. */
  #replaceSilent(): void {
    for (const slot of this.#rollout?.waiting ?? []) {
      if (slot.phase !== "starting") {
        slot.replace(`did not confirm a routing table within ${routingAckMsMax / 1000} s`);
      }
    }
  }

  #end(): void {
    this.#ending = true;
    this.#rollout?.settle(err("Sluice is stopping"));
  }

  #whenEmpty(): Promise<void> {
    if (this.#isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }
}
