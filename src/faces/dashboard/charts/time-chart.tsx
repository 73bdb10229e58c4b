import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "../app/context.ts";
import { VariantMark } from "../parts/variant-mark.tsx";
import { Num } from "../parts/text.tsx";
import type { Unit } from "../words/numbers.ts";
import { formatMoment } from "../words/time.ts";
import { readColours } from "./chart-colours.ts";
import { describeAt, lastKnown, summarise } from "./chart-model.ts";
import type { ChartData } from "./chart-model.ts";
import { ChartTable } from "./chart-table.tsx";
import { Plot } from "./plot.ts";

export type TimeChartProps = {
  readonly title: string;
  readonly unit: Unit;
  readonly data: ChartData;
  readonly isStacked?: boolean;
  readonly isStepped?: boolean;
  readonly isFloating?: boolean;
  readonly atLeast?: number;
  /** Pixels. */
  readonly height?: number;
  /** Charts of one group move their cursors together. */
  readonly group?: string;
  /** Beside the title, such as a switch between percentiles. */
  readonly aside?: ComponentChildren;
};

/** The summary in words follows live values this slowly. */
const summaryMs = 10_000;
/** How long the cursor must rest before its values are read out. */
const announceMs = 400;

/**
 * Lines over time, with what happened as marks. The same without seeing it: a summary in words, a cursor by arrow keys that
 * is read out, and a table.
 */
export function TimeChart({
  title,
  unit,
  data,
  isStacked = false,
  isStepped = false,
  isFloating = false,
  atLeast = 0,
  height = 200,
  group,
  aside,
}: TimeChartProps) {
  const { theme, timers } = useApp();
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [announced, setAnnounced] = useState("");
  const [isTable, setTable] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const { atMs, lines, band } = data;
  const present = useRef({ data, cursor });
  present.current = { data, cursor };
  const shape = JSON.stringify([
    lines.map(({ key, look }) => [key, look]),
    band ? band.look : null,
    unit,
    isStacked,
    isStepped,
    isFloating,
    atLeast,
    group,
    isTable,
  ]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const size = { width: Math.max(120, element.clientWidth), height };
    const drawn = new Plot(element, size, present.current.data, readColours(element), {
      unit,
      isStacked,
      isStepped,
      isFloating,
      atLeast,
      group: group ?? null,
      onCursor: setCursor,
    });
    plot.current = drawn;
    let { width } = size;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width || element.clientWidth === 0) return;
      width = element.clientWidth;
      drawn.setSize(width, height);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current = null;
      drawn.destroy();
    };
  }, [shape, height]);

  useEffect(() => plot.current?.setData(data), [data]);
  useEffect(() => plot.current?.hide(hidden), [hidden, shape]);
  useEffect(
    () =>
      theme.theme.subscribe(() => {
        if (box.current !== null) plot.current?.setColours(readColours(box.current));
      }),
    [theme],
  );

  useEffect(() => {
    if (cursor === null || document.activeElement !== box.current) return undefined;
    return timers.after(announceMs, () =>
      setAnnounced(describeAt(present.current.data, cursor, unit)),
    );
  }, [cursor]);

  const move = (event: KeyboardEvent) => {
    const next = cursorAfter(event, present.current.cursor, atMs.length);
    if (next === undefined) return;
    event.preventDefault();
    setCursor(next);
    plot.current?.setCursor(next);
  };
  const toggle = (key: string) => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    setHidden(next);
  };

  // Not with each new point: nobody could listen to that.
  const summary = useMemo(
    () => summarise(present.current.data, unit),
    [shape, Math.floor(data.range.toMs / summaryMs), atMs.length === 0],
  );
  const moment = cursor === null ? undefined : atMs[cursor];
  return (
    <figure class="chart" aria-labelledby={`${id}-title`} aria-describedby={`${id}-summary`}>
      <figcaption class="chart-head">
        <span id={`${id}-title`} class="chart-title">
          {title}
        </span>
        <span class="chart-moment num">{moment === undefined ? "" : formatMoment(moment)}</span>
        {aside}
        <button
          type="button"
          class="button button-quiet button-small"
          aria-pressed={isTable}
          onClick={() => setTable(!isTable)}
        >
          {isTable ? "Chart" : "Table"}
          <span class="visually-hidden"> of {title}</span>
        </button>
      </figcaption>
      <p id={`${id}-summary`} class="visually-hidden">
        {summary}
      </p>
      {isTable ? (
        <ChartTable title={title} unit={unit} data={data} />
      ) : (
        <div
          ref={box}
          class="plot"
          tabIndex={0}
          role="group"
          aria-roledescription="chart"
          aria-label={`${title}. Arrow keys move through time, Home and End to its ends.`}
          onKeyDown={move}
          onBlur={() => plot.current?.setCursor(null)}
        >
          {atMs.length === 0 && <p class="plot-empty">Nothing measured in this time</p>}
        </div>
      )}
      <ul class="legend">
        {lines.map(({ key, label, look, values }) => (
          <li key={key}>
            <button type="button" aria-pressed={!hidden.has(key)} onClick={() => toggle(key)}>
              {typeof look === "number" ? (
                <VariantMark at={look} />
              ) : (
                <span class={`legend-line legend-${look}`} aria-hidden="true" />
              )}
              <bdi class="name" title={label}>
                {label}
              </bdi>
              <span class="legend-value">
                <Num value={cursor === null ? lastKnown(values) : values[cursor]} unit={unit} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div class="visually-hidden" aria-live="polite">
        {announced}
      </div>
    </figure>
  );
}

/** Where a key moves the cursor; undefined for a key that does not. */
function cursorAfter(
  { key, shiftKey }: KeyboardEvent,
  cursor: number | null,
  length: number,
): number | null | undefined {
  const last = length - 1;
  if (key === "Escape") return null;
  if (last < 0) return undefined;
  const step = shiftKey ? 10 : 1;
  const from = cursor ?? last;
  switch (key) {
    case "ArrowLeft":
      return cursor === null ? last : Math.max(0, from - step);
    case "ArrowRight":
      return Math.min(last, from + step);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
