import { spanCountOf, type TracedExchange } from "../../core/tracing/traced-exchange.ts";

/** Exchanges whose spans wait to be sent, oldest first; counted in spans. */
export class SpanQueue {
  #waiting: TracedExchange[] = [];
  #spans = 0;

  /** Spans that wait. */
  get spans(): number {
    return this.#spans;
  }

  /** Takes what there is room for; the answer is how many spans there was none for. */
  push(traces: readonly TracedExchange[], spansMax: number): number {
    let dropped = 0;
    for (const traced of traces) {
      const count = spanCountOf(traced);
      if (this.#spans + count > spansMax) dropped += count;
      else {
        this.#waiting.push(traced);
        this.#spans += count;
      }
    }
    return dropped;
  }

  /** The oldest, up to `spansMax` spans but at least one exchange; none when nothing waits. */
  take(spansMax: number): readonly TracedExchange[] {
    let [end, spans] = [0, 0];
    while (end < this.#waiting.length) {
      const count = spanCountOf(this.#waiting[end] as TracedExchange);
      if (end > 0 && spans + count > spansMax) break;
      spans += count;
      end += 1;
    }
    const taken = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
    this.#spans -= spans;
    return taken;
  }
}
