import UPlot from "uplot";
import { seriesDashes, seriesLooks } from "../parts/variant-mark.tsx";
import { formatValue } from "../words/numbers.ts";
import type { Unit } from "../words/numbers.ts";
import { formatTick } from "../words/time.ts";
import type { ChartColours } from "./chart-colours.ts";
import { stackLines } from "./chart-model.ts";
import type { ChartData, ChartLine } from "./chart-model.ts";
import { thinOut } from "./thinning.ts";
import { drawMarks, marksHeight } from "./plot-marks.ts";

export type PlotOptions = {
  readonly unit: Unit;
  readonly isStacked: boolean;
  /** Values hold until the next one, instead of leading to it. */
  readonly isStepped: boolean;
  /** The axis reaches at least this far. */
  readonly atLeast: number;
  /** The axis begins at its values instead of at 0. */
  readonly isFloating: boolean;
  /** Charts of one group move their cursors together. */
  readonly group: string | null;
  readonly onCursor: (at: number | null) => void;
};

const font = "11px system-ui, sans-serif";
const quiet = "quiet";
/** Pixels that a piece of a thinned series takes. */
const pieceWidth = 3;

/** A drawn chart: a canvas that is kept while data comes and goes. */
export class Plot {
  readonly #plot: UPlot;
  readonly #options: PlotOptions;
  #data: ChartData;
  #colours: ChartColours;
  #hidden: ReadonlySet<string> = new Set();
  #isDense = false;
  #width = 0;
  /** Which of the given points each drawn one stands for. */
  #origin: readonly number[] = [];

  constructor(
    box: HTMLElement,
    size: { readonly width: number; readonly height: number },
    data: ChartData,
    colours: ChartColours,
    options: PlotOptions,
  ) {
    this.#data = data;
    this.#colours = colours;
    this.#options = options;
    this.#width = size.width;
    this.#isDense = data.atMs.length > size.width;
    this.#plot = new UPlot(this.#describe(size), this.#columns(), box);
  }

  /** Takes in other values of the same lines. */
  setData(data: ChartData): void {
    this.#data = data;
    this.#fitLines();
    this.#plot.setData(this.#columns());
  }

