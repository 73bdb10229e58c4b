import type { AlertNotice } from "../../core/alerting/notice.ts";

/** What one delivery takes. */
export type Batch = readonly [AlertNotice, ...AlertNotice[]];

/**
 * Notices that wait for one channel, oldest first. Those at its front that are under way stay in it, so that they are
 * not lost when it all ends, and nothing moves them.
 */
export class NoticeQueue {
  readonly #lengthMax: number;
  readonly #notices: AlertNotice[];
  #held = 0;

  constructor(lengthMax: number, notices: readonly AlertNotice[] = []) {
    this.#lengthMax = lengthMax;
    this.#notices = [...notices];
  }

  get length(): number {
    return this.#notices.length;
  }

  /**
   * Adds one; the returned one had to go for it, null when there was room. A repetition takes the place of what it
   * repeats: it is the newer word about the same.
   */
  push(notice: AlertNotice): AlertNotice | null {
    const repeated = this.#notices.findIndex(
      (waiting, at) => at >= this.#held && isRepetition(waiting, notice),
    );
    if (repeated !== -1) {
      this.#notices[repeated] = notice;
      return null;
    }
    this.#notices.push(notice);
    if (this.#notices.length <= this.#lengthMax) return null;
    return this.#notices.splice(this.#leastWorth(), 1)[0] ?? null;
  }

  /**
   * What is to be sent next, at most `countMax` and of no alert twice, so that its last word is the last one heard.
   * `release` takes it out. Null when nothing waits.
   */
  hold(countMax: number): Batch | null {
    const [first] = this.#notices;
    if (first === undefined) return null;
    const alerts = new Set<string>();
    for (const { alert } of this.#notices) {
      if (alerts.size >= countMax || alerts.has(alert)) break;
      alerts.add(alert);
    }
    this.#held = alerts.size;
    return [first, ...this.#notices.slice(1, this.#held)];
  }

  /** Takes out what was held. */
  release(): void {
    this.#notices.splice(0, this.#held);
    this.#held = 0;
  }

  /** Takes out everything. */
  clear(): readonly AlertNotice[] {
    this.#held = 0;
    return this.#notices.splice(0);
  }

  /** The oldest that fired and is over by now, since its end says that it was; else the oldest. */
  #leastWorth(): number {
    const resolved = new Set<string>();
    let found = this.#held;
    for (let at = this.#notices.length - 1; at >= this.#held; at -= 1) {
      const notice = this.#notices[at];
      if (notice?.status === "resolved") resolved.add(notice.alert);
      else if (notice?.status === "firing" && resolved.has(notice.alert)) found = at;
    }
    return found;
  }
}

function isRepetition(one: AlertNotice, other: AlertNotice): boolean {
  return (
    one.alert === other.alert &&
    one.status === other.status &&
    one.startedAtMs === other.startedAtMs
  );
}
