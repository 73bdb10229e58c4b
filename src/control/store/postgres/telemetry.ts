import { sharedStoreLimits, type RemotePart } from "../shared-store.ts";
import type { Session } from "./connection.ts";

const { collectBytesMax } = sharedStoreLimits;
/** Bytes of one statement's answer, one part aside: others get their turn on the connection in between. */
const pageBytesMax = 4 * 1024 * 1024;
const replicasMax = 1000;

/** A part whose first answer was lost is there already. */
export async function publish(
  session: Session,
  instance: string,
  sequence: number,
  body: Uint8Array,
): Promise<void> {
  await session.run(
    "INSERT INTO telemetry (instance, sequence, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [instance, sequence, body],
  );
}

/**
 * Remembers what was collected of each replica. A replica writes its parts one after the other, so whatever comes after
 * the last one that was seen is new.
 */
export class TelemetryReader {
  readonly #instance: string;
  readonly #seen = new Map<string, number>();
  /** When this replica began, by the server's clock, as its text. */
  #since: string | null = null;

  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Called when the server is there first: what is older is not collected. */
  async begin(session: Session): Promise<void> {
    if (this.#since !== null) return;
    const [row] = await session.rows<{ now: string }>("SELECT clock_timestamp()::text AS now");
    this.#since = row?.now ?? null;
  }

  /**
   * The next parts of all others in turn, each once and in order; `ask` gets the connection for one statement. Rejects only
   * while nothing was collected: what was is given, and the next call finds out what went wrong.
   */
  async collect(
    ask: <Value>(work: (session: Session) => Promise<Value>) => Promise<Value>,
  ): Promise<readonly RemotePart[]> {
    const collected: RemotePart[] = [];
    let bytes = 0;
    while (bytes < collectBytesMax) {
      const roomBytes = Math.min(pageBytesMax, collectBytesMax - bytes);
      let page: readonly Part[];
      try {
        page = await ask((session) => this.#readPage(session, roomBytes));
      } catch (error) {
        if (collected.length === 0) throw error;
        break;
      }
      for (const { instance, sequence, body } of page) {
        collected.push({ instance, body });
        bytes += body.byteLength;
        this.#note(instance, sequence);
      }
      if (page.at(-1)?.isLast !== false) break;
    }
    return collected;
  }

  /** The longest silent are forgotten first: nothing of them is there any more. */
  #note(instance: string, sequence: number): void {
    this.#seen.delete(instance);
    this.#seen.set(instance, sequence);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > replicasMax && oldest !== undefined) this.#seen.delete(oldest);
  }

  async #readPage(session: Session, bytesMax: number): Promise<readonly Part[]> {
    const seen = [...this.#seen];
    return session.rows<Part>(
      `WITH waiting AS (
         SELECT instance, sequence, octet_length(body) AS bytes,
           row_number() OVER (PARTITION BY instance ORDER BY sequence) AS turn
         FROM telemetry
         LEFT JOIN unnest($1::text[], $2::bigint[]) AS known (instance, seen) USING (instance)
         WHERE instance <> $3 AND (sequence > seen OR (seen IS NULL AND at >= $4::timestamptz))),
       placed AS (
         SELECT instance, sequence, turn,
           sum(bytes) OVER earlier - bytes AS bytes_before,
           row_number() OVER earlier = count(*) OVER () AS is_last
         FROM waiting
         WINDOW earlier AS (ORDER BY turn, instance ROWS UNBOUNDED PRECEDING))
       SELECT instance, sequence, body, is_last AS "isLast"
       FROM placed JOIN telemetry USING (instance, sequence)
       WHERE bytes_before < $5
       ORDER BY turn, instance`,
      [
        seen.map(([instance]) => instance),
        seen.map(([, sequence]) => sequence),
        this.#instance,
        this.#since,
        bytesMax,
      ],
    );
  }
}

type Part = {
  readonly instance: string;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly isLast: boolean;
};