  /** Where there are more points than pixels, dashes cannot be told from the line's own ups and downs, and cost the most. */
  #fitLines(): void {
    const isDense = this.#data.atMs.length > this.#width;
    if (isDense === this.#isDense) return;
    this.#isDense = isDense;
    for (const [at, line] of this.#data.lines.entries()) {
      const series = this.#plot.series[at + 1];
      if (series !== undefined) Object.assign(series, this.#strokeOf(line));
    }
  }

  #strokeOf({ look }: ChartLine): Pick<UPlot.Series, "width" | "dash"> {
    const width = look === quiet || this.#isDense ? 1 : 1.75;
    if (this.#isDense || this.#options.isStacked) return { width, dash: [] };
    return {
      width,
      dash: [...(typeof look === "number" ? (seriesDashes[look % seriesLooks] ?? []) : [4, 4])],
    };
  }

  setColours(colours: ChartColours): void {
    this.#colours = colours;
    this.#plot.redraw(false, true);
  }

  setSize(width: number, height: number): void {
    this.#width = width;
    this.#plot.setSize({ width, height });
  }

  hide(hidden: ReadonlySet<string>): void {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    for (const [at, { key }] of this.#data.lines.entries()) {
      const isShown = !hidden.has(key);
      if (this.#plot.series[at + 1]?.show !== isShown) {
        this.#plot.setSeries(at + 1, { show: isShown });
      }
    }
  }

  /** Moves the cursor to a time, by index; null takes it away. */
  setCursor(at: number | null): void {
    const moment = at === null ? undefined : this.#data.atMs[at];
    const left = moment === undefined ? -10 : this.#plot.valToPos(moment, "x");
    this.#plot.setCursor({ left, top: moment === undefined ? -10 : 10 });
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #columns(): UPlot.AlignedData {
    const { atMs, lines, band } = this.#data;
    const columns = this.#options.isStacked ? stackLines(lines) : lines.map(({ values }) => values);
    const edges = band ? [band.high, band.low] : [];
    const thinned = thinOut(atMs, [...columns, ...edges], this.#width / pieceWidth);
    this.#origin = thinned.origin;
    return [thinned.atMs as number[], ...(thinned.columns as (number | null)[][])];
  }

  #describe({ width, height }: { readonly width: number; readonly height: number }): UPlot.Options {
    const { isStacked, onCursor, group } = this.#options;
    const { lines, band } = this.#data;
    const edgeAt = lines.length + 1;
    const bands: UPlot.Band[] = [];
    if (isStacked) {
      for (let at = lines.length; at > 1; at -= 1) {
        bands.push({ series: [at, at - 1], fill: () => this.#fill(lines[at - 1] as ChartLine) });
      }
    }
    if (band) {
      const { look } = band;
      bands.push({ series: [edgeAt, edgeAt + 1], fill: () => `${this.#seriesColour(look)}2b` });
    }
    return {
      width,
      height,
      ms: 1,
      legend: { show: false },
      padding: [marksHeight, 8, 0, 0],
      cursor: {
        y: false,
        drag: { setScale: false, x: false, y: false },
        points: { size: 7, fill: () => this.#colours.surface },
        ...(group !== null && { sync: { key: group, scales: ["x", null] as const } }),
      },
      scales: {
        x: { time: true, range: () => [this.#data.range.fromMs, this.#data.range.toMs] },
        y: { range: (_, least, most) => this.#rangeOf(least, most) },
      },
      axes: [this.#timeAxis(), this.#valueAxis()],
      series: [
        {},
        ...lines.map((line, at) => this.#describeLine(line, at)),
        ...(band ? [this.#edge(), this.#edge()] : []),
      ],
      bands,
      hooks: {
        setCursor: [
          ({ cursor: { idx } }) =>
            onCursor(typeof idx === "number" ? (this.#origin[idx] ?? null) : null),
        ],
        draw: [(plot) => drawMarks(plot, this.#data.marks ?? [], this.#colours)],
      },
    };
  }

  #describeLine(line: ChartLine, at: number): UPlot.Series {
    const { isStepped, isStacked } = this.#options;
    const stepped = isStepped ? UPlot.paths.stepped?.({ align: 1 }) : undefined;
    return {
      label: line.label,
      ...this.#strokeOf(line),
      stroke: () => this.#colour(line.look),
      ...(stepped !== undefined && { paths: stepped }),
      ...(isStacked && at === 0 && { fill: () => this.#fill(line) }),
      points: {
        size: 5,
        width: 1.5,
        filter: (plot, series, isShown, gaps) =>
          isShown || !gaps || gaps.length === 0 ? null : lonelyPoints(plot.data[series] ?? []),
      },
    };
  }

  #edge(): UPlot.Series {
    return { width: 0, points: { show: false } };
  }

  #timeAxis(): UPlot.Axis {
    return {
      ...this.#axis(),
      space: 70,
      size: 28,
      values: (_, ticks, __, ___, stepMs) => ticks.map((tick) => formatTick(tick, stepMs)),
    };
  }

  #valueAxis(): UPlot.Axis {
    const { unit } = this.#options;
    return {
      ...this.#axis(),
      space: 34,
      size: (_, labels) => 14 + 6.4 * Math.max(3, ...(labels ?? []).map(({ length }) => length)),
      values: (_, ticks) => ticks.map((tick) => formatValue(tick, unit)),
    };
  }

  #axis(): UPlot.Axis {
    return {
      font,
      stroke: () => this.#colours.text,
      grid: { stroke: () => this.#colours.grid, width: 1 },
      ticks: { show: false },
    };
  }

  /** From 0, so that a small change looks small; a share ends at 100 %. */
  #rangeOf(least: number | null, most: number | null): UPlot.Range.MinMax {
    const { atLeast, isFloating, unit, isStacked } = this.#options;
    if (isStacked && unit === "share") return [0, 1];
    const top = Math.max(most ?? 0, atLeast);
    const floor = isFloating && least !== null ? least : Math.min(0, least ?? 0);
    if (top === floor)
      return unit === "share" ? [Math.max(0, top - 0.01), Math.max(0.01, top)] : [floor, floor + 1];
    const room = (top - floor) * 0.08;
    const low = isFloating ? Math.max(0, floor - room) : floor;
    return [low, unit === "share" && top <= 1 ? Math.min(1, top + room) : top + room];
  }

  #colour(look: ChartLine["look"]): string {
    if (look === "limit") return this.#colours.limit;
    return look === quiet ? this.#colours.text : this.#seriesColour(look);
  }

  #seriesColour(look: number): string {
    return this.#colours.series[look % seriesLooks] as string;
  }

  #fill({ look }: ChartLine): string {
    return `${this.#colour(look)}59`;
  }
}

/** Values between two gaps, through which no line goes. */
function lonelyPoints(values: UPlot.AlignedData[number]): number[] {
  const lonely: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    const isAlone = (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
    if (isAlone && (values[at] ?? null) !== null) lonely.push(at);
  }
  return lonely;
}
