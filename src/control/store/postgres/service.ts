import type { Random, Timers } from "../../../base/clock.ts";
import type { StateVersion } from "../shared-store.ts";
import type { StoreFault } from "../store.ts";
import { Connection, type Session } from "./connection.ts";
import { faultOf, faultOfBug, Refusal } from "./fault.ts";
import { stateChannel } from "./journal.ts";
import {
  flag,
  type FromThread,
  type Performed,
  type ThreadOptions,
  type ToThread,
} from "./messages.ts";
import { createOperations, ServerParts } from "./operations.ts";
import { placeOf, withoutSecret, type Place } from "../../../core/config/database-place.ts";
import { checkVersion, migrationMsMax, prepareSchema } from "./schema.ts";

export type StoreServiceDependencies = {
  readonly timers: Timers;
  readonly random: Random;
  /** Something that is no matter of the server's; told once of each operation. */
  readonly onBug: (stack: string) => void;
};

const pingMs = 500;
/** Between two tries to connect: the first soon, later ones at most so far apart. */
const retryMs = { first: 50, max: 1000 } as const;

/**
 * Runs in a thread of its own: keeps two connections to the server, one for what the main thread waits for and one for all
 * else, performs what it is asked, and finds the server again when it is gone. Nothing that the server or the network does
 * ends the thread, and nothing that happens in it is thrown on the main thread.
 */
export class StoreService {
  readonly #options: ThreadOptions;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #onBug: (stack: string) => void;
  readonly #buggy = new Set<string>();
  readonly #place: Place;
  readonly #flags: Int32Array;
  readonly #parts: ServerParts;
  readonly #operations: Performed;
  #work: Connection | null = null;
  #session: Connection | null = null;
  /** Why the server cannot be used; null while it can. */
  #down: StoreFault | null;
  #attempts = 0;
  #isClosed = false;
  #isPinging = false;
  #isConnecting = false;
  #isRetrying = false;
  #hasToldStatus = false;
  #cancelPings = () => {};

