import { Num } from "../parts/text.tsx";
import type { Unit } from "../words/numbers.ts";
import { formatMoment } from "../words/time.ts";
import { pickRows } from "./chart-model.ts";
import type { ChartData } from "./chart-model.ts";

/** Longer series are shown by so many of their times. */
const rowsMax = 60;

/** A chart's values as a table, the newest first, with what happened at the end. */
export function ChartTable({
  title,
  unit,
  data: { atMs, lines, marks = [] },
}: {
  title: string;
  unit: Unit;
  data: ChartData;
}) {
  const rows = pickRows(atMs.length, rowsMax).toReversed();
  return (
    <div class="table-scroll chart-table" role="region" aria-label={`${title}, table`} tabIndex={0}>
      <table class="table">
        <caption class="visually-hidden">{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ key, label }) => (
              <th key={key} scope="col" class="numeric">
                <bdi>{label}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((at) => (
            <tr key={at}>
              <th scope="row" class="num">
                {formatMoment(atMs[at] as number)}
              </th>
              {lines.map(({ key, values }) => (
                <td key={key} class="numeric">
                  <Num value={values[at]} unit={unit} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length < atMs.length && (
        <p class="muted small">
          {rows.length} of {atMs.length} times, evenly spread.
        </p>
      )}
      {marks.length > 0 && (
        <ul class="mark-list">
          {marks.map(({ atMs: moment, says }, at) => (
            <li key={at}>
              <span class="num">{formatMoment(moment)}</span> <span dir="auto">{says}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
