import type { ComponentChildren } from "preact";
import { useApp, useNow } from "../app/context.ts";
import { formatValue, unknown } from "../words/numbers.ts";
import type { Unit } from "../words/numbers.ts";
import { formatAge, formatClock, formatMoment } from "../words/time.ts";

/** A name that somebody gave: of any length, in any script; whole in its tooltip. */
export function Name({ children, wraps = false }: { children: string; wraps?: boolean }) {
  return (
    <bdi class={wraps ? "name name-wraps" : "name"} title={children}>
      {children}
    </bdi>
  );
}

/** A number with its unit; "–" where it is not known. */
export function Num({
  value,
  unit = "number",
  title,
}: {
  value: number | null | undefined;
  unit?: Unit;
  title?: string;
}) {
  const text = formatValue(value, unit);
  if (text === unknown) {
    return (
      <span class="num unknown" title="unknown">
        <span aria-hidden="true">{unknown}</span>
        <span class="visually-hidden">unknown</span>
      </span>
    );
  }
  return (
    <span class="num" title={title ?? String(value)}>
      {text}
    </span>
  );
}

/** "3 min ago", with the moment itself in the tooltip; by the server's clock. */
export function Age({ at }: { at: string | number | null }) {
  const nowMs = useNow();
  if (at === null) return <Num value={null} />;
  const atMs = typeof at === "number" ? at : Date.parse(at);
  const moment = formatMoment(atMs);
  return (
    <time dateTime={new Date(atMs).toISOString()} title={moment}>
      {nowMs === null ? moment : formatAge(atMs, nowMs)}
    </time>
  );
}

/** "14:03:09", with the date in the tooltip and, where it is another day, before it. */
export function Moment({ at }: { at: string | number }) {
  const nowMs = useApp().live.nowMs.peek();
  const atMs = typeof at === "number" ? at : Date.parse(at);
  const moment = formatMoment(atMs);
  const isToday = nowMs !== null && formatMoment(nowMs).slice(0, 10) === moment.slice(0, 10);
  return (
    <time class="num" dateTime={new Date(atMs).toISOString()} title={moment}>
      {isToday ? formatClock(atMs) : moment}
    </time>
  );
}

/** A word with an explanation that opens by mouse, touch and keyboard. */
export function Explained({ term, children }: { term: string; children: ComponentChildren }) {
  return (
    <details class="explained">
      <summary>{term}</summary>
      <div class="explained-text">{children}</div>
    </details>
  );
}
