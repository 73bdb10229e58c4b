import type { Cell } from "../document.ts";

/** A table's row of cells and of runs of cells. */
export function rowOf(...parts: readonly (Cell | readonly Cell[])[]): Cell[] {
  return parts.flat();
}