  constructor(options: ThreadOptions, { timers, random, onBug }: StoreServiceDependencies) {
    this.#options = options;
    this.#timers = timers;
    this.#random = random;
    this.#onBug = onBug;
    this.#place = placeOf(options.url);
    this.#flags = new Int32Array(options.flags);
    this.#down = { code: "unreachable", message: `the store ${this.#place.name} is not there yet` };
    this.#parts = new ServerParts(options);
    this.#operations = createOperations(this.#parts, {
      work: (run) => this.#connected(this.#work).ask(run),
      session: (run) => this.#connected(this.#session).ask(run),
    });
  }

  start(): void {
    const { port } = this.#options;
    port.on("message", (message: ToThread) => {
      if (message.kind === "close") void this.#close();
      else void this.#answer(message);
    });
    this.#cancelPings = this.#timers.every(pingMs, () => void this.#ping());
    void this.#connect();
  }

  async #answer({ id, name, values }: Extract<ToThread, { kind: "call" }>): Promise<void> {
    try {
      const perform = this.#operations[name] as (...values: readonly unknown[]) => Promise<unknown>;
      this.#post({ kind: "answer", id, value: await perform(...values) });
    } catch (error) {
      const fault = faultOf(this.#place, error);
      this.#post({ kind: "fault", id, fault: fault ?? faultOfBug(this.#place, error) });
      if (fault === null) this.#tellBug(name, error);
    }
  }

  #tellBug(name: string, error: unknown): void {
    if (this.#buggy.has(name)) return;
    this.#buggy.add(name);
    this.#onBug(`${name}: ${withoutSecret(this.#place, textOf(error))}`);
  }

  #connected(connection: Connection | null): Connection {
    if (this.#down !== null) throw new Refusal(this.#down);
    return connection as Connection;
  }

  async #connect(): Promise<void> {
    this.#isConnecting = true;
    let failure: unknown = null;
    try {
      this.#work ??= await this.#openWork();
      this.#session ??= await this.#openSession();
    } catch (error) {
      failure = error;
    }
    this.#isConnecting = false;
    // One may have been lost while the other was opened.
    if (this.#work !== null && this.#session !== null) {
      this.#attempts = 0;
      this.#setDown(null);
      return;
    }
    if (failure !== null) this.#setDown(this.#faultOf(failure));
    this.#retry();
  }

  async #openWork(): Promise<Connection> {
    const prepare = (asked: Session) => prepareSchema(asked, this.#place, this.#options);
    return this.#open("store", (work) => work.ask(prepare, migrationMsMax));
  }

  async #openSession(): Promise<Connection> {
    return this.#open("replica", (session) =>
      session.ask((asked) => this.#parts.begin(asked, stateChannel)),
    );
  }

  async #open(
    purpose: string,
    prepare: (connection: Connection) => Promise<void>,
  ): Promise<Connection> {
    const connection: Connection = new Connection(
      {
        url: this.#options.url,
        applicationName: `sluice ${purpose}`,
        deadlineMs: this.#options.deadlineMs,
        isReadOnly: this.#options.isReadOnly,
        onLost: (error) => this.#lose(connection, error),
        onNotification: (payload) => this.#tell(payload),
      },
      this.#timers,
    );
    try {
      await connection.open();
      await prepare(connection);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The other connection stays: whoever leads goes on leading while a slow answer costs the first one. */
  #lose(connection: Connection, error: unknown): void {
    if (connection === this.#work) this.#work = null;
    else if (connection === this.#session) this.#session = null;
    else return;
    this.#setDown(this.#faultOf(error));
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed || this.#isConnecting || this.#isRetrying) return;
    this.#isRetrying = true;
    const delayMs = Math.min(retryMs.first * 2 ** this.#attempts, retryMs.max);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    this.#timers.after(delayMs * (0.5 + this.#random.next() / 2), () => {
      this.#isRetrying = false;
      if (!this.#isClosed) void this.#connect();
    });
  }

  #faultOf(error: unknown): StoreFault {
    const message = `the store ${this.#place.name} cannot be prepared (${textOf(error)})`;
    return faultOf(this.#place, error) ?? { code: "io", message };
  }

  /** Finds out that the server is gone before somebody has to wait for it. */
  async #ping(): Promise<void> {
    const [work, session] = [this.#work, this.#session];
    if (this.#isPinging || this.#down !== null || work === null || session === null) return;
    this.#isPinging = true;
    const idle = [work, session].filter((connection) => connection.isIdle);
    const looks = idle.map(async (connection) => {
      try {
        await connection.ask((asked) => this.#look(asked));
      } catch (error) {
        // With a schema that has become too new, both end.
        const ended = error instanceof Refusal ? [work, session] : [connection];
        for (const each of ended) {
          each.close();
          this.#lose(each, error);
        }
      }
    });
    await Promise.all(looks);
    this.#isPinging = false;
    // The main thread may have given up on an answer that came all the same.
    if (this.#down === null) Atomics.store(this.#flags, flag.isUp, 1);
  }

  async #look(session: Session): Promise<void> {
    const [version] = await session.rows<{ version: number; compatibleFrom: number }>(
      `SELECT version, compatible_from AS "compatibleFrom" FROM schema_version`,
    );
    if (version !== undefined) checkVersion(version, this.#place, this.#options.steps);
  }

  #setDown(down: StoreFault | null): void {
    const isSame = this.#down?.message === down?.message;
    this.#down = down;
    Atomics.store(this.#flags, flag.isUp, down === null ? 1 : 0);
    if (!isSame || !this.#hasToldStatus) this.#post({ kind: "status", down });
    this.#hasToldStatus = true;
  }

  #tell(payload: string): void {
    const parsed: unknown = safeParse(payload);
    if (typeof parsed !== "object" || parsed === null) return;
    const { instance, ...changed } = parsed as StateVersion & { readonly instance: string };
    if (instance !== this.#options.instance) this.#post({ kind: "changed", changed });
  }

  #post(message: FromThread): void {
    this.#options.port.postMessage(message);
    Atomics.add(this.#flags, flag.wake, 1);
    Atomics.notify(this.#flags, flag.wake);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPings();
    await Promise.all([this.#work?.end(), this.#session?.end()]);
    this.#options.port.close();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Anybody may send notices on the channel. */
function safeParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
