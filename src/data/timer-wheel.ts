/**
 * Deadlines at a coarse grain (one tick), for tens of thousands of connections.
 *
 * Pushing a deadline back, which happens with every byte that moves, only writes a field: the entry is
 * looked at again in the slot where it sits and moved on then. Pulling one forward relinks it.
 * (Varghese & Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 6, with lazy re-insertion.)
 */
export type Deadline = {
  /** Monotonic milliseconds; Infinity is none. */
  atMs: number;
  readonly expire: (nowMs: number) => void;
  /** @internal */
  slotAtMs: number;
  previous: Deadline | null;
  next: Deadline | null;
  slot: number;
};

const slots = 512;
export const wheelTickMs = 50;

export class TimerWheel {
  readonly #heads: (Deadline | null)[] = Array.from({ length: slots }, () => null);
  #tick: number;
  #size = 0;

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / wheelTickMs);
  }

  /** Entries that wait; for leak tests. */
  get size(): number {
    return this.#size;
  }

  create(expire: (nowMs: number) => void): Deadline {
    return { atMs: Infinity, expire, slotAtMs: Infinity, previous: null, next: null, slot: -1 };
  }

  /** Sets when `deadline` expires; Infinity leaves it dormant. */
  set(deadline: Deadline, atMs: number): void {
    deadline.atMs = atMs;
    if (atMs >= deadline.slotAtMs && deadline.slot !== -1) return;
    if (atMs === Infinity) return;
    this.#unlink(deadline);
    this.#link(deadline, this.#tick);
  }

  remove(deadline: Deadline): void {
    deadline.atMs = Infinity;
    this.#unlink(deadline);
  }

  /** Expires all that is due at `nowMs`; to be called about every `wheelTickMs`. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / wheelTickMs);
    const from = Math.max(this.#tick + 1, target - slots + 1);
    for (let tick = from; tick <= target; tick += 1) {
      this.#tick = tick;
      let entry = this.#heads[tick % slots] as Deadline | null;
      while (entry !== null) {
        const next: Deadline | null = entry.next;
        this.#unlink(entry);
        if (entry.atMs <= nowMs) {
          entry.atMs = Infinity;
          entry.expire(nowMs);
        } else if (entry.atMs !== Infinity) this.#link(entry, tick);
        // An expiry may have removed the next entry; then start the slot again.
        entry =
          next !== null && next.slot === tick % slots
            ? next
            : next === null
              ? null
              : (this.#heads[tick % slots] as Deadline | null);
      }
    }
  }

  #link(deadline: Deadline, tick: number): void {
    const wanted = Math.ceil(deadline.atMs / wheelTickMs);
    const at = Math.min(Math.max(wanted, tick + 1), tick + slots - 1);
    const slot = at % slots;
    const head = this.#heads[slot] as Deadline | null;
    deadline.slot = slot;
    deadline.slotAtMs = at * wheelTickMs;
    deadline.previous = null;
    deadline.next = head;
    if (head !== null) head.previous = deadline;
    this.#heads[slot] = deadline;
    this.#size += 1;
  }

  #unlink(deadline: Deadline): void {
    if (deadline.slot === -1) return;
    const { previous, next, slot } = deadline;
    if (previous === null) this.#heads[slot] = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    deadline.previous = null;
    deadline.next = null;
    deadline.slot = -1;
    deadline.slotAtMs = Infinity;
    this.#size -= 1;
  }
}
