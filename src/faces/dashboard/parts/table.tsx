import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

export type Column<Row> = {
  readonly key: string;
  readonly title: string;
  /** Explains the column, in a tooltip. */
  readonly hint?: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Makes the column sortable; null sorts last. */
  readonly sortBy?: (row: Row) => number | string | null;
  /** Numbers stand at the end of their column. */
  readonly isNumber?: boolean;
  /** The column that names the row, for screen readers. */
  readonly isHead?: boolean;
};

type Order = { readonly key: string; readonly isDescending: boolean };

/** A table that scrolls sideways where it is too wide, and sorts where a column can. */
export function Table<Row>({
  caption,
  columns,
  rows,
  rowKey,
  order: first = null,
}: {
  /** Said by screen readers; the card's heading shows the same. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  order?: Order | null;
}) {
  const [order, setOrder] = useState<Order | null>(first);
  const sorted = sort(rows, columns, order);
  return (
    <div class="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} order={order} setOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ key, cell, isNumber = false, isHead = false }) =>
                isHead ? (
                  <th key={key} scope="row" class={isNumber ? "numeric" : undefined}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={key} class={isNumber ? "numeric" : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>({
  column: { key, title, hint, sortBy, isNumber = false },
  order,
  setOrder,
}: {
  column: Column<Row>;
  order: Order | null;
  setOrder: (order: Order) => void;
}) {
  const isOrdered = order?.key === key;
  const direction = isOrdered ? (order.isDescending ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" class={isNumber ? "numeric" : undefined} title={hint} aria-sort={direction}>
      {sortBy === undefined ? (
        title
      ) : (
        <button
          type="button"
          class="sort"
          onClick={() =>
            setOrder({ key, isDescending: isOrdered ? !order.isDescending : isNumber })
          }
        >
          {title}
          <Icon name="sort" />
        </button>
      )}
    </th>
  );
}

function sort<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: Order | null,
): readonly Row[] {
  const sortBy = columns.find(({ key }) => key === order?.key)?.sortBy;
  if (order === null || sortBy === undefined) return rows;
  const turn = order.isDescending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const first = sortBy(one);
    const second = sortBy(other);
    if (first === null || second === null) {
      return Number(first === null) - Number(second === null);
    }
    return first < second ? -turn : first > second ? turn : 0;
  });
}
