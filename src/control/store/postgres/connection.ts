import { Socket } from "node:net";
import pg from "pg";
import type { Timers } from "../../../base/clock.ts";

/** What may be asked of a connection while it is one's own. */
export type Session = {
  /** Rows of one statement; throws what the server or the network throws. */
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** How many rows a statement changed. */
  run(sql: string, values?: readonly unknown[]): Promise<number>;
};

export type ConnectionOptions = {
  readonly url: string;
  readonly applicationName: string;
  /** Of connecting, and of what is asked unless said otherwise. */
  readonly deadlineMs: number;
  /** The server refuses every write. */
  readonly isReadOnly: boolean;
  readonly onLost: (error: Error) => void;
  readonly onNotification?: (payload: string) => void;
};

const endMsMax = 500;

function noCancel(): void {}

/** One connection to the server, on which one asks at a time. It is never used again once anything went wrong with it. */
export class Connection {
  readonly #client: pg.Client;
  readonly #options: ConnectionOptions;
  readonly #timers: Timers;
  #socket: Socket | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #asked = 0;
  #lost: Error | null = null;

  constructor(options: ConnectionOptions, timers: Timers) {
    this.#options = options;
    this.#timers = timers;
    this.#client = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      keepAlive: true,
      stream: () => (this.#socket = new Socket()),
      types: { getTypeParser: parserOf },
    });
    this.#client.on("error", (error) => this.#lose(error));
    this.#client.on("end", () => this.#lose(new Error("Connection terminated by the server")));
    this.#client.on("notification", ({ payload }) => options.onNotification?.(payload ?? ""));
  }

  /** Connects; rejects with what the network or the server says. */
  async open(): Promise<void> {
    const { deadlineMs, isReadOnly } = this.#options;
    await this.#within(deadlineMs, async () => {
      await this.#client.connect();
      // As statements, because poolers refuse what they do not know at the start. The server gives up before its client does.
      await this.#client.query(`
        SET statement_timeout = ${Math.ceil(deadlineMs * 0.7)};
        SET lock_timeout = ${Math.ceil(deadlineMs * 0.5)};
        SET idle_in_transaction_session_timeout = ${deadlineMs * 2};
        SET search_path = sluice;
        SET default_transaction_read_only = ${isReadOnly ? "on" : "off"};
        SELECT set_config('synchronous_commit', 'on', false)
          WHERE current_setting('synchronous_commit') = 'off'`);
    });
  }

  get isIdle(): boolean {
    return this.#asked === 0;
  }

  /**
   * Runs `work` after what was asked before. When it takes longer than the deadline then, the connection is given up, for
   * nobody knows what the server will still do.
   */
  ask<Value>(
    work: (session: Session) => Promise<Value>,
    deadlineMs = this.#options.deadlineMs,
  ): Promise<Value> {
    this.#asked += 1;
    const asked = this.#tail.then(() => {
      if (this.#lost !== null) throw this.#lost;
      return this.#within(deadlineMs, () => work(this.#session)).finally(() => this.#inspect());
    });
    const settle = () => void (this.#asked -= 1);
    this.#tail = asked.then(settle, settle);
    return asked;
  }

  /** Whatever is asked next would become part of a transaction that was left open, or be refused in an aborted one. */
  #inspect(): void {
    if (this.#client.getTransactionStatus() === "I") return;
    this.#lose(new Error("Connection terminated: a transaction was left open"));
  }

  /** Takes its leave of the server, as far as that listens. */
  async end(): Promise<void> {
    this.#lost ??= new Error("Connection terminated");
    await this.#within(endMsMax, () => this.#client.end()).catch(() => {});
    this.#socket?.destroy();
  }

  /** Gives the connection up at once. */
  close(reason = new Error("Connection terminated")): void {
    this.#lost ??= reason;
    this.#socket?.destroy();
  }

  async #within<Value>(deadlineMs: number, work: () => Promise<Value>): Promise<Value> {
    let cancel = noCancel;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#timers.after(deadlineMs, () => {
        // What came while this thread was busy is read before the next timer.
        cancel = this.#timers.after(0, () => {
          const error = new Error(`timeout expired: no answer in ${deadlineMs} ms`);
          this.#lose(error);
          reject(error);
        });
      });
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      cancel();
    }
  }

  #lose(error: Error): void {
    if (this.#lost !== null) return;
    this.close(error);
    this.#options.onLost(error);
  }

  readonly #session: Session = {
    rows: async <Row>(sql: string, values: readonly unknown[] = []) => {
      const { rows } = await this.#client.query(sql, values.map(storable));
      return rows as Row[];
    },
    run: async (sql, values = []) => {
      const { rowCount } = await this.#client.query(sql, values.map(storable));
      return rowCount ?? 0;
    },
  };
}

/** PostgreSQL's text holds every character but the first one. */
export function storable<Value>(value: Value): Value;
export function storable(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\0", "\uFFFD");
  return Array.isArray(value) ? value.map(storable) : value;
}

/** Runs `change` so that all of it happens or nothing; `begin` may do more in the same statement. */
export async function inTransaction<Value>(
  session: Session,
  change: () => Promise<Value>,
  begin = "BEGIN",
): Promise<Value> {
  try {
    await session.run(begin);
    const value = await change();
    await session.run("COMMIT");
    return value;
  } catch (error) {
    // Also when only the rest of `begin` failed. A connection that is gone has rolled back itself, or nobody knows.
    await session.run("ROLLBACK").catch(() => 0);
    throw error;
  }
}

const parsers: Readonly<Record<number, (value: string) => unknown>> = {
  16: (value) => value === "t",
  // As hexadecimal digits behind `\x`.
  17: (value) => Uint8Array.fromHex(value.slice(2)),
  20: Number,
  21: Number,
  23: Number,
  701: Number,
};

/** By PostgreSQL's number of the type: bool, bytea, int8, int2, int4 and float8; all else is text. */
function parserOf(type: number): (value: string) => unknown {
  return parsers[type] ?? ((value) => value);
}
